"""Looking into the look-alike's books, and adding them up."""

from __future__ import annotations

import threading
from collections import Counter
from decimal import Decimal
from typing import Any

from .orders import ZERO, Account, Order, Posted, Trade, plain
from .rules import SymbolRules, text


class Audit:
    """The part of a `Ledger` that only reads."""

    lock: threading.RLock
    rules: dict[str, SymbolRules]
    accounts: dict[str, Account]
    accepted: list[Posted]
    refused: list[Posted]
    all_orders: dict[int, Order]
    all_trades: list[Trade]
    open: dict[int, Order]

    def position(self, account: str, asset: str) -> Decimal:
        """Free and locked together."""
        with self.lock:
            holder = self.accounts[account]
            return holder.free.get(asset, ZERO) + holder.locked.get(asset, ZERO)

    def balances(self, account: str) -> dict[str, tuple[Decimal, Decimal]]:
        """(free, locked) by asset."""
        with self.lock:
            holder = self.accounts[account]
            assets = sorted(set(holder.free) | set(holder.locked))
            return {a: (holder.free.get(a, ZERO), holder.locked.get(a, ZERO)) for a in assets}

    def orders(self, account: str, symbol: str | None = None) -> list[Order]:
        with self.lock:
            found = [o for o in self.all_orders.values() if o.account == account]
        return [o for o in found if symbol is None or o.symbol == symbol.replace("/", "")]

    def open_orders(self, account: str) -> list[Order]:
        return [order for order in self.orders(account) if order.is_open]

    def trades(self, account: str, symbol: str | None = None) -> list[Trade]:
        with self.lock:
            found = [t for t in self.all_trades if t.account == account]
        return [t for t in found if symbol is None or t.symbol == symbol.replace("/", "")]

    def by_client_id(self, client_id: str, account: str | None = None) -> list[Order]:
        """Every order there ever was with that id, oldest first."""
        with self.lock:
            every = list(self.all_orders.values())
        return [o for o in every if o.client_id == client_id and account in (None, o.account)]

    def find(
        self, account: str, symbol: str, order_id: int | None, client_id: str | None
    ) -> Order | None:
        """The newest that fits, visible or not."""
        with self.lock:
            if order_id is not None:
                order = self.all_orders.get(order_id)
                found = [order] if order else []
            else:
                found = self.by_client_id(client_id or "", account)[::-1]
        return next((o for o in found if o.account == account and o.symbol == symbol), None)

    # --- judging ---

    def busiest(self, account: str | None = None, seconds: float = 1.0) -> int:
        """The most orders accepted within any rolling `seconds`, by the venue's clock."""
        with self.lock:
            moments = sorted(p.at for p in self.accepted if account in (None, p.account))
        most = start = 0
        for end, moment in enumerate(moments):
            while moment - moments[start] >= seconds:
                start += 1
            most = max(most, end - start + 1)
        return most

    def repeated_client_ids(self) -> list[str]:
        """Ids that an account had more than one order accepted with, a human's included."""
        with self.lock:
            counts = Counter((p.account, p.client_id) for p in self.accepted)
        return sorted(client_id for (_, client_id), count in counts.items() if count > 1)

    def check(self) -> None:
        """AssertionError unless balances, orders and trades add up."""
        with self.lock:
            for account in self.accounts.values():
                self._check_account(account)
            executed: dict[int, Decimal] = Counter()  # type: ignore[assignment]
            paid: dict[int, Decimal] = Counter()  # type: ignore[assignment]
            for trade in self.all_trades:
                executed[trade.order_id] += trade.qty
                paid[trade.order_id] += trade.quote_qty
            for order in self.all_orders.values():
                assert executed[order.id] == order.executed <= order.qty, order
                assert paid[order.id] == order.paid, order
                assert (order.status == "FILLED") == (order.rest == 0), order
                assert order.is_open == (order.id in self.open), order
                assert order.is_open or order.reserved == 0, order

    def _check_account(self, account: Account) -> None:
        expected = Counter(account.paid_in)
        for trade in self.all_trades:
            if trade.account == account.name:
                rules = self.rules[trade.symbol]
                sign = 1 if trade.side == "BUY" else -1
                expected[rules.symbol.base] += sign * trade.qty  # type: ignore[assignment]
                expected[rules.symbol.quote] -= sign * trade.quote_qty  # type: ignore[assignment]
                expected[trade.fee_asset] -= trade.fee  # type: ignore[assignment]
        locked: Counter[str] = Counter()
        for order in self.open.values():
            if order.account == account.name:
                locked[order.reserved_asset] += order.reserved  # type: ignore[assignment]
        for asset in set(expected) | set(account.free) | set(account.locked):
            free, held = account.free.get(asset, ZERO), account.locked.get(asset, ZERO)
            assert free >= 0, (account.name, asset, free)
            assert held == locked[asset], (account.name, asset, held)
            assert free + held == expected[asset], (account.name, asset, free + held)

    def dump(self) -> dict[str, Any]:
        """Everything, amounts as exact decimal strings."""
        with self.lock:
            return {
                "accounts": {
                    name: {
                        asset: {"free": text(free), "locked": text(locked)}
                        for asset, (free, locked) in self.balances(name).items()
                    }
                    for name in self.accounts
                },
                "orders": [plain(order) for order in self.all_orders.values()],
                "trades": [plain(trade) for trade in self.all_trades],
                "accepted": [plain(posted) for posted in self.accepted],
                "refused": [plain(posted) for posted in self.refused],
                "repeated_client_ids": self.repeated_client_ids(),
                "busiest_second": self.busiest(),
            }
