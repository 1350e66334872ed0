"""kill -9 of anything at any moment loses no order of a live run and doubles none.

Live runs of bars of a second, at a wire-level venue in a process of its own,
which loses one answer in ten after it has taken the order, shows orders late,
splits them, and lets cancels race fills; meanwhile traders, workers, the feed
and the ticker are killed, and frozen between an intent and its request.  The
twelve kills run with the suite, more with `make test-long`, and
`make live-kill-test` kills 1,000 times.
CRACKTRADER_TEST_SEED repeats a run's choices.
"""

from __future__ import annotations

import os
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models import Max

from exchanges.models import Account
from exchanges.processes import ProcessId
from runs.models import Execution, Run, VenueOrder
from runs.trading import orders, resolving
from tests.rounds import rounds
from tests.venue import RemoteVenue

from . import live_books
from .live_desk import SKEW_MS, SYMBOLS, Holder, LiveDesk
from .nursery import Nursery, Part

pytestmark = [
    pytest.mark.process,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

SEED = int(os.environ.get("CRACKTRADER_TEST_SEED", "0")) or random.randrange(1, 10**6)
SECONDS = float(os.environ.get("CRACKTRADER_TEST_SECONDS", "1080"))
PACE = 0.5
"""Mean seconds between two kills."""

PARTS = {"trader": 3, "worker": 2, "feed": 1, "ticker": 1}
WEIGHTS = {"trader": 66, "worker": 24, "feed": 5, "ticker": 5}
DOOMED = 0.5
"""The share of traders, workers and feeds that come to their end at a crash point."""

FROZEN = 0.25
"""The share of kills before which the victim is frozen for a while."""

CHAOS: dict[str, Any] = {
    "lose": 0.10,
    "lose_by": ["reset", "reset", "502", "504", "cut", "-1007", "hang"],
    "hang": 1.7,
    "visibility_ms": [0, 60],
    "trades_ms": [0, 60],
    "refuse": 0.03,
    "fail_reads": 0.005,
    "delay_ms": [0, 20],
    "duplicates": 0.2,
    "split": 0.3,
    "races": 0.1,
}


def pulse(period: int, hold: int, offset: int = 0) -> dict[str, Any]:
    return {"strategy_params": {"period": period, "hold": hold, "offset": offset}}


BTC, ETH, SOL, XRP, LTC, BNB = SYMBOLS
BODIES: list[tuple[list[str], dict[str, Any]]] = [
    ([BTC], pulse(7, 3)),
    ([ETH], pulse(10, 6, 1) | {"stop_loss": 0.003}),
    ([SOL], pulse(14, 10, 2) | {"trailing_stop": 0.004, "position_size": 0.5}),
    ([XRP], pulse(12, 8, 3) | {"take_profit": 0.003, "stop_loss": 0.006}),
    ([LTC, BNB], pulse(9, 5, 4) | {"cash": "shared", "position_size": 0.4}),
]


class Chaos:
    """Keeps live runs at work, kills what works on them, and says what it came to."""

    def __init__(self, desk: LiveDesk, nursery: Nursery, seed: int) -> None:
        self.desk, self.nursery = desk, nursery
        self.choose = random.Random(seed)
        self.active: dict[tuple[str, int], str] = {}
        self.doubts: dict[int, float] = {}
        self.longest_doubt = 0.0
        self.doubted: set[int] = set()
        self.pace = PACE
        self._newest = 0
        self._next_stop = time.monotonic() + 8

    # --- runs ---

    def fill(self) -> None:
        """Starts what is missing."""
        over = set(Run.objects.exclude(status__in=Run.ACTIVE).values_list("public_id", flat=True))
        gone = {str(run_id) for run_id in over}
        self.active = {slot: run_id for slot, run_id in self.active.items() if run_id not in gone}
        for holder in self.desk.holders:
            for number, (symbols, body) in enumerate(BODIES):
                if (holder.name, number) not in self.active:
                    self._start(holder, number, symbols, body)

    def _start(self, holder: Holder, number: int, symbols: list[str], body: dict[str, Any]) -> None:
        self.active[holder.name, number] = self.desk.start(holder, symbols, **body)

    def stop_one(self) -> None:
        """Now and then a run is ended, half of the time with all that it holds."""
        if time.monotonic() < self._next_stop:
            return
        self._next_stop = time.monotonic() + self.choose.uniform(4, 12)
        run_id = self.choose.choice(list(self.active.values()))
        self.desk.stop(run_id, flatten=self.choose.random() < 0.7)

    def notice(self) -> None:
        """For how long it has not been known of which order what became of it."""
        now = time.monotonic()
        doubtful = set(
            VenueOrder.objects.filter(state__in=VenueOrder.IN_DOUBT).values_list("id", flat=True)
        )
        self.doubted |= doubtful
        for order in doubtful:
            since = self.doubts.setdefault(order, now)
            self.longest_doubt = max(self.longest_doubt, now - since)
        self.doubts = {order: since for order, since in self.doubts.items() if order in doubtful}

    # --- kills ---

    def victim(self) -> Part | None:
        (kind,) = self.choose.choices(list(WEIGHTS), list(WEIGHTS.values()))
        parts = self.nursery.of(kind)
        if kind == "trader" and self.choose.random() < 0.8:
            names = Account.objects.values_list("claimed_by", flat=True)
            holders = [ProcessId.parse(name) for name in names]
            pids = {holder.pid for holder in holders if holder is not None}
            parts = [part for part in parts if part.pid in pids] or parts
        return self.choose.choice(parts) if parts else None

    def await_order(self) -> None:
        """A desk that does nothing is hardly hurt: another order, for a moment at most."""
        until = time.monotonic() + self.pace
        while self._newest == (newest := self._last_sent()) and time.monotonic() < until:
            self.go_on(0)
        self._newest = newest

    @staticmethod
    def _last_sent() -> int:
        return VenueOrder.objects.aggregate(at=Max("stamp_ms"))["at"] or 0

    def go_on(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while True:
            self.nursery.reap()
            self.notice()
            if time.monotonic() >= until:
                return
            time.sleep(0.03)

    def kill(self) -> None:
        self.fill()
        self.stop_one()
        self.go_on(self.choose.expovariate(1 / self.pace))
        self.await_order()
        part = self.victim()
        if part is None:
            return
        if self.choose.random() < FROZEN:
            # It thaws beside its successor; some are killed later, and some where they stand.
            self.nursery.freeze(part)
        else:
            self.nursery.kill(part)

    def rage(self, kills: int, seconds: float) -> None:
        until = time.monotonic() + seconds
        while (left := kills - self.nursery.killed.total()) > 0 and time.monotonic() < until:
            # A machine that is busy otherwise may be behind.
            self.pace = min(PACE, (until - time.monotonic()) / left / 2)
            self.kill()

    def await_trades(self) -> None:
        """On every account, so that there is something to compare."""

        def traded() -> bool:
            busy = VenueOrder.objects.filter(state=VenueOrder.State.FILLED)
            return busy.values("account").distinct().count() == len(self.desk.holders)

        self._until(traded, 60, "every account has traded")

    # --- the end ---

    def settle(self, seconds: float) -> None:
        """No more faults; everything is stopped, half of it sold, and every order is over."""
        self.desk.venue.do("chaos")
        self.nursery.calm()
        active = Run.objects.filter(status__in=Run.ACTIVE)
        for number, run in enumerate(active.filter(stop_requested_at=None)):
            self.desk.stop(str(run.public_id), flatten=bool(number % 3))
        self._until(lambda: not active.exists(), seconds, "all runs are over")
        self._until(lambda: not live_books.unfinished(), seconds, "all orders are over")

    def _until(self, true: Callable[[], bool], seconds: float, what: str) -> None:
        until = time.monotonic() + seconds
        while not true():
            if time.monotonic() > until:
                left = [str(run.status) for run in Run.objects.filter(status__in=Run.ACTIVE)]
                raise AssertionError(f"not: {what}: {left} {live_books.unfinished()}")
            self.go_on(0.1)


@pytest.fixture
def desk(transactional_db: None, settings: Any, tmp_path: Path) -> Iterator[LiveDesk]:
    with RemoteVenue("--seed", str(SEED), "--symbols", ",".join(SYMBOLS)) as venue:
        for symbol in SYMBOLS:
            venue.do("hurry", symbol=symbol)
        yield LiveDesk(venue, settings, tmp_path)


@pytest.mark.parametrize("kills", rounds("CRACKTRADER_TEST_KILLS", 12, 100))
def test_no_order_is_lost_or_doubled_whatever_is_killed(
    desk: LiveDesk, tmp_path: Path, kills: int
) -> None:
    print(f"\nseed {SEED}, {kills} kills")
    nursery = Nursery(tmp_path, random.Random(SEED + 1), PARTS, DOOMED)
    with nursery:
        chaos, began = Chaos(desk, nursery, SEED), time.monotonic()
        chaos.fill()
        chaos.await_trades()
        desk.venue.do("chaos", seed=SEED, **CHAOS)
        chaos.rage(kills, SECONDS)
        took, dealt = time.monotonic() - began, desk.venue.do("counts")["dealt"]
        chaos.settle(60)
    faults = nursery.faults + live_books.differences(desk.venue, desk.holders)
    found = live_books.figures()
    print(
        f"{nursery.killed.total()} kills in {took:.0f} s: {dict(nursery.killed)}; frozen:"
        f" {dict(nursery.frozen)}; {Run.objects.count()} runs; {found}; venue: {dealt}, refused"
        f" {dict(Counter(posted['code'] for posted in desk.venue.dump()['refused']))};"
        f" {len(chaos.doubted)} orders seen in doubt, the longest for {chaos.longest_doubt:.1f} s"
    )
    assert faults == []
    assert nursery.killed.total() >= kills

    # What was compared would have been seen.
    Execution.objects.latest("id").delete()
    desk.venue.do("hand_order", account="real", symbol=BTC, side="buy", qty="0.001")
    faults = live_books.differences(desk.venue, desk.holders)
    assert any("lost" in fault for fault in faults)
    assert any("executions" in fault for fault in faults)


def send_again_at_once() -> None:
    """Whoever hears nothing sends again."""

    def resolve(venue: Any, order: VenueOrder) -> bool:
        return orders.change(order, VenueOrder.State.NEW)

    resolving.resolve = resolve


def ask_and_not_wait() -> None:
    """An order that the venue does not show is taken for one that it never got."""
    resolving.final_at = lambda venue, order: 0


@pytest.mark.long
@pytest.mark.parametrize("careless", [send_again_at_once, ask_and_not_wait])
def test_a_careless_trader_is_caught(
    desk: LiveDesk, tmp_path: Path, careless: Callable[[], None]
) -> None:
    """The harness above finds doubled orders where somebody sends again too soon."""
    nursery = Nursery(tmp_path, random.Random(SEED), PARTS | {"trader": 2}, DOOMED, careless)
    with nursery:
        chaos = Chaos(desk, nursery, SEED)
        chaos.fill()
        chaos.go_on(2)
        # A trader that waits for so long as it should bears this as well.
        worse = {"lose": 0.3, "lose_by": ["reset"], "visibility_ms": [150, SKEW_MS]}
        desk.venue.do("chaos", seed=SEED, **CHAOS | worse)
        until = time.monotonic() + 120
        while not (doubled := desk.venue.dump()["repeated_client_ids"]):
            assert time.monotonic() < until, "nothing was doubled"
            for _ in range(4):
                chaos.fill()
                chaos.go_on(0.5)
            chaos.kill()
    print(f"\n{nursery.killed.total()} kills, {len(doubled)} orders doubled")
    faults = live_books.differences(desk.venue, desk.holders)
    assert any("times" in fault for fault in faults)
