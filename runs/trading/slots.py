"""Ten orders in any rolling second, over all processes that trade on an account.

Each order occupies one of ten rows from before it is sent until a second after
its answer.  So the eleventh arrives at the venue at least a second after the
first, whatever the way there and back takes.  A slot whose holder died is free
again when the venue would no longer take its order.  Time is the database's
where it has a clock, so that machines need not agree; a slot that is taken for
longer than any is was taken by a clock that has been set back since, and is free.
"""

from __future__ import annotations

import time

from django.db import connection, transaction
from django.db.models import Q

from exchanges.models import OrderSlot

ORDERS_A_SECOND = 10
_WINDOW_MS = 1000
_CLOCKS_MS = 20  # The venue's second may be a little longer than ours.


def take(account_id: int, held_ms: int) -> int | None:
    """Occupies a free slot for at most `held_ms`; None when all ten are taken."""
    with transaction.atomic():
        now = _now()
        until = now + held_ms + _WINDOW_MS + _CLOCKS_MS
        mine = OrderSlot.objects.filter(account_id=account_id)
        free = mine.filter(Q(free_at__lte=now) | Q(free_at__gt=until + _CLOCKS_MS))
        slot = free.select_for_update(skip_locked=True).order_by("free_at").first()
        if slot is None:
            return None
        taken = OrderSlot.objects.filter(id=slot.pk, free_at=slot.free_at).update(free_at=until)
    return slot.pk if taken else None


def answered(slot_id: int) -> None:
    """The venue has answered, or never will: free again in a second."""
    OrderSlot.objects.filter(id=slot_id).update(free_at=_now() + _WINDOW_MS + _CLOCKS_MS)


def unused(slot_id: int) -> None:
    """Nothing was sent."""
    OrderSlot.objects.filter(id=slot_id).update(free_at=0)


def _now() -> int:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint")
            return int(cursor.fetchone()[0])
    return time.time_ns() // 1_000_000
