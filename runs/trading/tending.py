"""All that one venue account needs, again and again: at most one process does it at a time.

The claim on the account only keeps two processes from asking the venue twice.
What they write is guarded order by order, so that a process that was frozen
and wakes beside its successor does no harm.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models import Q
from django.utils import timezone

from exchanges.domain import CracktraderError, VenueError
from exchanges.models import Account
from exchanges.processes import ProcessId
from exchanges.services import accounts
from exchanges.trading import NotNow, VenueAccount
from runs import recorder
from runs.models import Protection, Run, VenueOrder

from . import (
    killing,
    noticing,
    orders,
    outbox,
    polling,
    protecting,
    reconciling,
    resolving,
    sending,
)
from .sending import Sent

logger = logging.getLogger(__name__)

State = VenueOrder.State

CLAIM_SECONDS = 15.0
RENEW_SECONDS = 5.0
WATCH_SECONDS = 1.0
ACCOUNT_SECONDS = 0.5
PAUSES = (0.25, 5.0)
"""After the first failure of a venue, and the longest."""
_FAST_LOOKS = 10
_MANY_LOOKS, _SELDOM = 60, 3
"""An order that rests is looked at that much less often from then on."""
_LONGEST_TROUBLE = 30.0
ALARM_SECONDS = 30.0
"""A venue or its account that fails for longer is an alert."""
_OUTAGE_SECONDS = 5.0
_MARKET_ORDER_MS = 30_000
"""A market order that the venue leaves open so long is taken back: its run waits for it."""
_TRY_CLAIM_SECONDS = 0.25
_UNSETTLED_SECONDS = 5.0


@dataclass(slots=True)
class _Looks:
    """When an order is looked at next (monotonic), and how often it was."""

    at: float = 0.0
    count: int = 0
    canceling: bool = False


@dataclass(slots=True)
class Tender:
    """One account's work in one process; times are monotonic seconds."""

    account: Account
    venue: VenueAccount | None = None
    _claimed: float = 0.0
    _read: float = 0.0
    _watched: float = 0.0
    _reconciled: float | None = None
    _not_before: float = 0.0
    _failures: int = 0
    _failing_since: float | None = None
    _alarmed: bool = False
    _looks: dict[int, _Looks] = field(default_factory=dict)
    _troubles: dict[Hashable, _Looks] = field(default_factory=dict)

    def tend(self) -> bool:
        """One pass; whether there was anything to do.  No fault of the venue escapes it."""
        now = time.monotonic()
        if now < self._not_before or not self._hold(now):
            return False
        if self.account.paused_until and self.account.paused_until > timezone.now():
            return False
        try:
            busy = self._pass(now)
        except NotNow as error:
            if error.code == "VENUE_RATE_LIMITED":
                sending.pause(self.account, error)
                self._refresh(now)
            elif self.venue is not None:
                self.venue.resync()
            self._failed(error)
            return False
        except CracktraderError as error:
            self._failed(error)
            return False
        self._well()
        return busy

    def release(self) -> None:
        """Somebody else may tend it at once."""
        mine = Account.objects.filter(pk=self.account.pk, claimed_by=str(ProcessId.current()))
        mine.update(claimed_by="", claimed_until=None)

    # --- the claim ---

    def _hold(self, now: float) -> bool:
        if self._claimed and now - self._claimed < RENEW_SECONDS:
            if now - self._read > ACCOUNT_SECONDS:
                self._refresh(now)
            return True
        moment, me = timezone.now(), str(ProcessId.current())
        free = Q(claimed_by=me) | Q(claimed_until=None) | Q(claimed_until__lt=moment)
        holder = ProcessId.parse(self.account.claimed_by)
        if holder is not None and holder.is_local and not holder.is_alive():
            free |= Q(claimed_by=self.account.claimed_by)
        row = Account.objects.filter(free, pk=self.account.pk)
        taken = row.update(claimed_by=me, claimed_until=moment + timedelta(seconds=CLAIM_SECONDS))
        lost = self._claimed and now - self._claimed > CLAIM_SECONDS
        if not taken or not self._claimed or lost:
            # It may have been another's meanwhile: what the venue has is looked at anew.
            self._reconciled = None
            self._looks.clear()
        self._claimed = now if taken else 0.0
        self._refresh(now)
        if not taken:
            self._not_before = now + _TRY_CLAIM_SECONDS
        return bool(taken)

    def _refresh(self, now: float) -> None:
        self._read = now
        fresh = Account.objects.select_related("exchange", "credential")
        was = self.account.credential_id
        self.account = fresh.defer("exchange__markets").get(pk=self.account.pk)
        if self.account.credential_id != was:
            self.venue = None

    # --- a pass ---

    def _pass(self, now: float) -> bool:
        venue = self._sign_in()
        busy = self._try("kill", lambda: killing.work(self.account, venue))
        due = self._reconciled is None or now - self._reconciled > settings.RECONCILE_SECONDS
        if due or reconciling.is_asked(self.account.pk):
            self._try("reconcile", lambda: self._reconcile(venue, now))
        busy |= self._try("decisions", lambda: reconciling.carry_out(self.account, venue))
        unfinished = orders.unfinished(self.account.pk)
        for order in unfinished:
            busy |= self._try(order.pk, partial(self._work_on, venue, order))
        self._forget(unfinished)
        if busy or now - self._watched > WATCH_SECONDS:
            self._watched = now
            outbox.take_back_left(self.account.pk)
            busy |= self._protect(venue)
        return busy

    def _try(self, what: Hashable, work: Callable[[], bool]) -> bool:
        """One order's, market's or decision's trouble keeps none of the others waiting."""
        trouble = self._troubles.get(what)
        if trouble is not None and time.monotonic() < trouble.at:
            return False
        try:
            busy = work()
        except VenueError as error:
            if noticing.concerns_all(error):
                raise
            self._put_off(what, str(error))
            return False
        except (DatabaseError, CracktraderError):
            raise
        except Exception:
            logger.exception("account %s: %s", self.account.public_id, what)
            self._put_off(what, "")
            return False
        self._troubles.pop(what, None)
        return busy

    def _put_off(self, what: Hashable, why: str) -> None:
        trouble = self._troubles.setdefault(what, _Looks())
        trouble.count += 1
        trouble.at = time.monotonic() + min(PAUSES[0] * 2**trouble.count, _LONGEST_TROUBLE)
        if trouble.count == 1 and why:
            logger.warning("account %s: %s: %s", self.account.public_id, what, why)

    def _reconcile(self, venue: VenueAccount, now: float) -> bool:
        settled = reconciling.reconcile(self.account, venue)
        soon = now - settings.RECONCILE_SECONDS + _UNSETTLED_SECONDS
        self._reconciled = now if settled else min(now, soon)
        return settled

    def _sign_in(self) -> VenueAccount:
        if self.venue is None:
            self.venue = accounts.venue_account(self.account)
        return self.venue

    def _work_on(self, venue: VenueAccount, order: VenueOrder) -> bool:
        if order.state == State.NEW:
            if order.cancel_requested_at is None and order.attempt and not self._may_look(order):
                return False
            return sending.send(self.account, venue, order) is Sent.DONE
        if not self._may_look(order):
            return False
        if order.state in VenueOrder.IN_DOUBT:
            return resolving.resolve(venue, order)
        if order.cancel_requested_at is not None:
            known = polling.take_back(venue, order)
        else:
            known = polling.look(venue, order)
        if not known:
            reconciling.missing(self.account, order, venue)
        elif order.cancel_requested_at is None and _is_stuck(venue, order):
            protecting.request_cancel(order, "unfilled")
        return order.is_terminal

    def _may_look(self, order: VenueOrder) -> bool:
        """Often at first, for that is when an order is filled; then as often as is set."""
        now, looks = time.monotonic(), self._looks.setdefault(order.pk, _Looks())
        if order.cancel_requested_at is not None and not looks.canceling:
            # From now on it is taken back, at once and then ever less often.
            looks = self._looks[order.pk] = _Looks(canceling=True)
        if now < looks.at:
            return False
        period = settings.ORDER_POLL / 1000
        looks.count += 1
        if looks.count > _MANY_LOOKS:
            period *= _SELDOM
        elif looks.count <= _FAST_LOOKS:
            period = min(period, 0.02 * 2 ** min(looks.count, 6))
        looks.at = now + period
        return True

    def _forget(self, unfinished: list[VenueOrder]) -> None:
        known = {order.pk for order in unfinished}
        self._looks = {pk: looks for pk, looks in self._looks.items() if pk in known}
        self._troubles = {
            what: trouble
            for what, trouble in self._troubles.items()
            if not isinstance(what, int) or what in known
        }

    def _protect(self, venue: VenueAccount) -> bool:
        held = Protection.objects.filter(run__account_id=self.account.pk)
        protections = list(held.select_related("run"))
        if not protections or self.account.is_killed:
            return False
        unfinished = orders.unfinished(self.account.pk)
        busy = False
        for protection in protections:
            work = partial(protecting.tend, protection, unfinished, venue)
            busy |= self._try(("protection", protection.pk), work)
        return busy

    # --- outages ---

    def _failed(self, error: CracktraderError) -> None:
        now = time.monotonic()
        if self._failing_since is None:
            self._failing_since = now
            self._note(error)
        elif not self._alarmed and now - self._failing_since > ALARM_SECONDS:
            self._alarmed = True
            self._tell("account.failing", {"code": error.code, "message": error.message})
        self._failures += 1
        pause = min(PAUSES[0] * 2 ** (self._failures - 1), PAUSES[1])
        self._not_before = now + pause

    def _well(self) -> None:
        if self._failing_since is None:
            return
        if time.monotonic() - self._failing_since > _OUTAGE_SECONDS:
            self._reconciled = None
        if self._alarmed:
            self._tell("account.well", {})
        self._failing_since, self._failures, self._alarmed = None, 0, False
        Account.objects.filter(pk=self.account.pk).update(
            failing_since=None, error_code="", error=""
        )

    def _tell(self, kind: str, data: dict[str, str]) -> None:
        """An Event in the log of each run that trades on the account."""
        data = {"account_id": str(self.account.public_id)} | data
        with transaction.atomic():
            # In the order in which feeds lock them too.
            for run in self.account.runs.filter(status__in=Run.ACTIVE).order_by("pk"):
                recorder.append(run.pk, kind, data)

    def _note(self, error: CracktraderError) -> None:
        logger.warning("account %s: %s", self.account.public_id, error)
        Account.objects.filter(pk=self.account.pk).update(
            failing_since=timezone.now(), error_code=error.code, error=error.message[:1000]
        )


def _is_stuck(venue: VenueAccount, order: VenueOrder) -> bool:
    market = order.type == VenueOrder.Type.MARKET and not order.is_terminal
    return market and venue.now_ms() - (order.stamp_ms or 0) > _MARKET_ORDER_MS
