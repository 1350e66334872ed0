"""A stepped run's books: from its rows while it goes on, from its tables when it is over."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from exchanges.domain import Bars, CracktraderError, InvalidInput, Purpose, Side

from . import tape
from .engine.config import RunConfig
from .models import Run
from .results import Results, content
from .tape import BARS

if TYPE_CHECKING:
    from .engine.results import Simulation
    from .engine.state import State


@dataclass(frozen=True, eq=False, slots=True)
class Books:
    """A stepped run's books, as a backtest over the same bars would have them.

    `config` ends where the run stands; `series` are the bars it saw, anchor to
    end; `late` the open times of the rows that were stepped late.
    """

    config: RunConfig
    series: list[Bars]
    simulation: Simulation
    late: set[int]


def read(run: Run) -> Books:
    """The run's books so far, or as they were closed.

    Raises NOTHING_STEPPED, and BOOKS_LOST where bars it stepped are gone, which
    can only happen to a run that ended without closing its books.
    """
    from .engine.state import State

    if run.result_hash:
        return _closed(run)
    config = effective(run)
    state = State.from_dict(run.checkpoint["state"])
    # Read as the slices read it, over the whole range however far it came.
    tape_now = tape.read(run, RunConfig.from_dict(run.config["engine"]))
    return _from_rows(run, config, state, tape_now.series)


def metrics(run: Run) -> dict[str, float | int | None]:
    """What a run that goes on has come to so far; nothing before its first bar."""
    if run.result_hash or not run.is_stepped or not run.checkpoint:
        measured: dict[str, float | int | None] = run.metrics
        return measured
    return _metrics(run.pk, run.cursor_ms)


@lru_cache(maxsize=64)
def _metrics(run_id: int, cursor_ms: int) -> dict[str, float | int | None]:
    from .engine.metrics import metrics

    try:
        now = read(Run.objects.select_related("exchange").get(pk=run_id))
    except CracktraderError:
        # Candles that are gone end the run, not the answer about it.
        return {}
    return metrics(now.config, now.simulation)


def effective(run: Run) -> RunConfig:
    """The run's config as a backtest over what it stepped so far would have it.

    Raises NOTHING_STEPPED before the first bar.
    """
    config = RunConfig.from_dict(run.config["engine"])
    end = config.timeframe.ceil(run.cursor_ms or config.start_ms)
    if end <= config.start_ms:
        raise InvalidInput("NOTHING_STEPPED", "The run has not stepped a bar yet")
    flatten_at = run.checkpoint.get("flatten_at")
    return replace(config, end_ms=min(end, config.end_ms), flatten_at=flatten_at)


def seen(run: Run) -> tuple[RunConfig, list[Bars]]:
    """What a run that is over was run with, and the bars it saw.

    Raises NOTHING_STEPPED where it ended before its first bar.
    """
    from .engine import artifacts

    if not run.result_hash:
        raise InvalidInput("NOTHING_STEPPED", "The run ended before its first bar")
    stored = content(Results(run).artifact(BARS))
    config = RunConfig.from_dict(run.seal["config"]["engine"])
    return config, artifacts.decode_bars(stored, config)


def _from_rows(run: Run, config: RunConfig, state: State, series: Sequence[Bars]) -> Books:
    from .engine import inputs, steps
    from .engine.results import ORDER_DTYPE

    index = {str(symbol): number for number, symbol in enumerate(config.symbols)}
    # Meanwhile another slice may have been committed: nothing of it belongs to this state.
    filled = run.orders.filter(number__lt=state.fills).order_by("number")
    columns = ("symbol", "side", "purpose", "created_ms", "time_ms", "amount", "price", "fee")
    orders = np.array(
        [
            (index[symbol], Side[side.upper()], Purpose[purpose.upper()], *rest)
            for symbol, side, purpose, *rest in filled.values_list(*columns, "trade")
        ],
        ORDER_DTYPE,
    )
    known = run.points.filter(time__lt=state.cursor).order_by("time")
    rows = list(known.values_list("time", "equity", "cash", "late"))
    if not rows:
        raise InvalidInput("NOTHING_STEPPED", "The run has not stepped a bar yet, or is over now")
    window = [bars.between(config.anchor_ms, config.end_ms) for bars in series]
    points = [(time, equity, cash) for time, equity, cash, _ in rows]
    if run.is_live:
        # What was booked since the newest close has made the run worth something else.
        points[-1] = (points[-1][0], state.equity, state.cash)
    stepped = inputs.union([bars.between(config.start_ms, config.end_ms) for bars in window])
    if stepped.tolist() != [point[0] for point in points]:
        raise CracktraderError("BOOKS_LOST", "Bars that the run stepped are not kept any more")
    simulation = steps.simulation(config, window, state, orders, points)
    return Books(config, window, simulation, {row[0] for row in rows if row[3]})


def _closed(run: Run) -> Books:
    from .engine import artifacts, inputs
    from .engine.results import PENDING_DTYPE, Simulation

    config, series = seen(run)
    results = Results(run)

    def table(name: str) -> Any:
        return artifacts.decode(name, content(results.artifact(name)))

    equity, symbols = table("equity"), [str(symbol) for symbol in config.symbols]
    held = {row["symbol"]: row["size"] for row in run.outcome["positions"]}
    pending = [
        (
            symbols.index(row["symbol"]),
            Side[row["side"].upper()],
            Purpose[row["purpose"].upper()],
            row["created"],
        )
        for row in run.outcome["pending_orders"]
    ]
    window = [bars.between(config.start_ms, config.end_ms) for bars in series]
    simulation = Simulation(
        time=equity["time"],
        equity=equity["equity"],
        cash=equity["cash"],
        close=inputs.last_closes(window, equity["time"]),
        orders=table("orders"),
        trades=table("trades"),
        pending=np.array(pending, PENDING_DTYPE),
        positions=np.array([held.get(symbol, 0.0) for symbol in symbols]),
    )
    return Books(config, series, simulation, set(run.outcome["late"]))
