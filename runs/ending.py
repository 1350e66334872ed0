"""How a stepped run ends: its books are closed into the same tables as a backtest's."""

from __future__ import annotations

import logging
from typing import Any

from django.db import DatabaseError

from exchanges import crash
from exchanges.domain import CracktraderError, InvalidInput

from . import books, recorder, runner, services
from .models import Run
from .recorder import Happening, Lease, LeaseLost

logger = logging.getLogger(__name__)


def stop(lease: Lease, run: Run, reason: str) -> None:
    _end(lease, run, Run.Status.STOPPED, ("run.stopped", {"reason": reason}))


def over(lease: Lease, run: Run) -> None:
    """Nothing is left to step: the replay is over, or everything was sold and that was the end."""
    limit = run.checkpoint["state"]["limit"]
    if limit is None:
        summary = {"value": run.value, "trade_count": run.trade_count}
        _end(lease, run, Run.Status.COMPLETED, ("run.completed", summary), progress=1.0)
    elif limit["reason"] == "flatten":
        stop(lease, run, "stop requested, everything sold")
    else:
        reason = limit["reason"]
        _end(
            lease,
            run,
            Run.Status.STOPPED,
            ("run.stopped", {"reason": reason}),
            error_code="LOSS_LIMIT",
            error=f"The run's {reason} limit was broken and everything was sold",
            error_details=limit,
        )


def fail(lease: Lease, run: Run) -> None:
    """With its books as far as they go; without them where those cannot be closed either.

    Raises OSError, for another try, while its files cannot be written.
    """
    error = CracktraderError(run.error_code, run.error)
    error.details = run.error_details
    data = {"code": error.code, "message": error.message, "details": error.details}
    try:
        _end(lease, run, Run.Status.FAILED, ("run.failed", data))
    except (LeaseLost, OSError, DatabaseError):
        raise
    except Exception:
        logger.exception("run %s: its books could not be closed", run.public_id)
        recorder.fail(lease, error)


def _end(lease: Lease, run: Run, status: Run.Status, happening: Happening, **fields: Any) -> None:
    from .engine import artifacts, backtest, seal

    try:
        closed = books.read(run)
    except InvalidInput:
        recorder.end(lease, happening, status, {}, **fields)
        return
    config, simulation = closed.config, closed.simulation
    checkpoint = run.checkpoint
    result = backtest.conclude(
        config, closed.series, simulation, checkpoint["warmup"], checkpoint["signals"]
    )
    tables = artifacts.encode(simulation) | {books.BARS: artifacts.encode_bars(closed.series)}
    hashes = {str(bars.symbol): bars.content_hash() for bars in closed.series}
    figures = runner.figures(config, result)
    figures["outcome"]["late"] = sorted(closed.late)
    crash.point("closed")
    recorder.end(
        lease,
        happening,
        status,
        tables,
        seal=runner.make_seal(run, config, hashes),
        result_hash=seal.result_digest(simulation, result.metrics),
        **figures,
        **fields,
    )
    crash.point("ended")
    services.send(run.id, "report_drift")
