"""Backtests in a process of their own, for where requests are answered.

A user's strategy may loop for ever or end its interpreter; in `simulate` that
costs one child, and the server does not import the engine.  `python -m runs.apart`
takes a request on stdin and answers on stdout: arrays in NumPy's npz, the rest
as JSON among them.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exchanges.domain import Bars, CracktraderError

from .engine.config import RunConfig

if TYPE_CHECKING:
    from .engine.results import Simulation

_ROOT = Path(__file__).resolve().parent.parent
_HEAD = "head"
_TABLES = ("time", "equity", "cash", "close", "orders", "trades", "pending", "positions")


Job = tuple[RunConfig, Sequence[Bars]]


def simulate_here(
    source: str, name: str, values: dict[str, Any], jobs: Sequence[Job]
) -> list[Simulation | CracktraderError]:
    """What the strategy `name` of `source` makes of each job's bars, or why it does not.

    In this process, as a worker does; `simulate` is for the web.
    """
    from strategies import params, registry

    from .engine import backtest, vectorized

    found: list[Simulation | CracktraderError] = []
    for config, series in jobs:
        try:
            strategy = registry.load(source, name)
            wanted = params.validate(strategy.Params, values)
            decisions = backtest.decide(strategy, wanted, series)
            found.append(vectorized.simulate(config, series, decisions))
        except CracktraderError as error:
            found.append(error)
    return found


def simulate(
    source: str,
    name: str,
    values: dict[str, Any],
    jobs: Sequence[Job],
    seconds: float,
) -> list[Simulation | CracktraderError]:
    """The same in the child.

    RUN_TIMEOUT for all where it takes longer than `seconds`, STRATEGY_FAILED
    where it ends its process.
    """
    from .engine.limits import LimitHit
    from .engine.results import Simulation

    try:
        answer = _ask(_request(source, name, values, jobs), seconds)
    except CracktraderError as error:
        return [error] * len(jobs)
    head = json.loads(answer[_HEAD].tobytes())
    found: list[Simulation | CracktraderError] = []
    for number, (refused, limit) in enumerate(head):
        if refused:
            code, message, details = refused
            found.append(CracktraderError(code, message, **details))
        else:
            tables = {table: answer[f"{number}.{table}"] for table in _TABLES}
            hit = LimitHit.from_dict(limit) if limit else None
            found.append(Simulation(**tables, limit=hit))
    return found


def _request(
    source: str,
    name: str,
    values: dict[str, Any],
    jobs: Sequence[Job],
) -> bytes:
    import numpy as np

    from .engine import artifacts

    configs = [config.to_dict() for config, _ in jobs]
    head = {"source": source, "name": name, "values": values, "configs": configs}
    bars = [artifacts.encode_bars(series)[0] for _, series in jobs]
    return _pack(head, {str(n): np.frombuffer(b, np.uint8) for n, b in enumerate(bars)})


def _pack(head: Any, arrays: dict[str, Any]) -> bytes:
    import numpy as np

    packed = io.BytesIO()
    text = json.dumps(head, default=str).encode()
    np.savez(packed, **{_HEAD: np.frombuffer(text, np.uint8)}, **arrays)
    return packed.getvalue()


def _ask(request: bytes, seconds: float) -> dict[str, Any]:
    import numpy as np

    child = subprocess.Popen(
        [sys.executable, "-m", "runs.apart"],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        out, _ = child.communicate(request, seconds)
        # What a user's code may have written is data, never a pickle.
        with np.load(io.BytesIO(out), allow_pickle=False) as answer:
            return dict(answer)
    except subprocess.TimeoutExpired:
        raise CracktraderError("RUN_TIMEOUT", f"It took longer than {seconds:g} s") from None
    except (ValueError, OSError, EOFError):
        raise CracktraderError(
            "STRATEGY_FAILED", f"It ended its process (code {child.returncode})"
        ) from None
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.communicate()


def _answer(request: bytes) -> bytes:
    import numpy as np

    from .engine import artifacts

    with np.load(io.BytesIO(request), allow_pickle=False) as asked:
        head = json.loads(asked[_HEAD].tobytes())
        contents = [asked[str(number)].tobytes() for number in range(len(head["configs"]))]
    configs = [RunConfig.from_dict(plain) for plain in head["configs"]]
    jobs = [(c, artifacts.decode_bars(b, c)) for c, b in zip(configs, contents, strict=True)]
    told: list[tuple[Any, Any]] = []
    arrays: dict[str, Any] = {}
    for number, found in enumerate(
        simulate_here(head["source"], head["name"], head["values"], jobs)
    ):
        if isinstance(found, CracktraderError):
            told.append(((found.code, found.message, found.details), None))
            continue
        limit = found.limit
        told.append((None, limit and {"reason": limit.reason, "time": limit.time}))
        arrays |= {f"{number}.{table}": getattr(found, table) for table in _TABLES}
    return _pack(told, arrays)


def _main() -> None:
    request = sys.stdin.buffer.read()
    # What the strategy prints must not mix with the answer.
    out = os.dup(1)
    os.dup2(2, 1)
    # Seconds of computing: whoever asks the server for more comes first.
    os.nice(10)
    answer = _answer(request)
    with os.fdopen(out, "wb") as stream:
        stream.write(answer)
    # The strategy's threads and exit handlers have no say any more.
    os._exit(0)


if __name__ == "__main__":
    _main()
