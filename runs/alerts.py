"""Alerts: which Events are told to which webhooks, and how they get there.

A Delivery is written in the transaction of its Event, so an alert exists if
and only if what it tells does.  Sending comes after: at least once, each
repeat with the same id.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from exchanges import crash

from . import signing
from .models import Delivery, Event, Run, Webhook
from .posting import Answer, post

logger = logging.getLogger(__name__)

KINDS = (
    "run.started",
    "run.stopped",
    "run.completed",
    "run.failed",
    "limit.hit",
    "order.refused",
    "data.stale",
    "data.fresh",
    "account.killed",
    "account.kill_done",
    "account.failing",
    "account.well",
    "run.held",
    "run.freed",
    "discrepancy.found",
    "protection.failed",
    "protection.lost",
    "protection.ended",
)
PAUSES = tuple(timedelta(seconds=s) for s in (5, 30, 120, 600, 3_600, 21_600))
"""Before the second, third … attempt; after the last one a delivery has failed."""

SENDERS = 8
"""Webhooks that one process sends to at a time."""

_BATCH = 100
_GONE = 410


def outbox(events: Sequence[Event]) -> None:
    """Deliveries for those Events that are alerts, in the caller's transaction.

    A webhook of one run hears of that run; one without a run, of all that are
    stepped: each backtest's start and end would drown the rest.
    """
    alerts = [event for event in events if event.kind in KINDS]
    if not alerts:
        return
    runs = {event.run_id for event in alerts}
    wanted = Q(run__in=runs) | Q(run=None)
    webhooks = list(Webhook.objects.filter(wanted, enabled=True).only("id", "run_id", "kinds"))
    if not webhooks:
        return
    stepped: set[int] = set()
    if any(webhook.run_id is None for webhook in webhooks):
        found = Run.objects.filter(id__in=runs).exclude(mode=Run.Mode.BACKTEST)
        stepped.update(found.values_list("id", flat=True))
    Delivery.objects.bulk_create(
        Delivery(webhook=webhook, event=event)
        for event in alerts
        for webhook in webhooks
        if (event.run_id in stepped if webhook.run_id is None else event.run_id == webhook.run_id)
        and (not webhook.kinds or event.kind in webhook.kinds)
    )


def deliver(delivery_id: int) -> bool:
    """Sends it if it is due; whether the receiver took it.

    Of any number of senders at once, one sends.  The claim ends by itself:
    when its holder died, the delivery is due again.
    """
    delivery = _claim(delivery_id)
    if delivery is None:
        return False
    crash.point("delivery claimed")
    webhook = delivery.webhook
    if not webhook.enabled:
        return _fail(delivery, Answer(None, "The webhook is disabled"))
    try:
        answer = send(webhook, delivery.message_id, message(delivery.event))
    except signing.SecretUnreadable as error:
        return _fail(delivery, Answer(None, str(error)))
    crash.point("delivered, not recorded")
    if answer.accepted:
        now = timezone.now()
        _record(delivery, answer, status=Delivery.Status.DELIVERED, delivered_at=now, due_at=None)
        crash.point("delivery recorded")
        return True
    if answer.status == _GONE:
        Webhook.objects.filter(id=webhook.id).update(enabled=False)
        logger.warning("webhook %s answered 410 Gone and is disabled", webhook.id)
        return _fail(delivery, Answer(_GONE, "Answered 410 Gone; the webhook is disabled"))
    if delivery.attempts > len(PAUSES):
        return _fail(delivery, answer)
    _record(delivery, answer, due_at=timezone.now() + PAUSES[delivery.attempts - 1])
    return False


def send(webhook: Webhook, message_id: uuid.UUID, content: dict[str, Any]) -> Answer:
    """One signed POST, nothing recorded; SecretUnreadable when it cannot be signed."""
    # A strategy's own words may hold what orjson refuses: lone surrogates, endless integers.
    body = json.dumps(content, separators=(",", ":")).encode()
    timestamp = int(time.time())
    headers = {
        "content-type": "application/json",
        "user-agent": "Cracktrader",
        "webhook-id": str(message_id),
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signing.sign(webhook.sealed_secret, str(message_id), timestamp, body),
    }
    return post(webhook.url, body, headers, settings.WEBHOOK_TIMEOUT)


def message(event: Event) -> dict[str, Any]:
    """What is posted of an Event; the same at each attempt."""
    run = event.run
    return {
        "type": event.kind,
        "timestamp": moment(event.created_at),
        "data": event.data
        | {
            "run_id": str(run.public_id),
            "seq": event.seq,
            "kind": event.kind,
            "mode": run.mode,
            "strategy_name": run.strategy_name,
            "exchange": run.exchange.name,
            "symbols": run.symbols,
            "timeframe": run.timeframe,
        },
    }


def moment(when: datetime) -> str:
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def retry(deliveries: QuerySet[Delivery]) -> int:
    """Failed ones are due again, for one more attempt; how many."""
    failed = deliveries.filter(status=Delivery.Status.FAILED)
    return failed.update(status=Delivery.Status.WAITING, due_at=timezone.now())


def _claim(delivery_id: int) -> Delivery | None:
    now = timezone.now()
    with transaction.atomic():
        due = _due(now).filter(id=delivery_id)
        claim = timedelta(seconds=2 * settings.WEBHOOK_TIMEOUT + 30)
        if not due.update(attempts=F("attempts") + 1, due_at=now + claim):
            return None
        parts = Delivery.objects.select_related("webhook", "event__run__exchange")
        return parts.only(
            *("message_id", "attempts", "status", "webhook", "event"),
            *(f"event__run__{name}" for name in ("public_id", "mode", "strategy_name")),
            *(f"event__run__{name}" for name in ("symbols", "timeframe", "exchange__name")),
            *(f"event__{name}" for name in ("seq", "kind", "data", "created_at")),
            *(f"webhook__{name}" for name in ("url", "sealed_secret", "enabled")),
        ).get(id=delivery_id)


def _due(now: datetime) -> QuerySet[Delivery]:
    """Longest first: of alerts not tried yet, in the order of their events."""
    waiting = Delivery.objects.filter(status=Delivery.Status.WAITING, due_at__lte=now)
    return waiting.order_by("due_at", "id")


def _fail(delivery: Delivery, answer: Answer) -> bool:
    _record(delivery, answer, status=Delivery.Status.FAILED, due_at=None)
    return False


def _record(delivery: Delivery, answer: Answer, **fields: Any) -> None:
    """What came of an attempt, unless another sender has made a later one meanwhile."""
    mine = Delivery.objects.filter(
        id=delivery.id, attempts=delivery.attempts, status=Delivery.Status.WAITING
    )
    mine.update(response_status=answer.status, error=answer.error[:300], **fields)


# --- who sends ---------------------------------------------------------------


_sending: set[int] = set()
_lock = threading.Lock()


def ring_due() -> None:
    """Has what is due sent by threads of this process; never waits for a receiver.

    One thread a webhook, so a receiver gets a run's alerts in order as long
    as it takes them, and one that hangs holds up only its own.
    """
    while webhook_id := _take_webhook():
        threading.Thread(
            target=_send_due, args=[webhook_id], name=f"webhook-{webhook_id}", daemon=True
        ).start()


def _take_webhook() -> int | None:
    """The one that has waited longest of those nobody here sends to."""
    with _lock:
        if len(_sending) >= SENDERS:
            return None
        waiting = _due(timezone.now()).exclude(webhook_id__in=_sending)
        webhook_id = waiting.values_list("webhook_id", flat=True).first()
        if webhook_id is not None:
            _sending.add(webhook_id)
        return webhook_id


def _send_due(webhook_id: int) -> None:
    """A batch, as long as the receiver takes them: others may need the thread more."""
    try:
        due = _due(timezone.now()).filter(webhook_id=webhook_id)
        for delivery_id in list(due.values_list("id", flat=True)[:_BATCH]):
            if not deliver(delivery_id):
                return
    except Exception:
        logger.exception("webhook %s: sending broke off; it is taken up again", webhook_id)
    finally:
        connections.close_all()
        with _lock:
            _sending.discard(webhook_id)
