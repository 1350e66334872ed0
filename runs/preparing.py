"""The first slice of a stepped run: the bars it needs before its first decision."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from exchanges import crash
from exchanges.domain import Bars, CracktraderError, VenueError
from exchanges.queries import clock
from strategies.base import PortfolioStrategy

from . import due, recorder, tape
from .engine.config import RunConfig
from .models import TRYING_AGAIN, Artifact, Run
from .recorder import Lease
from .runner import Progress, strategy_of
from .trading import admission

_AGAIN = timedelta(seconds=1)
_VENUE_PATIENCE = timedelta(minutes=5)


def prepare(run: Run, progress: Progress) -> Callable[[Lease], None]:
    """Gets the bars the run needs before its first decision; returns what writes it all down."""
    from .engine import artifacts, backtest
    from .engine.state import State

    config = RunConfig.from_dict(run.config["engine"])
    cls, params = strategy_of(run)
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
        try:
            known = tape.load_stored(run, config, config.anchor_ms, config.start_ms, progress)
            earlier = tape.earlier_bars(run, config, progress)
        except VenueError as error:
            return _once_more(run, error)
        if _awaits_last_bar(config, known):
            return lambda lease: recorder.hand_back(lease, due_at=timezone.now() + _AGAIN)
    if run.is_live:
        progress("asking the venue", 0.0)
        try:
            rules = admission.admit(run)
        except VenueError as error:
            return _once_more(run, error)
        checkpoint["rules"] = {symbol: admission.told(rule) for symbol, rule in rules.items()}

    def write(lease: Lease) -> None:
        fields = {"checkpoint": checkpoint, "cursor_ms": config.start_ms, "error_details": {}}
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
                run.feeds.set(tape.open_feeds(run, config, earlier))
            due.arrange(run, config, config.start_ms)
            crash.point("prepared, not committed")
        crash.point("prepared and committed")

    return write


def _once_more(run: Run, error: VenueError) -> Callable[[Lease], None]:
    """After a while, unless the venue has failed for so long that it looks like no accident."""
    now = timezone.now()
    since = run.error_details.get("failing_since", now.timestamp())
    if now.timestamp() - since > _VENUE_PATIENCE.total_seconds():
        raise error
    stage = f"{TRYING_AGAIN}: {error.message}"[:200]
    # A venue that wants fewer requests says how long it wants none.
    pause = timedelta(seconds=float(error.details.get("retry_after_seconds", 0)))
    details = {"failing_since": since}
    return lambda lease: recorder.hand_back(
        lease, due_at=now + max(pause, _AGAIN), stage=stage, error_details=details
    )


def _awaits_last_bar(config: RunConfig, warm: list[Bars]) -> bool:
    """A venue publishes its newest bar a little late: it is worth waiting for."""
    last = config.start_ms - config.timeframe.ms
    if config.anchor_ms > last:
        return False
    patient = clock().now_ms() < config.start_ms + settings.BAR_PATIENCE * 1000
    return patient and any(not len(bars) or bars.time[-1] < last for bars in warm)
