"""Tends the venue accounts that live runs and people trade on, one thread an account.

Any number of these may work on one database: each tends only accounts it could
claim.  A venue that hangs holds up no other account.
"""

from __future__ import annotations

import logging
import threading
from typing import Any

from django.db import Error, connections
from django.db.backends.signals import connection_created
from django.db.models import Exists, OuterRef, Q, QuerySet

from exchanges.domain import CracktraderError
from exchanges.models import Account
from exchanges.outages import Outage
from runs.models import Discrepancy, Protection, Run, VenueOrder

from .tending import Tender

logger = logging.getLogger(__name__)

LOOK_SECONDS = 0.25
PASS_SECONDS = 0.05
_IDLE_PASSES = 20


def accounts_with_work() -> QuerySet[Account]:
    """With an active live run, an order that is not over, a position to protect, or a decision."""
    mine = {"account": OuterRef("pk")}
    undone = Discrepancy.objects.filter(**mine, resolved_at=None).exclude(resolution="")
    wanted = (
        Q(Exists(Run.objects.filter(**mine, status__in=Run.ACTIVE)))
        | Q(Exists(VenueOrder.objects.filter(**mine, finished_at=None)))
        | Q(Exists(Protection.objects.filter(run__account=OuterRef("pk"))))
        | Q(Exists(undone))
        | Q(kill__under_way=True)
    )
    found = Account.objects.filter(wanted).select_related("exchange", "credential")
    return found.defer("exchange__markets")


def _has_work(account: Account) -> bool:
    return accounts_with_work().filter(pk=account.pk).exists()


def write_through(connection: Any, **_: Any) -> None:
    """Has each commit of a new connection reach the disk before it is over.

    An order that was sent must not be forgotten in a power cut: it would be
    sent again.  What others committed before goes to the disk with it.
    """
    commands = {"sqlite": "PRAGMA synchronous=FULL", "postgresql": "SET synchronous_commit=on"}
    with connection.cursor() as cursor:
        cursor.execute(commands[connection.vendor])


class Trader:
    """Runs until `stop` is set.  No fault of a venue, an account or the database ends it."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._threads: dict[int, threading.Thread] = {}

    def run(self) -> None:
        connection_created.connect(write_through, dispatch_uid="trader")
        connections.close_all()
        outage = Outage(logger, "the trader")
        while not self._stop.is_set():
            try:
                self.look()
                outage.over()
            except Error as error:
                outage.note(error)
            self._stop.wait(LOOK_SECONDS)
        for thread in self._threads.values():
            thread.join(timeout=5)

    def look(self) -> None:
        """Finds out which accounts have work, and gives each a thread."""
        for account in accounts_with_work():
            thread = self._threads.get(account.pk)
            if thread is None or not thread.is_alive():
                thread = threading.Thread(
                    target=self._work, args=(account,), name=f"account-{account.pk}", daemon=True
                )
                self._threads[account.pk] = thread
                thread.start()

    def _work(self, account: Account) -> None:
        """Until there is nothing left to do for it, and a little longer."""
        tender, idle = Tender(account), 0
        outage = Outage(logger, f"account {account.public_id}")
        try:
            while not self._stop.is_set():
                busy = False
                try:
                    busy = tender.tend()
                    outage.over()
                except Error as error:
                    outage.note(error)
                    self._stop.wait(0.5)
                    continue
                except CracktraderError as error:
                    logger.error("account %s: %s", account.public_id, error)
                    self._stop.wait(2.0)
                except Exception:
                    logger.exception("account %s: its work broke off", account.public_id)
                    self._stop.wait(1.0)
                idle = 0 if busy else idle + 1
                if idle and idle % _IDLE_PASSES == 0 and not _has_work(account):
                    return
                if not busy:
                    self._stop.wait(PASS_SECONDS)
        finally:
            tender.release()
            connections.close_all()
