"""Accounts whose books are of an earlier time than their venues': nothing is sent before somebody
has looked.

A backup's books lack what the desk did after it: an order that waits there was
sent since, a position was sold, a stop was moved.  Reconciling finds that, and
tells it; until then a run would decide on what is no longer so, and a sale
would be made twice.
"""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from exchanges import audit
from exchanges.models import Account
from runs import recorder
from runs.models import Run

from .killing import BLOCK
from .trader import accounts_with_work


@transaction.atomic
def halt_all(by: str, reason: str) -> list[Account]:
    """Blocks every account with something under way, as its kill switch does.

    The trader still compares them with their venues, and stops that rest there
    stay.  What a switch that was thrown then had left to cancel or to sell is
    forgotten: it may be done.  `desk.release` lets orders pass again.
    """
    halted = []
    for found in accounts_with_work().order_by("pk"):
        row = Account.objects.select_for_update(no_key=True).get(pk=found.pk)
        if not row.is_killed:
            row.killed_at, row.killed_by = timezone.now(), by[:80]
        active = Run.objects.filter(account=row, status__in=Run.ACTIVE).order_by("pk")
        told = list(active.values_list("id", flat=True))
        row.kill = {
            "steps": [BLOCK],
            "done": [],
            "under_way": True,
            "reason": reason[:300],
            "at": int((row.killed_at or timezone.now()).timestamp() * 1000),
            "told": told,
            "runs": [],
            "rounds": 0,
            "left": [],
        }
        row.save(update_fields=["killed_at", "killed_by", "kill"])
        target = str(row.public_id)
        audit.record(by, "account.killed", target, steps=[BLOCK], reason=row.kill["reason"])
        data = {"account_id": target, "steps": [BLOCK], "reason": row.kill["reason"]}
        for run_id in told:
            recorder.append(run_id, "account.killed", data)
        halted.append(row)
    return halted
