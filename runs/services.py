"""What callers may do to runs."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone
from django_q.tasks import async_task

from exchanges.domain import InvalidInput, Refused
from exchanges.queries import venues

from . import queries, recorder
from .models import Run, Runner
from .resolve import Resolved, resolve

logger = logging.getLogger(__name__)


def start_backtest(
    request: dict[str, Any], owner: str = "", ring: bool = True, idempotency_key: str = ""
) -> Run:
    """Records a backtest and, once committed, sends a task for it.

    `ring=False` leaves the execution to the caller (`runner.execute`).  A
    second start with the same `idempotency_key` gives the first one's run,
    or IDEMPOTENCY_MISMATCH where it asks for something else.
    """
    if idempotency_key:
        earlier = queries.run_by_key(idempotency_key, owner)
        if earlier is not None:
            return _same_start(earlier, request)
    resolved = resolve(request)
    try:
        return _record_backtest(resolved, request, owner, ring, idempotency_key)
    except IntegrityError:
        if not idempotency_key:
            raise
        earlier = queries.run_by_key(idempotency_key, owner)
        if earlier is None:
            raise
        return _same_start(earlier, request)


def _record_backtest(
    resolved: Resolved, request: dict[str, Any], owner: str, ring: bool, idempotency_key: str
) -> Run:
    with transaction.atomic():
        run = Run.objects.create(
            owner=owner,
            mode=Run.Mode.BACKTEST,
            strategy_version=resolved.version,
            strategy_name=request["strategy_name"],
            exchange=resolved.exchange,
            symbols=list(resolved.engine.symbols),
            timeframe=resolved.engine.timeframe.name,
            initial_cash=resolved.engine.initial_cash,
            idempotency_key=idempotency_key,
            cash=resolved.engine.initial_cash,
            value=resolved.engine.initial_cash,
            request=request,
            config=resolved.config,
            config_hash=resolved.engine.digest(),
        )
        recorder.append(run.id, "run.created", {"mode": run.mode})
        if ring:
            transaction.on_commit(lambda: send(run.id))
    return run


def _same_start(run: Run, request: dict[str, Any]) -> Run:
    if run.request != request:
        raise InvalidInput(
            "IDEMPOTENCY_MISMATCH",
            "This Idempotency-Key has started a run with another body",
            run_id=str(run.public_id),
        )
    return run


def start_again(run: Run, owner: str = "") -> Run:
    """A new run from an old one's request; dates that were left open are those of the old run."""
    engine = run.config["engine"]
    request = run.request | {
        "start_date": engine["start_ms"],
        "end_date": engine["end_ms"],
        "fee": engine["fee"],
    }
    return start_backtest(request, owner)


def start_live(request: dict[str, Any], owner: str = "") -> Run:
    """Validates a paper or live start as far as a backtest's; neither runs yet."""
    exchange = resolve(request).exchange
    if request["exchange_config"].get("sandbox") and not exchange.sandbox:
        raise InvalidInput(
            "SANDBOX_UNSUPPORTED",
            f"{exchange.name} has no sandbox; the real venue is never taken for one",
            exchanges_with_sandbox=list(
                venues().filter(sandbox=True).values_list("name", flat=True)
            ),
        )
    if request["mode"] == Run.Mode.LIVE:
        raise Refused(
            "LIVE_TRADING_DISABLED",
            "Live trading is switched off on this server",
            available_modes=[Run.Mode.BACKTEST.value],
        )
    raise Refused(
        "LIVE_NOT_AVAILABLE",
        f"{request['mode'].capitalize()} runs are not available in this version",
        available_modes=[Run.Mode.BACKTEST.value],
    )


def send(run_id: int) -> None:
    """Rings the bell.  A bell that is lost is rung again by the sweeper."""
    try:
        async_task("runs.tasks.run_backtest", run_id, save=False)
    except Exception:
        logger.exception("no task could be sent for run %s; the sweeper will", run_id)


def request_stop(run: Run) -> Run:
    """Asks the run to end.  Idempotent; a run nobody works on is stopped at once."""
    with transaction.atomic():
        active = Run.objects.filter(id=run.id, status__in=Run.ACTIVE)
        asked = active.filter(stop_requested_at=None).update(
            stop_requested_at=timezone.now(), status=Run.Status.STOPPING
        )
        if asked:
            recorder.append(run.id, "run.stop_requested")
        force_stop(run.id, "stopped before it began", only_unowned=True)
    run.refresh_from_db()
    return run


@transaction.atomic
def force_stop(run_id: int, reason: str, only_unowned: bool = False) -> bool:
    """Ends a stopping run without its worker: the fence shuts the worker out."""
    stuck = Run.objects.filter(id=run_id, status=Run.Status.STOPPING)
    if only_unowned:
        stuck = stuck.filter(lease_expires_at=None)
    if not stuck.update(
        status=Run.Status.STOPPED,
        fence=F("fence") + 1,
        finished_at=timezone.now(),
        lease_owner="",
        lease_expires_at=None,
        stage="",
    ):
        return False
    recorder.append(run_id, "run.stopped", {"reason": reason})
    return True


def reset(owner: str = "") -> None:
    """Puts the caller's finished runs behind it: the runner is idle, the history stays."""
    run = queries.current_run(owner)
    if run is None:
        return
    if run.is_active:
        raise InvalidInput(
            "RUN_ACTIVE",
            "The run is still active; stop it first",
            run_id=str(run.public_id),
            status=run.status,
        )
    Runner.objects.update_or_create(owner=owner, defaults={"reset_through": run.id})


def ring_again(run_id: int, older_than: timedelta) -> bool:
    """Sends another task for a run that waits for one; one sender wins."""
    now = timezone.now()
    waiting = Run.objects.filter(id=run_id, rung_at__lt=now - older_than)
    if not waiting.update(rung_at=now):
        return False
    send(run_id)
    return True
