"""The venue's books beside ours: what does not match is told, and decided by people.

Start-up, an outage's end and recovery from a crash are this one path.  What is
ours is known by the venue's id, or by the name that was committed before it was
sent; nothing is guessed from amounts or times.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from exchanges.domain import Symbol, VenueError
from exchanges.exact import plain
from exchanges.models import Account
from exchanges.trading import OrderReport, Trade, VenueAccount, VenueState
from runs.models import Discrepancy, Execution, LiveSymbol, Protection, Run, VenueOrder

from . import (
    adopting,
    balances,
    comparing,
    discrepancies,
    foreign,
    noticing,
    orders,
    polling,
    protecting,
    resolving,
)
from .naming import KILL
from .noticing import ask, is_asked
from .ours import Ours
from .remedies import absorb_trades, carry_out, order_of

logger = logging.getLogger(__name__)

__all__ = ["ask", "carry_out", "is_asked", "missing", "reconcile"]

Kind = Discrepancy.Kind
State = VenueOrder.State

MISMATCH_SECONDS = 60.0
"""For so long the trades of an order that is over may be late."""

_OVERLAP = timedelta(minutes=10)
_MOST_ASKED = 20
_MISSED_SECONDS = 30.0

_nobodys: defaultdict[tuple[int, str], set[str]] = defaultdict(set)
"""Orders of other hands that were asked about, until a pass has come to the end of a market's."""


def reconcile(account: Account, venue: VenueAccount) -> bool:
    """Compares open orders, recent trades and balances; whether nothing is left open.

    Where something is in doubt, the next pass looks back as far as this one.
    Raises VenueError; what was found until then is written down, whole.
    """
    began = timezone.now()
    noticing.compared(account.pk)
    comparison = _Comparison.of(account, venue)
    settled = comparison.make()
    for discrepancy in discrepancies.undecided(account):
        noticing.attempt(discrepancy.pk, partial(_see_if_gone, account, venue, discrepancy))
    settled &= balances.compare(account, venue)
    if settled:
        Account.objects.filter(pk=account.pk).update(reconciled_at=began)
    return settled and not discrepancies.open_ones(account)


def missing(account: Account, order: VenueOrder, venue: VenueAccount | None = None) -> bool:
    """The venue had the order, and does not know it any more: believed when said again later.

    Then it is over, with what its trades say, where something waits for it that
    must not: the stop of a position, and what a kill switch takes back.  Of any
    other the end is somebody's decision.  Whether it is over.
    """
    if not noticing.lasts(("missing", order.pk), settings.ORDER_SKEW / 1000, _MISSED_SECONDS):
        return False
    order.refresh_from_db()
    if order.state not in VenueOrder.WORKING:
        return order.is_terminal
    if not _is_waited_for(account, order):
        told = {"status": None, "filled": plain(order.filled)}
        _tell(account, Kind.MISSING_ORDER, order, told)
    elif venue is None:
        ask(account.pk)
    else:
        absorb_trades(venue, order)
        if not order.is_terminal:
            logger.warning("account %s: %s is missing", account.public_id, order.client_id)
            orders.give_up(order, State.CANCELED, "missing", "The venue does not know it")
    return order.is_terminal


def _is_waited_for(account: Account, order: VenueOrder) -> bool:
    if protecting.is_protective(order):
        return True
    killed = Account.objects.filter(pk=account.pk, killed_at__isnull=False).exists()
    return killed and (order.cancel_requested_at is not None or order.order_id.startswith(KILL))


def _tell(account: Account, kind: Kind, order: VenueOrder, theirs: dict[str, Any]) -> None:
    ours = orders.describe(order)
    discrepancies.tell(account, kind, order.run, order.client_id, order.symbol, ours, theirs)


def _see_if_gone(account: Account, venue: VenueAccount, discrepancy: Discrepancy) -> bool:
    """What only the venue can tell to be well again."""
    if discrepancy.kind == Kind.FOREIGN_ORDER:
        return foreign.over(account, venue, discrepancy, discrepancies.gone)
    if discrepancy.kind in (Kind.MISSING_ORDER, Kind.STATE_MISMATCH):
        order = order_of(discrepancy)
        if order is None:
            return False
        venue_id = discrepancy.theirs.get("venue_order_id") or order.venue_id
        told = venue.order(Symbol(order.symbol), venue_id, order.client_id)
        is_open = told is not None and told.state is VenueState.OPEN
        is_lost = discrepancy.kind == Kind.MISSING_ORDER
        if (is_lost and told is not None) or not (is_lost or is_open):
            return discrepancies.gone(discrepancy)
    return False


# --- orders and trades -----------------------------------------------------------------------


@dataclass(slots=True)
class _Comparison:
    """One pass over the markets that runs and orders of the account are about.

    `runs`: active live runs by their markets.
    """

    account: Account
    venue: VenueAccount
    runs: dict[str, Run]
    unfinished: list[VenueOrder]
    symbols: list[str]
    settled: bool = True
    _doubted: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, account: Account, venue: VenueAccount) -> _Comparison:
        traded = LiveSymbol.objects.filter(account=account, run__status__in=Run.ACTIVE)
        runs = {live.symbol: live.run for live in traded.select_related("run")}
        unfinished = orders.unfinished(account.pk)
        protected = Protection.objects.filter(run__account=account).values_list("symbol", flat=True)
        symbols = sorted({*runs, *protected, *(order.symbol for order in unfinished)})
        return cls(account, venue, runs, unfinished, symbols)

    def make(self) -> bool:
        for order in self.unfinished:
            if order.state in VenueOrder.IN_DOUBT and not resolving.resolve(self.venue, order):
                self._doubted.add(order.symbol)
                self.settled = False
        for symbol in map(Symbol, self.symbols):
            try:
                self._orders(symbol)
                self._trades(symbol)
            except VenueError as error:
                # A market that was taken from the list must not keep the others waiting.
                if error.code != "INVALID_SYMBOL":
                    raise
                logger.warning("account %s: %s", self.account.public_id, error)
        return self.settled

    # --- open orders ---

    def _orders(self, symbol: Symbol) -> None:
        listed = self.venue.open_orders(symbol)
        books = Ours(self.account, symbol, listed)
        for told in listed:
            ours = books.order(told.venue_id, told.client_id)
            if ours is None:
                self._foreign_order(symbol, told)
            elif ours.is_terminal:
                self._over_in_ours_only(ours, told)
            elif ours.state not in VenueOrder.WORKING:
                self._found(ours, told)
        there = {told.venue_id for told in listed}
        for order in self.unfinished:
            rests = order.symbol == symbol and order.state in VenueOrder.WORKING
            if rests and order.venue_id not in there:
                self._not_listed(order)

    def _foreign_order(self, symbol: Symbol, told: OrderReport) -> None:
        run = self.runs.get(symbol)
        if run is not None and symbol not in self._doubted:
            foreign.tell_order(self.account, run, told)

    def _over_in_ours_only(self, order: VenueOrder, told: OrderReport) -> None:
        """Asked once more: the list may be older than our books."""
        again = self.venue.order(told.symbol, told.venue_id, told.client_id)
        if again is not None and again.state is VenueState.OPEN:
            _tell(self.account, Kind.STATE_MISMATCH, order, comparing.order_told(again))

    def _found(self, order: VenueOrder, told: OrderReport) -> None:
        """Ours, though we did not know that the venue has it, or had not sent it by our books."""
        fields: dict[str, Any] = {"venue_id": told.venue_id, "error": ""}
        if order.amount is None:
            fields |= {
                "amount": told.amount,
                "stamp_ms": told.time_ms or order.created_ms,
                "reference_price": order.reference_price or told.price,
            }
        if orders.change(order, State.OPEN, **fields):
            polling.look(self.venue, order, told)

    def _not_listed(self, order: VenueOrder) -> None:
        """Filled, canceled, or lost: the order itself is asked for, then its trades."""
        told = self.venue.order(Symbol(order.symbol), order.venue_id, order.client_id)
        if told is None:
            absorb_trades(self.venue, order)
            if not order.is_terminal and not missing(self.account, order, self.venue):
                self.settled = False
            return
        noticing.passed(("missing", order.pk))
        polling.look(self.venue, order, told)
        what = "mismatch", order.pk
        if order.is_terminal or told.state is VenueState.OPEN:
            noticing.passed(what)
            return
        self.settled = False
        apart = 2 * settings.RECONCILE_SECONDS + MISMATCH_SECONDS
        if noticing.lasts(what, MISMATCH_SECONDS, apart):
            _tell(self.account, Kind.FILL_MISMATCH, order, comparing.order_told(told))

    # --- trades ---

    def _trades(self, symbol: Symbol) -> None:
        since = self._since(symbol)
        if since is None:
            return
        trades = self.venue.trades(symbol, since)
        booked = set(
            Execution.objects.filter(
                account=self.account,
                symbol=symbol,
                trade_id__in=[trade.trade_id for trade in trades],
            ).values_list("trade_id", "side")
        )
        groups: dict[str, list[Trade]] = defaultdict(list)
        for trade in trades:
            if (trade.trade_id, trade.side.name.lower()) not in booked:
                groups[trade.venue_id].append(trade)
        if groups:
            self._explain(symbol, groups)

    def _since(self, symbol: Symbol) -> int | None:
        """The venue's time from which on trades are looked at."""
        begins = [order.created_at for order in self.unfinished if order.symbol == symbol]
        if symbol in self.runs:
            begins.append(self.runs[symbol].created_at)
        if not begins:
            return None
        since = min(begins)
        if self.account.reconciled_at is not None:
            since = max(since, self.account.reconciled_at - _OVERLAP)
        return foreign.venue_ms(self.venue, since)

    def _explain(self, symbol: Symbol, groups: dict[str, list[Trade]]) -> None:
        """Trades that our books have not, by the venue's order: ours are booked, others told."""
        books = Ours(self.account, symbol, venue_ids=groups)
        known = self._known(symbol, groups)
        # One of ours that has no id yet may be behind any of them.
        nameless = any(o.symbol == symbol and not o.venue_id for o in self.unfinished)
        nobodys = _nobodys[self.account.pk, str(symbol)]
        asked = 0
        for venue_id, trades in groups.items():
            ours = books.order(venue_id, "")
            if ours is not None and (not ours.is_terminal or ours.run_id is None):
                orders.absorb(ours, trades)
                continue
            if (ours is not None and adopting.is_adopted(ours)) or known >= _subjects(trades):
                continue
            if venue_id in nobodys or not (nameless or self._of_run(symbol, trades)):
                continue
            if asked == _MOST_ASKED:
                self.settled = False
                return
            asked += 1
            if self._of_unknown_order(symbol, venue_id, trades):
                nobodys.add(venue_id)
        nobodys.clear()

    def _of_run(self, symbol: Symbol, trades: list[Trade]) -> list[Trade]:
        """Those since the start of the run that trades the market, if one does."""
        run = self.runs.get(symbol)
        if run is None:
            return []
        started = foreign.venue_ms(self.venue, run.created_at)
        return [trade for trade in trades if trade.time_ms >= started]

    def _known(self, symbol: Symbol, groups: dict[str, list[Trade]]) -> set[str]:
        """Trades that were told already, and those of open foreign orders: they are told later."""
        told = Discrepancy.objects.filter(account=self.account, symbol=symbol)
        ids = [trade.trade_id for trades in groups.values() for trade in trades]
        fills = told.filter(kind=Kind.FOREIGN_FILL, subject__in=ids)
        found = set(fills.values_list("subject", flat=True))
        ignored = Q(resolution=Discrepancy.Resolution.IGNORE)
        others = told.filter(
            Q(resolved_at=None) | ignored, kind=Kind.FOREIGN_ORDER, subject__in=groups
        )
        for venue_id in others.values_list("subject", flat=True):
            found |= _subjects(groups[venue_id])
        return found

    def _of_unknown_order(self, symbol: Symbol, venue_id: str, trades: list[Trade]) -> bool:
        """Asks the venue whose it is; whether it is neither ours nor any run's to explain."""
        told = self.venue.order(symbol, venue_id, "")
        if told is not None:
            ours = Ours(self.account, symbol, [told]).order(venue_id, told.client_id)
            if ours is not None and not ours.is_terminal:
                self._found(ours, told)
                return False
        run, since = self.runs.get(symbol), self._of_run(symbol, trades)
        if run is None or not since:
            return True
        if symbol in self._doubted:
            self.settled = False
        else:
            foreign.tell_fills(self.account, run, since, told)
        return False


def _subjects(trades: list[Trade]) -> set[str]:
    return {trade.trade_id for trade in trades}
