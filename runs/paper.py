"""A stepped run, one bounded slice at a time: claim, step what is new, commit.

A slice is one transaction: rows, Events, checkpoint, cursor and the lease that
is given back, all under the fence of its claim.  Whatever moment a worker dies
at, the next slice begins where the last commit left off and says the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from django_q.exceptions import TimeoutException

from exchanges import crash
from exchanges.domain import CracktraderError
from exchanges.queries import clock

from . import due, ending, leases, live, preparing, recorder, slices, tape
from .engine.config import RunConfig
from .ledger import Ledger
from .models import TRYING_AGAIN, Run
from .recorder import Lease, LeaseLost
from .runner import Progress, drop_connection, strategy_of, times_lost
from .watch import Interrupted, Watch

if TYPE_CHECKING:
    from .engine.state import State

logger = logging.getLogger(__name__)

_DISK_PAUSE = timedelta(seconds=5)
_FILES_PATIENCE = timedelta(minutes=1)


def advance(run_id: int, on_progress: Progress | None = None) -> bool:
    """Works one slice off if the run is due and nobody else does.  False: there was nothing to do.

    What goes wrong with the run ends up on it.  Raises DatabaseError, when
    nothing can be written: the lease is then left to the sweeper, as it is when
    the process dies.
    """
    claimed = leases.claim(run_id, whole=False)
    if claimed is None:
        return False
    lease, run = claimed
    crash.point("claimed")
    watch = Watch(lease, on_progress, obeys_stop=not run.flatten)
    try:
        _work(lease, run, watch)
    except LeaseLost:
        logger.warning("run %s was taken over; this worker's slice is dropped", run.public_id)
    except Interrupted:
        if watch.raised:
            drop_connection()
        if not watch.lost:
            _try(run, recorder.hand_back, lease, due_at=timezone.now())
    except CracktraderError as error:
        if error.code == "ARTIFACT_NOT_FOUND":
            _wait(lease, run, error)
        else:
            _fail(lease, run, error)
    except DatabaseError:
        raise
    except OSError as error:
        _wait(lease, run, error)
    except TimeoutException:
        drop_connection()
        seconds = settings.SLICE_TIMEOUT if run.on_live else settings.BACKTEST_TIMEOUT
        error = CracktraderError("RUN_TIMEOUT", f"A slice took longer than {seconds} s")
        _fail(lease, run, error)
        raise
    except Exception as error:
        logger.exception("run %s failed", run.public_id)
        text = f"{type(error).__name__}: {error}"[:1000]
        _fail(lease, run, CracktraderError("RUN_FAILED", text))
    return True


def _work(lease: Lease, run: Run, watch: Watch) -> None:
    closes = run.error_code or (run.stop_requested_at is not None and not run.flatten)
    if closes and run.is_live and (wound := live.wind_up(run)) is not None:
        wound(lease)
    elif run.error_code:
        ending.fail(lease, run)
    elif run.stop_requested_at is not None and not run.checkpoint:
        recorder.stop(lease, "stopped before it began")
    elif run.stop_requested_at is not None and not run.flatten:
        ending.stop(lease, run, "stop requested")
    elif lost := times_lost(run):
        raise CracktraderError(
            "WORKER_LOST",
            f"The run's worker died {lost} times at the same place",
            attempts=lost,
        )
    elif not run.checkpoint:
        with watch:
            prepared = preparing.prepare(run, watch.progress)
        prepared(lease)
    else:
        with watch:
            written = (live.step if run.is_live else step)(run, watch.progress)
        crash.point("stepped")
        written(lease)


def _fail(lease: Lease, run: Run, error: CracktraderError) -> None:
    """The run is to be closed as failed: by the next slice, which has all its time for that.

    Where that fails too it ends as it is, with what it has in rows.
    """
    if run.error_code:
        _try(run, recorder.fail, lease, error)
        return
    fields = {
        "error_code": error.code,
        "error": error.message,
        "error_details": error.details,
    }
    _try(run, recorder.hand_back, lease, due_at=timezone.now(), **fields)


def _wait(lease: Lease, run: Run, error: OSError | CracktraderError) -> None:
    """A full disk or a volume that is not mounted is no reason to end a run that trades for weeks.

    Its files may be gone for good, though, and a run that was told to stop must stop.
    """
    name = error.code if isinstance(error, CracktraderError) else type(error).__name__
    logger.error("run %s: a slice could not be worked off: %s", run.public_id, error)
    asked = run.stop_requested_at
    if asked and isinstance(error, CracktraderError) and timezone.now() - asked > _FILES_PATIENCE:
        _try(run, recorder.stop, lease, f"its books could not be closed: {name}")
        return
    again = timezone.now() + _DISK_PAUSE
    _try(run, recorder.hand_back, lease, due_at=again, stage=f"{TRYING_AGAIN}: {name}")


def _try(run: Run, write: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    try:
        write(*args, **kwargs)
    except LeaseLost:
        logger.warning("run %s was taken over; this worker's end is dropped", run.public_id)


def step(run: Run, progress: Progress) -> Callable[[Lease], None]:
    """Steps what is known and was not stepped yet; returns what writes it all down."""
    from .engine import backtest
    from .engine.paper import PaperBroker
    from .engine.state import State
    from .engine.stepper import Stepper

    config = _flattening(run, RunConfig.from_dict(run.config["engine"]))
    checkpoint = dict(run.checkpoint)
    state = State.from_dict(checkpoint["state"])
    stepper = Stepper(config, PaperBroker(config, state.account), state)
    if stepper.finished:
        return lambda lease: ending.over(lease, run)
    if config.flatten_at is not None and _is_flat(state):
        return lambda lease: ending.stop(lease, run, "stop requested, nothing to sell")
    seen = tape.read(run, config)
    until = slices.end(seen, state.cursor)
    series = [bars.between(config.anchor_ms, until) for bars in seen.series]
    cls, params = strategy_of(run)
    decisions = backtest.decide(cls, params, series)
    progress("", run.progress)  # Raises if a stop or a new owner came meanwhile.

    cursor = state.cursor
    late_ms = None if run.replay else settings.LATE_SECONDS * 1000
    book = Ledger(run.id, config, series, clock().now_ms(), late_ms)
    for row in stepper.advance(series, decisions, until):
        book.add(row)
        slices.see(checkpoint, row)
        if stepper.finished:
            break
    counted = backtest.count_signals(config, series, decisions, cursor, state.cursor)
    signals = checkpoint["signals"]
    checkpoint["signals"] = {n: signals.get(n, 0) + count for n, count in counted.items()}
    checkpoint["missing"] += book.entries.missing
    checkpoint["state"] = state.to_dict()
    if config.flatten_at is not None:
        checkpoint["flatten_at"] = config.flatten_at

    def write(lease: Lease) -> None:
        with transaction.atomic():
            slices.commit(lease, run, config, state, checkpoint, book.entries)
            if not stepper.finished:
                due.arrange(run, config, state.cursor)
            else:
                # The next slice closes the books.
                Run.objects.filter(id=run.id).update(due_at=timezone.now())
            crash.point("written, not committed")
        crash.point("committed")

    return write


def _is_flat(state: State) -> bool:
    return not any(state.account.positions) and all(m.pending is None for m in state.markets)


def _flattening(run: Run, config: RunConfig) -> RunConfig:
    """With the moment from which everything is to be sold, once that was asked for.

    Of a replay the moment is the bar it stands at; the wall clock is not its own.
    """
    if "flatten_at" in run.checkpoint:
        return replace(config, flatten_at=run.checkpoint["flatten_at"])
    if not run.flatten or run.stop_requested_at is None:
        return config
    # The close at the cursor itself has been judged without it.
    after = config.timeframe.ceil(run.checkpoint["state"]["cursor"]) + 1
    asked = after if run.replay is not None else _desk_time(run.stop_requested_at)
    return replace(config, flatten_at=max(asked, after))


def _desk_time(moment: datetime) -> int:
    """What the desk's clock showed then, in ms: a rehearsal's runs faster."""
    since = (timezone.now() - moment).total_seconds()
    return int(clock().now_ms() - since * 1000 * clock().speed)
