"""However many processes tend an account at once, at most ten orders a second reach the venue.

Four traders that respect no claim work off a burst of orders at the same time,
which is worse than anything that a freeze can bring about; answers take up to
300 ms, and some never come.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exchanges.services import accounts
from runs.models import VenueOrder
from runs.trading import slots, tending
from runs.trading.naming import MANUAL, client_id
from tests.rounds import rounds
from tests.venue import RemoteVenue

from . import live_books
from .live_desk import SYMBOLS, LiveDesk
from .nursery import Nursery

pytestmark = [
    pytest.mark.process,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

SEED = int(os.environ.get("CRACKTRADER_TEST_SEED", "0")) or random.randrange(1, 10**6)
TRADERS = 4
CHAOS: dict[str, Any] = {
    "lose": 0.05,
    "lose_by": ["hang", "reset", "504"],
    "hang": 1.7,
    "write_delay_ms": [0, 300],
    "visibility_ms": [0, 60],
}


@pytest.fixture
def desk(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[LiveDesk]:
    with RemoteVenue("--seed", str(SEED), "--symbols", ",".join(SYMBOLS)) as venue:
        yield LiveDesk(venue, settings, tmp_path)


def respect_no_claim() -> None:
    def hold(tender: tending.Tender, now: float) -> bool:
        tender._refresh(now)
        return True

    tending.Tender._hold = hold  # type: ignore[method-assign]


def forget_slots_at_once() -> None:
    """As if a slot were free again with the answer, and not a second after it."""
    respect_no_claim()
    slots.answered = slots.unused


def burst(desk: LiveDesk, number: int) -> list[VenueOrder]:
    """Small purchases on the real account, all wanted at once."""
    holder = desk.holders[1]
    exchange = desk.exchange
    values = {"apiKey": holder.key, "secret": holder.secret}
    account = accounts.open_account(exchange, holder.sandbox, values)
    now = time.time_ns() // 1_000_000
    wanted = [(f"{MANUAL}{n}", SYMBOLS[1 + n % 4]) for n in range(number)]
    return VenueOrder.objects.bulk_create(
        VenueOrder(
            account=account,
            order_id=name,
            client_id=client_id(str(account.public_id), name),
            symbol=symbol,
            side="buy",
            purpose="manual",
            wanted=Decimal(10),
            created_ms=now,
        )
        for name, symbol in wanted
    )


def work_off(
    desk: LiveDesk, nursery: Nursery, number: int, seconds: float, chaos: dict[str, Any]
) -> float:
    """Has the traders send them all; how many seconds it took."""
    burst(desk, number)
    desk.venue.do("chaos", seed=SEED, **chaos)
    with nursery:
        began = time.monotonic()
        while VenueOrder.objects.filter(finished_at=None).exists():
            nursery.reap()
            left = VenueOrder.objects.filter(finished_at=None).values_list("state", flat=True)
            assert time.monotonic() - began < seconds, Counter(left)
            time.sleep(0.1)
        return time.monotonic() - began


@pytest.mark.parametrize("number", rounds("CRACKTRADER_TEST_ORDERS", 50, 200))
def test_four_traders_on_one_account_send_ten_orders_a_second(
    desk: LiveDesk, tmp_path: Path, number: int
) -> None:
    nursery = Nursery(tmp_path, random.Random(SEED), {"trader": TRADERS}, patch=respect_no_claim)
    took = work_off(desk, nursery, number, 180, CHAOS)
    dump = desk.venue.dump()
    moments = [posted["at"] for posted in dump["accepted"]]
    sent = Counter(VenueOrder.objects.values_list("state", flat=True))
    print(
        f"\nseed {SEED}: {len(moments)} orders accepted within {max(moments) - min(moments):.1f} s"
        f" ({took:.1f} s in all), at most {live_books.busiest(dump, 'real')} in a second;"
        f" {dict(sent)}; venue: {desk.venue.do('counts')['dealt']}"
    )
    assert nursery.faults == []
    assert sent == {VenueOrder.State.FILLED: number}
    assert len(moments) == number
    assert live_books.doubled(dump) == []
    assert live_books.busiest(dump, "real") <= 10


@pytest.mark.long
def test_slots_that_are_free_at_once_let_more_through(desk: LiveDesk, tmp_path: Path) -> None:
    """The test above can fail."""
    nursery = Nursery(
        tmp_path, random.Random(SEED), {"trader": TRADERS}, patch=forget_slots_at_once
    )
    # Answers that come at once: a machine that is busy with others sends ten a second even so.
    work_off(desk, nursery, 60, 120, CHAOS | {"lose": 0, "write_delay_ms": [0, 0]})
    assert live_books.busiest(desk.venue.dump(), "real") > 10
