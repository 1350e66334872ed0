"""What callers may do to sweeps."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from exchanges.domain import Busy, InvalidInput
from runs import services as runs
from runs import shares
from runs.models import Run, Sweep, SweepChunk, Trial

from . import bells, journal, queries
from .layout import Layout
from .resolve import Resolved, resolve

_OF_SWEEPS = (
    *("space", "sampler", "trials", "seed", "objective", "maximize"),
    *("timeframes", "each_symbol", "walk_forward"),
)
"""What a sweep's body has and a backtest's has not."""


def start_sweep(
    request: dict[str, Any], owner: str = "", ring: bool = True, idempotency_key: str = ""
) -> Sweep:
    """Records a sweep with its chunks and, once committed, rings for workers.

    `request` has the shape runs.sweeps.serializers.SweepRequest validated.
    `ring=False` leaves the work to the caller (`work.turn`).  A second start
    with the same `idempotency_key` gives the first one's sweep, or
    IDEMPOTENCY_MISMATCH where it asks for something else.  Raises what a
    backtest's start does, INVALID_SPACE, INVALID_WALK_FORWARD and
    TOO_MANY_TRIALS, and TOO_MANY_ACTIVE where the owner has as many sweeps as it may.
    """
    if idempotency_key and (earlier := queries.sweep_by_key(idempotency_key, owner)):
        return _same_start(earlier, request)
    resolved = resolve(request)
    try:
        sweep = _record(resolved, request, owner, ring, idempotency_key)
    except (IntegrityError, Busy):
        earlier = idempotency_key and queries.sweep_by_key(idempotency_key, owner)
        if not earlier:
            raise
        return _same_start(earlier, request)
    journal.started(sweep)
    return sweep


@transaction.atomic
def _record(
    resolved: Resolved, request: dict[str, Any], owner: str, ring: bool, idempotency_key: str
) -> Sweep:
    shares.require_room_for_sweep(owner)
    sweep = Sweep.objects.create(
        owner=owner,
        strategy_version=resolved.version,
        strategy_name=request["strategy_name"],
        exchange=resolved.exchange,
        idempotency_key=idempotency_key,
        request=request,
        config=resolved.config,
        config_hash=resolved.digest,
        sampler=resolved.sampler,
        objective=resolved.objective,
        maximize=resolved.maximize,
        trials_total=Layout.of(resolved.config).total,
    )
    for chunk in resolved.chunks:
        chunk.sweep = sweep
    SweepChunk.objects.bulk_create(resolved.chunks, batch_size=500)
    if ring:
        bells.ring()
    return sweep


def _same_start(sweep: Sweep, request: dict[str, Any]) -> Sweep:
    if sweep.request != request:
        raise InvalidInput(
            "IDEMPOTENCY_MISMATCH",
            "This Idempotency-Key has started a sweep with another body",
            sweep_id=str(sweep.public_id),
        )
    return sweep


def request_stop(sweep: Sweep, by: str = "") -> Sweep:
    """Asks the sweep to end with the trials it has.  Idempotent.

    A worker that is at it hears of it within a second; it is concluded then.
    """
    now = timezone.now()
    active = Sweep.objects.filter(pk=sweep.pk, status__in=Sweep.ACTIVE, stop_requested_at=None)
    with transaction.atomic():
        asked = active.update(stop_requested_at=now, status=Sweep.Status.STOPPING)
        if asked:
            bells.ring()
    sweep.refresh_from_db()
    if asked:
        journal.stop_asked(sweep)
    return sweep


def start_trial(
    sweep: Sweep,
    number: int,
    mode: str = Run.Mode.BACKTEST,
    owner: str = "",
    ring: bool = True,
    idempotency_key: str = "",
) -> Run:
    """The whole run of a trial: the backtest it was, or a paper run from now on.

    With the strategy as it was when the sweep was started.
    Raises TRIAL_NOT_FOUND for one that was not tried, and what the start of
    such a run does.
    """
    trial = queries.get_trial(sweep, number)
    request, version = request_of(sweep, trial), sweep.strategy_version
    if mode == Run.Mode.BACKTEST:
        return runs.start_backtest(request, owner, ring, idempotency_key, version)
    for name in ("start_date", "end_date"):
        del request[name]
    request |= {
        "mode": Run.Mode.PAPER.value,
        "exchange_config": {},
        "confirm_live": False,
        "replay": None,
    }
    return runs.start_live(request, owner, ring, idempotency_key, version=version)


def request_of(sweep: Sweep, trial: Trial) -> dict[str, Any]:
    """The validated body of the backtest that the trial was; dates are UTC ms."""
    from runs.engine.space import split

    params, changes = split(trial.params)
    engine = queries.engine_of(sweep, trial)
    request = {name: value for name, value in sweep.request.items() if name not in _OF_SWEEPS}
    return request | {
        "strategy_params": sweep.config["strategy_params"] | params,
        "symbols": engine["symbols"],
        "timeframe": engine["timeframe"],
        "start_date": engine["start_ms"],
        "end_date": engine["end_ms"],
        "fee": engine["fee"],
        **changes,
    }
