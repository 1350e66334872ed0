"""Ten orders in any rolling second, over all processes that trade on an account.

Each order occupies one of ten rows from before it is sent until a second after
its answer.  So the eleventh arrives at the venue at least a second after the
first, whatever the way there and back takes.  A slot whose holder died is free
again when the venue would no longer take its order.
"""

from __future__ import annotations

import time

from django.db import transaction

from exchanges.models import OrderSlot

ORDERS_A_SECOND = 10
_WINDOW_MS = 1000
_CLOCKS_MS = 20  # The venue's second may be a little longer than ours.


def take(account_id: int, held_ms: int) -> int | None:
    """Occupies a free slot for at most `held_ms`; None when all ten are taken."""
    now = _now()
    with transaction.atomic():
        free = OrderSlot.objects.filter(account_id=account_id, free_at__lte=now)
        slot = free.select_for_update(skip_locked=True).order_by("free_at").first()
        if slot is None:
            return None
        until = now + held_ms + _WINDOW_MS + _CLOCKS_MS
        taken = OrderSlot.objects.filter(id=slot.pk, free_at=slot.free_at).update(free_at=until)
    return slot.pk if taken else None


def answered(slot_id: int) -> None:
    """The venue has answered, or never will: free again in a second."""
    OrderSlot.objects.filter(id=slot_id).update(free_at=_now() + _WINDOW_MS + _CLOCKS_MS)


def unused(slot_id: int) -> None:
    """Nothing was sent."""
    OrderSlot.objects.filter(id=slot_id).update(free_at=0)


def _now() -> int:
    return time.time_ns() // 1_000_000
