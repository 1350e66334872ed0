"""What callers may do to runs."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django_q.tasks import async_task

from exchanges import audit
from exchanges.domain import InvalidInput, Refused
from exchanges.domain.errors import Busy
from exchanges.models import Account
from exchanges.queries import venues
from exchanges.services.venues import get_exchange
from strategies.models import StrategyVersion

from . import clusters, queries, recorder, shares
from .models import LiveSymbol, Run, Runner
from .resolve import Resolved, resolve
from .trading import outbox

logger = logging.getLogger(__name__)

_DRIFT_PAUSE = timedelta(minutes=1)
_DRIFT_PATIENCE = timedelta(hours=2)
_NO_DRIFT = {"code": "WORKER_LOST", "message": "Each worker that made the report was lost"}


def start_backtest(
    request: dict[str, Any],
    owner: str = "",
    ring: bool = True,
    idempotency_key: str = "",
    version: StrategyVersion | None = None,
) -> Run:
    """Records a backtest and, once committed, sends a task for it.

    `ring=False` leaves the execution to the caller (`runner.execute`).  A
    second start with the same `idempotency_key` gives the first one's run,
    or IDEMPOTENCY_MISMATCH where it asks for something else.  `version`: the
    strategy's, where another than the newest is to be run.  Raises
    TOO_MANY_ACTIVE where the owner has as many active runs as it may.
    """
    return _start(Run.Mode.BACKTEST, request, owner, ring, idempotency_key, version=version)


@sensitive_variables("request", "config")
def start_live(
    request: dict[str, Any],
    owner: str = "",
    ring: bool = True,
    idempotency_key: str = "",
    scopes: Collection[str] = (),
    by: str = "",
    version: StrategyVersion | None = None,
) -> Run:
    """Records a paper or live run, as `start_backtest` a backtest; `paper.advance` executes it.

    A live one needs the server's switch, the scope `live` and the body's
    `confirm_live`: LIVE_TRADING_DISABLED says which is missing.  Its account is
    the venue's with the keys in the body, or with a stored credential; only
    what names it is kept in the run.  `by`: whom the audit trail names.  Raises
    RUN_ALREADY_ACTIVE where another run trades one of the symbols on it.
    `version`: of a paper run, as of a backtest.
    """
    config = request["exchange_config"]
    if request["mode"] == Run.Mode.LIVE:
        _check_live(request, scopes)
        return _start_real(request, owner, ring, idempotency_key, by or owner)
    # Paper needs no keys, and what is not kept cannot leak.
    kept = {name: config[name] for name in ("sandbox", "options") if name in config}
    request = request | {"exchange_config": kept}
    return _start(Run.Mode.PAPER, request, owner, ring, idempotency_key, version=version)


@sensitive_variables("request")
def _check_live(request: dict[str, Any], scopes: Collection[str]) -> None:
    exchange = get_exchange(request["exchange"])
    if request["exchange_config"].get("sandbox") and not exchange.sandbox:
        raise InvalidInput(
            "SANDBOX_UNSUPPORTED",
            f"{exchange.name} has no sandbox; the real venue is never taken for one",
            exchanges_with_sandbox=list(
                venues().filter(sandbox=True).values_list("name", flat=True)
            ),
        )
    allow_live(scopes, confirmed=request["confirm_live"])
    if exchange.builtin:
        raise InvalidInput(
            "LIVE_UNSUPPORTED", f"{exchange.name} is not a venue where anything can be bought"
        )
    if request["initial_cash"] is None:
        raise InvalidInput(
            "MISSING_FIELD",
            "A live run names the initial_cash it may deploy: there is no default for it",
            fields={"initial_cash": {"code": "MISSING_FIELD"}},
        )


def allow_live(scopes: Collection[str], *, confirmed: bool) -> None:
    """Raises LIVE_TRADING_DISABLED unless server, key and body all want real orders."""
    wanted = {
        "server": ("CRACKTRADER_AUTH=1", settings.AUTH),
        "server_switch": ("CRACKTRADER_LIVE_TRADING=1", settings.LIVE_TRADING),
        "key": ("a key with the scope live", "live" in scopes),
        "body": ('"confirm_live": true', confirmed),
    }
    missing = [what for what, there in wanted.values() if not there]
    if missing:
        raise Refused(
            "LIVE_TRADING_DISABLED",
            f"Real orders need {', '.join(missing)}",
            missing=missing,
            available_modes=[Run.Mode.BACKTEST.value, Run.Mode.PAPER.value],
        )


@sensitive_variables("request", "config", "named")
def _start_real(
    request: dict[str, Any], owner: str, tell: bool, idempotency_key: str, by: str
) -> Run:
    from exchanges.services import accounts

    config = accounts.parse_exchange_config(request["exchange_config"])
    named = (config.sandbox, config.values, config.credential)
    earlier = queries.run_by_key(idempotency_key, owner) if idempotency_key else None
    if earlier is not None:
        # What was started is, whatever its venue or the kill switch says by now.
        known = accounts.known_account(get_exchange(request["exchange"]), *named)
        kept = {} if known is None else accounts.redacted(config, known)
        return _same_start(earlier, request | {"exchange_config": kept})
    exchange = resolve(request).exchange
    # Not below: the venue is asked.
    tried = accounts.try_out(exchange, *named)
    # A start that is refused leaves no account behind, and no other keys on one.
    with transaction.atomic():
        account = accounts.open_account(
            exchange,
            config.sandbox,
            values=config.values,
            credential_name=config.credential,
            by=by,
            tried=tried,
        )
        request = request | {"exchange_config": accounts.redacted(config, account)}
        if account.is_killed:
            raise InvalidInput(
                "ACCOUNT_KILLED",
                "The account's kill switch was thrown; it trades again when that is released",
                account_id=str(account.public_id),
            )
        return _start(Run.Mode.LIVE, request, owner, tell, idempotency_key, account, by)


def _start(
    mode: Run.Mode,
    request: dict[str, Any],
    owner: str,
    tell: bool,
    idempotency_key: str,
    account: Account | None = None,
    by: str = "",
    version: StrategyVersion | None = None,
) -> Run:
    if idempotency_key:
        earlier = queries.run_by_key(idempotency_key, owner)
        if earlier is not None:
            return _same_start(earlier, request)
    resolved = resolve(request, version=version)
    try:
        return _record(mode, resolved, request, owner, tell, idempotency_key, account, by)
    except (IntegrityError, Busy):
        # What was accepted is not refused for there being as many as may be by now.
        if not idempotency_key:
            raise
        earlier = queries.run_by_key(idempotency_key, owner)
        if earlier is None:
            raise
        return _same_start(earlier, request)


def _record(
    mode: Run.Mode,
    resolved: Resolved,
    request: dict[str, Any],
    owner: str,
    tell: bool,
    idempotency_key: str,
    account: Account | None,
    by: str,
) -> Run:
    with transaction.atomic():
        shares.require_room_for_run(owner)
        run = Run.objects.create(
            owner=owner,
            mode=mode,
            account=account,
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
            due_at=None if mode == Run.Mode.BACKTEST else timezone.now(),
        )
        recorder.append(run.id, "run.created", {"mode": run.mode})
        if account is not None:
            _take_symbols(run, account)
            audit.record(by, "live.started", str(run.public_id), account=str(account.public_id))
        if tell:
            ring(run)
    return run


def _take_symbols(run: Run, account: Account) -> None:
    """One live run a market and account; those of runs that are over are free."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    taken = LiveSymbol.objects.filter(account=account, symbol__in=run.symbols)
    taken.exclude(run__status__in=Run.ACTIVE).delete()
    other = taken.select_related("run").first()
    if other is not None:
        # Whoever has the account's keys may know that it is taken, not by which run of another.
        is_seen = run.owner in ("", other.run.owner)
        raise InvalidInput(
            "RUN_ALREADY_ACTIVE",
            f"A live run trades {other.symbol} on this account already",
            symbol=other.symbol,
            **({"run_id": str(other.run.public_id)} if is_seen else {}),
        )
    LiveSymbol.objects.bulk_create(
        LiveSymbol(account=account, symbol=symbol, run=run) for symbol in run.symbols
    )


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
    dates = {"start_date": engine["start_ms"], "end_date": engine["end_ms"]}
    request = run.request | {"fee": engine["fee"]}
    if not run.is_stepped:
        return start_backtest(request | dates, owner)
    if run.replay is not None:
        request["replay"] = request["replay"] | dates
    return start_live(request, owner)


def ring(run: Run) -> None:
    """Rings the bell for a run once the transaction is committed."""
    if run.on_live:
        transaction.on_commit(ring_due)
    else:
        task = "advance" if run.is_stepped else "run_backtest"
        transaction.on_commit(lambda: send(run.id, task))


def send(run_id: int, task: str = "run_backtest") -> None:
    """A bell that is lost is rung again by the sweeper."""
    try:
        async_task(f"runs.tasks.{task}", run_id, cluster=clusters.JOBS, save=False)
    except Exception:
        logger.exception("no task could be sent for run %s; the sweeper will", run_id)


def ring_due() -> None:
    """Has the live cluster look for slices that are due: a bell a worker, and no more than wait."""
    waiting = clusters.waiting_tasks(clusters.LIVE)
    if waiting is None or (bells := settings.LIVE_WORKERS - waiting) <= 0:
        return
    try:
        for _ in queries.due_on_live(bells):
            async_task("runs.tasks.advance_due", cluster=clusters.LIVE, save=False)
    except Exception:
        logger.exception("no task could be sent for due runs; the sweeper will")


def request_stop(run: Run, flatten: bool = False, by: str = "") -> Run:
    """Asks the run to end.  Idempotent; a run nobody has worked on yet is stopped at once.

    With `flatten` a stepped run first sells everything at the next open.  Asked
    again without, it ends as it stands.  `by`: whom the audit trail names.
    """
    with transaction.atomic():
        active = Run.objects.filter(id=run.id, status__in=Run.ACTIVE)
        asked = active.filter(stop_requested_at=None).update(
            stop_requested_at=timezone.now(), status=Run.Status.STOPPING, flatten=flatten
        )
        if not asked and not flatten:
            asked = active.filter(flatten=True).update(
                flatten=False, stop_requested_at=timezone.now()
            )
        if asked:
            recorder.append(run.id, "run.stop_requested", {"flatten": flatten})
            if run.is_live:
                audit.record(by or "api", "live.stopped", str(run.public_id), flatten=flatten)
        # It may have been prepared since it was read.
        run.refresh_from_db(fields=["cursor_ms"])
        if not run.is_stepped or run.cursor_ms is None:
            force_stop(run.id, "stopped before it began", only_unowned=True)
        elif asked:
            # Workers lost so far say nothing of those that are to close its books.
            active.update(attempts=0, settled_fence=F("fence"))
            wake(run)
    run.refresh_from_db()
    return run


def wake(run: Run) -> None:
    """A slice is due at once: what the run was waiting for no longer matters."""
    _make_due(Run.objects.filter(id=run.id))
    ring(run)


def _make_due(runs: QuerySet[Run]) -> int:
    return runs.update(due_at=timezone.now())


@transaction.atomic
def force_stop(
    run_id: int, reason: str, only_unowned: bool = False, as_seen: Run | None = None
) -> bool:
    """Ends a stopping run without its worker: the fence shuts the worker out.

    `as_seen`: only while its claim is still the one read there.
    """
    run = Run.objects.get(id=run_id)
    if run.is_live:
        outbox.hold(run)
    stuck = Run.objects.filter(id=run_id, status=Run.Status.STOPPING)
    if only_unowned:
        stuck = stuck.filter(lease_expires_at=None)
    if as_seen is not None:
        stuck = stuck.filter(fence=as_seen.fence, lease_owner=as_seen.lease_owner)
    if not stuck.update(
        status=Run.Status.STOPPED,
        fence=F("fence") + 1,
        finished_at=timezone.now(),
        lease_owner="",
        lease_expires_at=None,
        due_at=None,
        stage="",
    ):
        return False
    if run.is_live:
        outbox.take_back_others(run, "run_over")
        LiveSymbol.objects.filter(run_id=run_id).delete()
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


def ring_again(run: Run, before: datetime) -> None:
    """Sends another task for a run that was rung `before`; one sender wins."""
    if Run.objects.filter(id=run.id, rung_at__lt=before).update(rung_at=timezone.now()):
        ring(run)


def ask_for_drift(at_once: int = 5) -> None:
    """Sends for the drift reports that were not made; one sender wins.

    The pauses grow, a minute first, then to five times the time since the run
    ended: a report may take long, or may kill its worker each time.  After
    hours of that the record says that there is none.
    """
    now = timezone.now()
    sent = 0
    waiting = queries.runs_without_drift().order_by("rung_at")
    for run_id, rung_at, ended in waiting.values_list("id", "rung_at", "finished_at"):
        tried = max(rung_at, ended)
        run = Run.objects.filter(id=run_id, rung_at=rung_at, drift={})
        if tried - ended > _DRIFT_PATIENCE:
            if now - tried > _DRIFT_PATIENCE:
                run.update(drift={"error": _NO_DRIFT})
        elif now - tried > max(_DRIFT_PAUSE, 4 * (tried - ended)) and sent < at_once:
            sent += 1
            if run.update(rung_at=now):
                send(run_id, "report_drift")


def wake_behind() -> int:
    """Makes runs due that have bars and no date: whoever should have told them did not."""
    behind = list(queries.runs_behind().values_list("id", flat=True))
    if not behind:
        return 0
    with transaction.atomic():
        free = Run.objects.filter(id__in=behind, lease_expires_at=None)
        # In the order in which feeds lock them too; one that somebody holds is not behind.
        locked = free.select_for_update(no_key=True, skip_locked=True).order_by("pk")
        return _make_due(
            Run.objects.filter(id__in=[run_id for (run_id,) in locked.values_list("pk")])
        )
