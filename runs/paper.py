"""A stepped run, one bounded slice at a time: claim, step what is new, commit.

A slice is one transaction: rows, Events, checkpoint, cursor and the lease that
is given back, all under the fence of its claim.  Whatever moment a worker dies
at, the next slice begins where the last commit left off and says the same.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils import timezone
from django_q.exceptions import TimeoutException

from exchanges import crash
from exchanges.domain import Bars, CracktraderError, VenueError
from exchanges.queries import clock
from strategies import services as strategies
from strategies.base import AnyStrategy, Params, PortfolioStrategy
from strategies.models import StrategyVersion

from . import ending, leases, recorder, tape
from .engine.config import RunConfig
from .ledger import Entries, Ledger
from .models import Artifact, Run
from .recorder import Lease, LeaseLost
from .runner import drop_connection, times_lost
from .watch import Interrupted, Watch

if TYPE_CHECKING:
    from .engine.state import State

logger = logging.getLogger(__name__)

Progress = Callable[[str, float], None]
_AGAIN = timedelta(seconds=1)
_DISK_PAUSE = timedelta(seconds=5)
_VENUE_PATIENCE = timedelta(minutes=5)


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
        _try(run, ending.fail, lease, run, error)
    except DatabaseError:
        raise
    except OSError as error:
        # A full disk is no reason to end a run that trades for weeks.
        logger.exception("run %s: a slice could not be written", run.public_id)
        stage = f"trying again: {type(error).__name__}"
        _try(run, recorder.hand_back, lease, due_at=timezone.now() + _DISK_PAUSE, stage=stage)
    except TimeoutException:
        drop_connection()
        seconds = settings.SLICE_TIMEOUT if run.on_live else settings.BACKTEST_TIMEOUT
        message = f"A slice took longer than {seconds} s"
        _try(run, ending.fail, lease, run, CracktraderError("RUN_TIMEOUT", message))
        raise
    except Exception as error:
        logger.exception("run %s failed", run.public_id)
        text = f"{type(error).__name__}: {error}"[:1000]
        _try(run, ending.fail, lease, run, CracktraderError("RUN_FAILED", text))
    return True


def _work(lease: Lease, run: Run, watch: Watch) -> None:
    if run.stop_requested_at is not None and not run.checkpoint:
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
            prepared = prepare(run, watch.progress)
        prepared(lease)
    else:
        with watch:
            written = step(run, watch.progress)
        crash.point("stepped")
        written(lease)


def _try(run: Run, write: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    try:
        write(*args, **kwargs)
    except LeaseLost:
        logger.warning("run %s was taken over; this worker's end is dropped", run.public_id)


def _strategy(run: Run) -> tuple[type[AnyStrategy], Params]:
    version = _version(run.strategy_version_id, run.config["source_hash"])
    params = strategies.validate_params(version, run.config["strategy_params"])
    return strategies.load_strategy(version), params


@lru_cache(maxsize=128)
def _version(version_id: int, source_hash: str) -> StrategyVersion:
    """Versions never change; a long source is read once a process."""
    return StrategyVersion.objects.select_related("strategy").get(
        id=version_id, source_hash=source_hash
    )


# --- the first slice ---


def prepare(run: Run, progress: Progress) -> Callable[[Lease], None]:
    """Gets the bars the run needs before its first decision; returns what writes it all down."""
    from .engine import artifacts, backtest
    from .engine.state import State

    config = RunConfig.from_dict(run.config["engine"])
    cls, params = _strategy(run)
    warmup = backtest.warmup(cls, params)
    progress("reading candles", 0.0)
    checkpoint: dict[str, Any] = {
        "state": State.start(config, weighted=issubclass(cls, PortfolioStrategy)).to_dict(),
        "warmup": warmup,
        "signals": {},
        "peak": 0.0,
        "max_drawdown": 0.0,
        "missing": 0,
    }
    if run.replay is not None:
        known = tape.load_stored(run, config, config.anchor_ms, config.end_ms, progress)
        if not any(len(bars.between(config.start_ms, config.end_ms)) for bars in known):
            raise CracktraderError("NO_CANDLES", "There is no candle in the range to replay")
        checkpoint["began_ms"] = timezone.now().timestamp() * 1000
        progress("ready", 0.0)
    else:
        again = timezone.now() + _AGAIN
        try:
            known = tape.load_stored(run, config, config.anchor_ms, config.start_ms, progress)
        except VenueError as error:
            if timezone.now() - run.created_at > _VENUE_PATIENCE:
                raise
            stage = f"trying again: {error.message}"[:200]
            return lambda lease: recorder.hand_back(lease, due_at=again, stage=stage)
        if _awaits_last_bar(config, known):
            return lambda lease: recorder.hand_back(lease, due_at=again)

    def write(lease: Lease) -> None:
        fields: dict[str, Any] = {"checkpoint": checkpoint, "cursor_ms": config.start_ms}
        data = {"start_ms": config.start_ms, "anchor_ms": config.anchor_ms, "warmup": warmup}
        content, rows = artifacts.encode_bars(known)
        stored = Artifact(
            run_id=run.id,
            name=tape.WARMUP if run.replay is None else tape.BARS,
            sha256=recorder.store(content),
            size=len(content),
            rows=rows,
        )
        crash.point("prepared")
        with transaction.atomic():
            recorder.hand_back(lease, [("run.prepared", data)], **fields)
            Artifact.objects.filter(run_id=run.id).delete()
            stored.save()
            if run.replay is None:
                run.feeds.set(tape.open_feeds(run, config))
            _set_due(run, config, config.start_ms)
            crash.point("prepared, not committed")
        crash.point("prepared and committed")

    return write


def _awaits_last_bar(config: RunConfig, warm: list[Bars]) -> bool:
    """A venue publishes its newest bar a little late: it is worth waiting for."""
    last = config.start_ms - config.timeframe.ms
    if config.anchor_ms > last:
        return False
    patient = clock().now_ms() < config.start_ms + settings.BAR_PATIENCE * 1000
    return patient and any(not len(bars) or bars.time[-1] < last for bars in warm)


# --- every other slice ---


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
    until = _slice_end(seen, state.cursor)
    series = [bars.between(config.anchor_ms, until) for bars in seen.series]
    cls, params = _strategy(run)
    decisions = backtest.decide(cls, params, series)
    progress("", run.progress)  # Raises if a stop or a new owner came meanwhile.

    cursor = state.cursor
    late_ms = None if run.replay else settings.LATE_SECONDS * 1000
    book = Ledger(run.id, config, series, clock().now_ms(), late_ms)
    for row in stepper.advance(series, decisions, until):
        book.add(row)
        # Not the watch's: without limits that does not look.
        checkpoint["peak"] = peak = max(checkpoint["peak"], row.equity)
        checkpoint["max_drawdown"] = max(checkpoint["max_drawdown"], 1 - row.equity / peak)
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
            _commit(lease, run, config, state, checkpoint, book.entries)
            if not stepper.finished:
                _set_due(run, config, state.cursor)
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
    asked = after if run.replay is not None else clock().now_ms()
    return replace(config, flatten_at=max(asked, after))


def _slice_end(seen: tape.Tape, cursor: int) -> int:
    """The watermark, or where enough bars are together: a long way is gone in many slices."""
    from .engine import inputs

    rows = inputs.union([bars.between(cursor, seen.watermark) for bars in seen.series])
    if len(rows) <= settings.SLICE_BARS:
        return seen.watermark
    return int(rows[settings.SLICE_BARS])


def _commit(
    lease: Lease,
    run: Run,
    config: RunConfig,
    state: State,
    checkpoint: dict[str, Any],
    entries: Entries,
) -> None:
    figures: dict[str, Any] = {}
    if entries.points:
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


def _set_due(run: Run, config: RunConfig, cursor: int) -> None:
    """Within the transaction that moved the cursor: bars that came meanwhile are seen here.

    Bars that come later find the run without a date, and set one.  So does a
    stop that was asked for while the slice ran.
    """
    due: datetime | None = None
    asked = Run.objects.values_list("stop_requested_at", "flatten").get(id=run.id)
    if asked != (run.stop_requested_at, run.flatten):
        due = timezone.now()
    elif run.replay is not None:
        due = _replay_due(run, config, cursor)
    else:
        known = tape.known_until(run.id)
        if known is not None and known > cursor:
            due = timezone.now()
    if due is not None:
        Run.objects.filter(id=run.id).update(due_at=due)


def _replay_due(run: Run, config: RunConfig, cursor: int) -> datetime:
    speed = (run.replay or {})["speed"]
    now = timezone.now()
    if not speed:
        return now
    closes = config.timeframe.ceil(cursor) + config.timeframe.ms
    began = run.checkpoint.get("began_ms", now.timestamp() * 1000)
    at = began + (min(closes, config.end_ms) - config.start_ms) / speed
    return datetime.fromtimestamp(at / 1000, UTC)
