"""Reads a strategy file in a process of its own.

A user's file may loop for ever, end the interpreter or overflow its stack;
here that costs one child.  `python -m strategies.probe` takes the source on
stdin and answers with JSON on stdout: the descriptions, or the error.
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
    from .registry import Description

TIMEOUT = 30.0
_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Probed:
    """What a file holds.  With an `error`, nothing in it can be used."""

    strategies: tuple[Description, ...] = ()
    error: str = ""


def probe(source: str, timeout: float = TIMEOUT) -> Probed:
    """Never raises for what the source does."""
    from .registry import Description

    child = subprocess.Popen(
        [sys.executable, "-m", "strategies.probe"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        answer, _ = child.communicate(source.encode(), timeout)
    except subprocess.TimeoutExpired:
        return Probed(error=f"loading it takes longer than {timeout:g} s")
    finally:
        _end(child)
    try:
        found = json.loads(answer)
        return Probed(tuple(Description(**d) for d in found["strategies"]), found["error"])
    except (ValueError, KeyError, TypeError):
        return Probed(error=f"it ends the interpreter while loading (code {child.returncode})")


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


def _end(child: subprocess.Popen[bytes]) -> None:
    """Ends the child with whatever the file has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.communicate()


def _main() -> None:
    source = sys.stdin.buffer.read().decode()
    # What the file prints must not mix with the answer.
    out = os.dup(1)
    os.dup2(2, 1)
    probed = read(source)
    answer: dict[str, Any] = {
        "strategies": [asdict(d) for d in probed.strategies],
        "error": probed.error,
    }
    with os.fdopen(out, "w") as stream:
        json.dump(answer, stream)
        stream.flush()
    # Threads and exit handlers of the file have no say any more.
    os._exit(0)


if __name__ == "__main__":
    _main()
