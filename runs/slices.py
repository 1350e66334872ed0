"""What every slice of a stepped run does alike: how far it goes, and what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from . import recorder, tape
from .engine.config import RunConfig
from .ledger import Entries
from .models import Run
from .recorder import Lease

if TYPE_CHECKING:
    from .engine.state import State
    from .engine.steps import Step


def end(seen: tape.Tape, cursor: int) -> int:
    """The watermark, or where enough bars are together: a long way is gone in many slices."""
    from .engine import inputs

    rows = inputs.union([bars.between(cursor, seen.watermark) for bars in seen.series])
    if len(rows) <= settings.SLICE_BARS:
        return seen.watermark
    return int(rows[settings.SLICE_BARS])


def see(checkpoint: dict[str, Any], step: Step) -> None:
    """The widest drawdown so far.  Not the watch's: without limits that does not look."""
    checkpoint["peak"] = peak = max(checkpoint["peak"], step.equity)
    checkpoint["max_drawdown"] = max(checkpoint["max_drawdown"], 1 - step.equity / peak)


def commit(
    lease: Lease,
    run: Run,
    config: RunConfig,
    state: State,
    checkpoint: dict[str, Any],
    entries: Entries,
    *,
    settled: bool = False,
) -> None:
    """Within the caller's transaction; LeaseLost where another has the run.

    `settled`: orders were booked, so the run's worth is another though no bar is.
    """
    figures: dict[str, Any] = {}
    if entries.points or settled:
        figures = {
            "cash": state.cash,
            "value": state.equity,
            "trade_count": state.trades,
            "total_return": state.equity / config.initial_cash - 1,
            "max_drawdown": checkpoint["max_drawdown"],
            "late_bars": run.late_bars + entries.late,
        }
    if run.replay is not None:
        length = config.end_ms - config.start_ms
        figures["progress"] = min((state.cursor - config.start_ms) / length, 1.0)
    recorder.hand_back(
        lease, entries.happened, checkpoint=checkpoint, cursor_ms=state.cursor, **figures
    )
    entries.save(run.id)
