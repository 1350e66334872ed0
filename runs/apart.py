"""Backtests in a process of their own, for where requests are answered.

A user's strategy may loop for ever or end its interpreter; in `simulate` that
costs one child, and the server does not import the engine.  `python -m runs.apart`
takes a request on stdin and answers on stdout: arrays in NumPy's npz, the rest
as JSON among them.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from exchanges.domain import Bars, CracktraderError
from strategies import children

from .engine.config import RunConfig

if TYPE_CHECKING:
    from .engine.results import Simulation

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
        answer = children.ask("runs.apart", _request(source, name, values, jobs), seconds, _read)
    except children.Lost as lost:
        code = "RUN_TIMEOUT" if isinstance(lost, children.Late) else "STRATEGY_FAILED"
        return [CracktraderError(code, f"{name}: {lost}")] * len(jobs)
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


def _read(answer: bytes) -> dict[str, Any]:
    import numpy as np

    # What a user's code may have written is data, never a pickle.
    with np.load(io.BytesIO(answer), allow_pickle=False) as tables:
        return dict(tables)


def _answer(request: bytes) -> bytes:
    import numpy as np

    from .engine import artifacts

    # Seconds of computing: whoever asks the server for more comes first.
    os.nice(10)
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


if __name__ == "__main__":
    children.answer(_answer)
