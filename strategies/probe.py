"""Runs a user's strategy file in a process of its own.

Such a file may loop for ever, end the interpreter or overflow its stack; here
that costs one child.  `python -m strategies.probe` takes a request on stdin
and answers on stdout, both JSON.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exchanges.domain import InvalidInput

if TYPE_CHECKING:
    from .findings import CheckReport
    from .registry import Description

TIMEOUT = 30.0
_START_SECONDS = 15.0
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Probed:
    """What a file holds.  With an `error`, nothing in it can be used."""

    strategies: tuple[Description, ...] = ()
    error: str = ""


def probe(source: str, timeout: float = TIMEOUT) -> Probed:
    """What `source` defines.  Never raises for what it does while it loads."""
    from .registry import Description

    try:
        answer = _ask({"source": source}, timeout)
        return Probed(tuple(Description(**d) for d in answer["strategies"]), answer["error"])
    except InvalidInput as error:
        return Probed(error=error.message)


def read(source: str) -> Probed:
    """The same in this process, for files that are trusted to load."""
    from . import registry

    try:
        classes = registry.strategies_in(source)
        if not classes:
            return Probed(error="it defines no strategy: subclass strategies.base.Strategy")
        return Probed(tuple(registry.describe(cls) for cls in classes.values()))
    except InvalidInput as error:
        return Probed(error=error.message)


def check(source: str, name: str, values: dict[str, Any], seconds: float) -> CheckReport:
    """`strategies.bias.check` on synthetic bars.  Raises STRATEGY_BROKEN when it never ends."""
    from .findings import CheckReport, Finding

    request = {"source": source, "name": name, "params": values, "seconds": seconds}
    answer = _ask(request, seconds + _START_SECONDS)
    findings = [Finding(**f) for f in answer.pop("findings")]
    return CheckReport(**answer, findings=findings)


def check_here(source: str, name: str, values: dict[str, Any], seconds: float) -> CheckReport:
    """The same in this process, for strategies that are trusted to end."""
    from . import bias, params, registry, synthetic

    strategy = registry.load(source, name)
    wanted = params.validate(strategy.Params, values)
    series = synthetic.series_for(strategy, wanted)
    return bias.check(strategy, wanted, series, seconds=seconds)


def _ask(request: dict[str, Any], timeout: float) -> dict[str, Any]:
    child = subprocess.Popen(
        [sys.executable, "-m", "strategies.probe"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        out, _ = child.communicate(json.dumps(request).encode(), timeout)
        answer: dict[str, Any] = json.loads(out)
    except subprocess.TimeoutExpired:
        raise InvalidInput("STRATEGY_BROKEN", f"it takes longer than {timeout:g} s") from None
    except ValueError:
        raise InvalidInput(
            "STRATEGY_BROKEN", f"it ends the interpreter (code {child.returncode})"
        ) from None
    finally:
        _end(child)
    if "refused" in answer:
        code, message, details = answer["refused"]
        raise InvalidInput(code, message, **details)
    return answer


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends the child with whatever the file has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    if "name" not in request:
        return asdict(read(request["source"]))
    try:
        return asdict(
            check_here(request["source"], request["name"], request["params"], request["seconds"])
        )
    except InvalidInput as error:
        return {"refused": (error.code, error.message, error.details)}


def _main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    # What the file prints must not mix with the answer.
    out = os.dup(1)
    os.dup2(2, 1)
    answer = json.dumps(_answer(request))
    with os.fdopen(out, "w") as stream:
        stream.write(answer)
    # The file's threads and exit handlers have no say any more.
    os._exit(0)


if __name__ == "__main__":
    _main()
