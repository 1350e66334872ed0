"""Faults by chance, from a seed."""

from __future__ import annotations

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .faults import Fault, html, lost, rate_limited

if TYPE_CHECKING:
    from .ledger import Ledger

_WRITES = ("newOrder", "cancelOrder", "cancelOpenOrders")
_READS = ("queryOrder", "openOrders", "allOrders", "myTrades", "account")
_THREE_PARTS = (("0.5", "0"), ("0.3", "0.0002"), ("0.2", "0.0005"))
_REFUSALS = ("reset", "503", "429")


@dataclass
class Chaos:
    """Shares are of 1, `*_ms` ranges are drawn from evenly.

    `lose`: answers to POST and DELETE lost after they did their work (in one of
    the ways `lose_by`; "hang" takes `hang` seconds); `refuse`: the same turned
    away before; `fail_reads`: GETs that fail; `delay_ms`: every request, and
    `write_delay_ms` POST and DELETE besides, on their way to the venue;
    `visibility_ms`, `trades_ms`: how long orders and trades stay unseen;
    `duplicates`: trades listed twice; `split`: market orders that trade in
    three parts at three prices; `races`: cancels that come too late (half of
    them only for a part of the order).  `dealt` counts what was done.
    """

    seed: int = 0
    lose: float = 0.0
    lose_by: tuple[str, ...] = ("reset", "502", "504", "cut")
    hang: float = 0.0
    refuse: float = 0.0
    fail_reads: float = 0.0
    delay_ms: tuple[float, float] = (0.0, 0.0)
    write_delay_ms: tuple[float, float] = (0.0, 0.0)
    visibility_ms: tuple[float, float] = (0.0, 0.0)
    trades_ms: tuple[float, float] = (0.0, 0.0)
    duplicates: float = 0.0
    split: float = 0.0
    races: float = 0.0
    dealt: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._lock = threading.Lock()

    def settle_in(self, ledger: Ledger) -> None:
        with ledger.lock:
            ledger.random = random.Random(self.seed + 1)
            ledger.late_orders_ms = self.visibility_ms
            ledger.late_trades_ms = self.trades_ms
            ledger.duplicate_share = self.duplicates

    @staticmethod
    def leave(ledger: Ledger) -> None:
        with ledger.lock:
            ledger.late_orders_ms = ledger.late_trades_ms = (0.0, 0.0)
            ledger.duplicate_share = 0.0
            ledger.market_parts = []
            ledger.races.clear()

    def delay(self, endpoint: str) -> float:
        """Seconds."""
        ranges = [self.delay_ms, *([self.write_delay_ms] if endpoint in _WRITES else [])]
        with self._lock:
            return sum(self._random.uniform(*range_) / 1000 for range_ in ranges if range_[1])

    def fault(self, endpoint: str, ledger: Ledger) -> Fault | None:
        with self._lock:
            if endpoint in _READS and self._happens(self.fail_reads):
                self.dealt["read"] += 1
                return html(self._random.choice((500, 502, 503)))
            if endpoint not in _WRITES:
                return None
            self._trade_oddly(endpoint, ledger)
            if self._happens(self.lose):
                how = self._random.choice(self.lose_by)
                self.dealt[f"lost by {how}"] += 1
                return lost(how, self.hang if how == "hang" else 0.0)
            if self._happens(self.refuse):
                how = self._random.choice(_REFUSALS)
                self.dealt[f"refused by {how}"] += 1
                if how == "429":
                    return rate_limited("0")
                return Fault(reset=True) if how == "reset" else html(503)
            return None

    def _trade_oddly(self, endpoint: str, ledger: Ledger) -> None:
        if endpoint == "cancelOrder" and self._happens(self.races):
            self.dealt["race"] += 1
            ledger.race_next_cancel(share=self._random.choice(("0.5", "1")))
        if endpoint == "newOrder" and self.split:
            split = self._happens(self.split)
            ledger.split_market_orders(list(_THREE_PARTS) if split else None)

    def _happens(self, share: float) -> bool:
        return share > 0 and self._random.random() < share
