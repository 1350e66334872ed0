"""Whether the coins that our runs own are at the venue."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q

from exchanges.domain import Symbol, VenueError
from exchanges.exact import plain
from exchanges.models import Account
from exchanges.trading import VenueAccount
from runs.models import Discrepancy, Run, VenueOrder

from . import comparing, discrepancies, orders, polling, sizing
from .holdings import Holdings

RECHECKS = 2
RECHECK_SECONDS = 1.0


class Position(NamedTuple):
    """What a run can sell of one of its markets."""

    run: Run
    symbol: Symbol
    amount: Decimal

    @property
    def currency(self) -> str:
        return self.symbol.partition("/")[0]


def positions(account: Account, venue: VenueAccount) -> list[Position]:
    """Of active runs, and of ended ones whose position is still protected; the largest first.

    On the markets' steps: less than one cannot be sold, so nothing lacks.
    """
    owning = Q(status__in=Run.ACTIVE) | Q(protections__isnull=False)
    found = []
    for run in Run.objects.filter(owning, account=account).distinct():
        holdings = Holdings.of(run)
        for symbol, held in zip(map(Symbol, holdings.symbols), holdings.positions, strict=True):
            if held > 0:
                found.append(Position(run, symbol, sizing.on_step(held, _step(venue, symbol))))
    return sorted(found, key=lambda position: position.amount, reverse=True)


def _step(venue: VenueAccount, symbol: Symbol) -> Decimal:
    """Zero for a market taken from the venue's list: its coins should be there all the same."""
    try:
        return venue.rules(symbol).amount_step
    except VenueError as error:
        if error.code != "INVALID_SYMBOL":
            raise
        return Decimal(0)


def compare(account: Account, venue: VenueAccount) -> bool:
    """Tells currencies of which less is there than our runs own; whether nothing is left open.

    What is undecided about a currency's markets may explain it, and comes first.
    A fill may be under way: it is told when it lacks each time in a few looks,
    with a second between them.  More than they own is nobody's matter.
    """
    asked = dict.fromkeys(_of(positions(account, venue)))
    open_ones = discrepancies.undecided(account)
    told = [d for d in open_ones if d.kind == Discrepancy.Kind.BALANCE_SHORT]
    if not asked and not told:
        return True
    short, sure = lacking(account, venue)
    for discrepancy in told:
        if discrepancy.subject not in short and sure:
            discrepancies.gone(discrepancy)
    news = set(short) - {discrepancy.subject for discrepancy in told}
    news -= _ignored(account, short) | {d.symbol.partition("/")[0] for d in open_ones}
    for _ in range(RECHECKS):
        if not news or not sure:
            break
        time.sleep(RECHECK_SECONDS)
        short, sure = lacking(account, venue)
        news &= set(short)
    if not sure:
        return False
    for currency in sorted(news):
        _tell(account, venue, currency, short[currency])
    return True


def _ignored(account: Account, short: dict[str, Decimal]) -> set[str]:
    """Of which no more lacks than somebody has put up with."""
    rows = Discrepancy.objects.filter(
        account=account,
        kind=Discrepancy.Kind.BALANCE_SHORT,
        subject__in=short,
        resolution=Discrepancy.Resolution.IGNORE,
    )
    return {row.subject for row in rows if short[row.subject] <= Decimal(row.theirs["short"])}


def lacking(account: Account, venue: VenueAccount) -> tuple[dict[str, Decimal], bool]:
    """How much of which currency; and whether no order hides what became of it."""
    before = positions(account, venue)
    totals = {currency: balance.total for currency, balance in venue.balances().items()}
    needed = _of(before)
    suspects = comparing.lacking(totals, needed, needed)
    if not suspects:
        return {}, True
    symbols = {str(position.symbol) for position in before if position.currency in suspects}
    sure = _settle(account, venue, symbols)
    after = _of(positions(account, venue))
    return comparing.lacking(totals, needed, after), sure


def _settle(account: Account, venue: VenueAccount, symbols: Collection[str]) -> bool:
    """Looks at our orders of these symbols; whether all that they have traded is booked."""
    sure = True
    for order in orders.unfinished(account.pk):
        if order.symbol not in symbols:
            continue
        if order.state in VenueOrder.IN_DOUBT:
            sure = False
        elif order.state in VenueOrder.WORKING:
            told = venue.order(Symbol(order.symbol), order.venue_id, order.client_id)
            known = told is not None and polling.look(venue, order, told)
            sure &= known and told is not None and order.filled >= told.filled
    return sure


def _of(held: Iterable[Position]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for position in held:
        sums[position.currency] += position.amount
    return dict(sums)


def _tell(account: Account, venue: VenueAccount, currency: str, short: Decimal) -> None:
    mine = [held for held in positions(account, venue) if held.currency == currency]
    if not mine:
        return
    owned = sum((position.amount for position in mine), Decimal(0))
    discrepancies.tell(
        account,
        Discrepancy.Kind.BALANCE_SHORT,
        _loser(mine, short).run,
        subject=currency,
        ours={
            "total": plain(owned),
            "positions": [
                {"run_id": str(p.run.public_id), "symbol": p.symbol, "amount": plain(p.amount)}
                for p in mine
            ],
        },
        theirs={"total": plain(owned - short), "short": plain(short)},
    )


def _loser(held: list[Position], short: Decimal) -> Position:
    """Whose the missing coins most likely were.

    Of a run that is over and whose stop is gone, if that explains the shortage;
    else of a run that goes on, for it can be held, and book the loss.
    """
    over = (p for p in held if not p.run.is_active and p.amount >= short and _stop_is_gone(p))
    active = (position for position in held if position.run.is_active)
    return next(over, None) or next(active, held[0])


def _stop_is_gone(position: Position) -> bool:
    """It had one at the venue, which holds the coins, and has none there now."""
    stops = VenueOrder.objects.filter(
        run=position.run, symbol=str(position.symbol), type=VenueOrder.Type.STOP_LOSS
    )
    return stops.exists() and not stops.filter(finished_at=None).exists()


def loser(
    account: Account, venue: VenueAccount, currency: str, run_id: int | None
) -> Position | None:
    """Whose position is lessened where the loss is taken: the largest of the run that was told."""
    mine = [held for held in positions(account, venue) if held.currency == currency]
    return next((position for position in mine if position.run.pk == run_id), None)


# --- orders without a run ----------------------------------------------------------------------


def free_of_runs(account: Account, venue: VenueAccount, symbol: Symbol) -> Decimal:
    """How much of the symbol's base currency is there beyond what our runs own.

    Less what orders of no run that are on their way or rest may still sell.
    Asks the venue: not within a transaction.  Raises VenueError.
    """
    base = symbol.partition("/")[0]
    # Read first: what a run buys meanwhile is then missing here, and not taken for free.
    there = venue.balances().get(base)
    owned = _of(positions(account, venue)).get(base, Decimal(0))
    sales = VenueOrder.objects.filter(
        account=account, run=None, side="sell", finished_at=None, symbol__startswith=f"{base}/"
    ).exclude(state=VenueOrder.State.NEW)
    offered = sum(((sale.amount or sale.filled) - sale.filled for sale in sales), Decimal(0))
    total = Decimal(0) if there is None else there.total
    return max(total - owned - offered, Decimal(0))


def bought_by_hand(account_id: int, symbol: str) -> Decimal:
    """What is left of what orders of no run have bought of it."""
    held = Decimal(0)
    mine = VenueOrder.objects.filter(account_id=account_id, run=None, symbol=symbol)
    for order in mine.exclude(filled="0").order_by("id"):
        change = order.filled if order.side == "buy" else -order.filled
        # What was there before is not counted, so nothing can be sold of it.
        held = max(held + change - order.fee_base, Decimal(0))
    return held
