"""What a live run owns: kept sums are those of all its orders, whatever has happened to them."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from runs.models import Run, VenueOrder
from runs.trading import holdings
from runs.trading.holdings import Holdings
from tests.runs.live_slices import begin_live
from tests.runs.papers import desk  # noqa: F401 - fixture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("desk")]

State = VenueOrder.State
SYMBOLS = ["BTC/USDT", "ETH/USDT"]


class Undone(Exception):
    pass


def plain(run: Run, *, booked_only: bool) -> Holdings:
    """By each of its orders, one after another."""
    one_pool = run.config["engine"]["cash"] == "shared"
    found = Holdings.start(run.symbols, run.initial_cash, one_pool=one_pool)
    orders = run.venue_orders.order_by("id")
    found.add(orders.filter(booked=True) if booked_only else orders)
    return found


def agree(run: Run) -> None:
    for booked_only in (False, True):
        assert Holdings.of(run, booked_only=booked_only) == plain(run, booked_only=booked_only)


def order(run: Run, number: int, **fields: Any) -> VenueOrder:
    shared = {"account_id": run.account_id, "run": run, "created_ms": number}
    names = {"order_id": f"x{number}", "client_id": f"x{number}", "symbol": SYMBOLS[0]}
    buys = {"side": "buy", "purpose": "entry"}
    return VenueOrder(**shared | names | buys | fields)


def digits(rng: random.Random) -> Decimal:
    return Decimal(rng.randint(0, 10**20)).scaleb(rng.choice([-25, -18, -8, 0]))


def made(rng: random.Random, run: Run, number: int) -> VenueOrder:
    state = rng.choice([State.NEW, State.OPEN, State.FILLED, State.CANCELED])
    names = ("filled", "cost", "fee_base", "fee_quote")
    traded = {name: digits(rng) for name in names} if rng.random() < 0.7 else {}
    return order(
        run,
        number,
        symbol=rng.choice(SYMBOLS),
        side=rng.choice(["buy", "sell"]),
        state=state,
        amount=digits(rng),
        reference_price=digits(rng),
        **traded,
        booked=state in VenueOrder.TERMINAL and rng.random() < 0.5,
    )


def happens(rng: random.Random, run: Run, number: int) -> None:
    """One of what may happen to a run's orders."""
    unfinished = run.venue_orders.exclude(state__in=VenueOrder.TERMINAL).order_by("?")
    unbooked = run.venue_orders.filter(state__in=VenueOrder.TERMINAL, booked=False).order_by("?")
    what = rng.randrange(5)
    if what == 0 and (found := unfinished.first()) is not None:
        state = rng.choice([State.PARTIALLY_FILLED, State.FILLED, State.EXPIRED])
        run.venue_orders.filter(pk=found.pk).update(
            state=state, filled=digits(rng), cost=digits(rng), fee_quote=digits(rng)
        )
    elif what == 1 and (found := unbooked.first()) is not None:
        run.venue_orders.filter(pk=found.pk).update(booked=True)
    elif what == 2:
        # Committed late: others with a greater id are known already.
        newest = VenueOrder.objects.order_by("-id").values_list("id", flat=True).first() or 0
        late = made(rng, run, number)
        free = set(range(max(newest - 30, 1), newest)) - set(
            VenueOrder.objects.values_list("id", flat=True)
        )
        late.pk = max(free, default=None)
        late.save(force_insert=True)
    else:
        made(rng, run, number).save()
        if what == 3:
            # Numbers that are never used.
            with transaction.atomic():
                gone = made(rng, run, number + 1000)
                gone.save()
                VenueOrder.objects.filter(pk=gone.pk).delete()


@pytest.mark.parametrize("cash", ["shared", "sleeves"])
def test_kept_sums_are_those_of_all_orders(cash, monkeypatch):
    monkeypatch.setattr(holdings._Kept, "MOST", 3)
    rng = random.Random(cash)
    runs = [begin_live(symbols=SYMBOLS) for _ in range(2)]
    for run in runs:
        run.config["engine"]["cash"] = cash
        run.save()
    for number in range(150):
        run = rng.choice(runs)
        try:
            with transaction.atomic():
                happens(rng, run, number)
                if rng.random() < 0.5:
                    agree(run)
                if rng.random() < 0.3:
                    raise Undone
        except Undone:
            pass
        agree(run)


def test_a_price_that_moves_reads_as_many_orders_of_a_long_run_as_of_a_young_one(monkeypatch):
    run = begin_live()
    VenueOrder.objects.bulk_create(
        order(
            run,
            number,
            side="sell" if number % 2 else "buy",
            state=State.OPEN if number in (3, 500) else State.FILLED,
            filled=Decimal("0.1"),
            cost=Decimal(5000),
            booked=True,
        )
        for number in range(3_000)
    )
    agree(run)
    read: list[int] = []
    from_db = VenueOrder.from_db.__func__
    monkeypatch.setattr(
        VenueOrder,
        "from_db",
        classmethod(lambda cls, *args: read.append(1) or from_db(cls, *args)),
    )
    for number in range(3_000, 3_004):
        order(run, number, state=State.FILLED, filled=Decimal(1)).save()
        read.clear()
        with CaptureQueriesContext(connection) as asked:
            Holdings.of(run)
        assert (len(read), len(asked)) == (3, 2), "the two that are open, and the new one"
    assert Holdings.of(run) == plain(run, booked_only=False)


def test_sums_are_made_anew_from_time_to_time(monkeypatch):
    run = begin_live()
    order(run, 1, state=State.FILLED, filled=Decimal(1)).save()
    agree(run)
    run.venue_orders.update(filled=Decimal(2))
    assert Holdings.of(run).positions == [Decimal(1)], "orders that are over do not change"
    monkeypatch.setattr(holdings._Kept, "SECONDS", 0.0)
    assert Holdings.of(run).positions == [Decimal(2)]
