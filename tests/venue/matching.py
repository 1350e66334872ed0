"""How the look-alike's orders trade: at one price a symbol, with whoever wants to."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Iterator
from decimal import Decimal

from .orders import ZERO, Account, Order, Trade
from .prices import Prices
from .reading import OrderRequest
from .rules import SymbolRules, VenueRefusal, cut

FUNDS = "Account has insufficient balance for requested action."


class Matching:
    """The part of a `Ledger` that moves money.  Callers hold its lock.

    `market_parts` are (share, slip): that share of a taker's order trades at a
    price worse by that fraction.  `cut_fills` are (amount, what becomes of the
    rest: "expire" or "open"), one for each of the next orders that take.
    `late_orders_ms` and `late_trades_ms` are ranges, for how long the reading
    endpoints do not know of what is new; `duplicate_share` of the trades are
    listed twice.  Trade ids are a symbol's own, as at Binance: two symbols share them.
    """

    lock: threading.RLock
    rules: dict[str, SymbolRules]
    prices: Prices
    random: random.Random
    accounts: dict[str, Account]
    all_orders: dict[int, Order]
    all_trades: list[Trade]
    open: dict[int, Order]
    order_ids: Iterator[int]
    trade_ids: dict[str, Iterator[int]]
    market_parts: list[tuple[Decimal, Decimal]]
    match_limits: bool
    late_orders_ms: tuple[float, float]
    late_trades_ms: tuple[float, float]
    duplicate_share: float
    cut_fills: deque[tuple[Decimal, str]]

    def place(self, account: Account, request: OrderRequest, source: str) -> Order:
        """Takes an order into the books, its funds locked.  Raises VenueRefusal."""
        rules = self.rules[request.symbol]
        price = self.prices.now(request.symbol)
        if not account.can_trade:
            raise VenueRefusal(-2010, "This account may not place or cancel orders.")
        mine = [o for o in self.open.values() if o.account == account.name]
        if any(order.client_id == request.client_id for order in mine):
            raise VenueRefusal(-2010, "Duplicate order sent.")
        here = [o for o in mine if o.symbol == request.symbol]
        if len(here) >= rules.max_orders:
            raise VenueRefusal(-1013, "Filter failure: MAX_NUM_ORDERS")
        if request.is_stop:
            if sum(not order.working for order in here) >= rules.max_stops:
                raise VenueRefusal(-1013, "Filter failure: MAX_NUM_ALGO_ORDERS")
            if _reached(request.type, request.side, request.stop_price, price):
                raise VenueRefusal(-2010, "Stop price would trigger immediately.")
        buys = request.side == "BUY"
        if request.type == "LIMIT_MAKER" and _crosses(buys, request.price, price):
            raise VenueRefusal(-2010, "Order would immediately match and take.")
        qty = request.qty
        if request.quote_qty:
            qty = cut(request.quote_qty / self._worst(price, buys, rules), rules.step)
            rules.check_quantity(qty)
        rules.check_value(qty * (request.price or request.stop_price or price))
        now_ms = self._now_ms()
        order = Order(
            next(self.order_ids),
            request.client_id,
            account.name,
            request.symbol,
            request.side,
            request.type,
            qty,
            request.price,
            request.stop_price,
            request.quote_qty,
            request.time_in_force,
            source,
            now_ms,
            now_ms,
            working=not request.is_stop,
        )
        self._reserve(order, account, price, rules)
        order.invisible_until = time.monotonic() + self._lateness(self.late_orders_ms)
        self.all_orders[order.id] = self.open[order.id] = order
        return order

    def take(self, order: Order) -> None:
        """What a new or just triggered order trades at once."""
        if not order.working or not order.is_open:
            return
        rules, price = self.rules[order.symbol], self.prices.now(order.symbol)
        if order.price and not _crosses(order.buys, order.price, price):
            if order.time_in_force != "GTC":
                self.close(order, "EXPIRED")
            return
        amount, rest = order.rest, "expire"
        if self.cut_fills:
            most, rest = self.cut_fills.popleft()
            amount = min(amount, most)
            order.exhausted_at = price
        if order.time_in_force == "FOK" and amount < order.rest:
            self.close(order, "EXPIRED")
            return
        for part, at in self._parts(order, amount, price, rules):
            if not self.execute(order, part, at, maker=False):
                return
        stays = order.price and order.time_in_force == "GTC"
        if order.is_open and not stays and rest == "expire":
            self.close(order, "EXPIRED")

    def settle(self) -> None:
        """Lets the prices of now reach what rests: stops first, then limits."""
        for order in list(self.open.values()):
            price = self.prices.now(order.symbol)
            if not order.working:
                if _reached(order.type, order.side, order.stop_price, price):
                    order.working = True
                    self.take(order)
            elif not self.match_limits or not order.price or price == order.exhausted_at:
                continue
            elif _crosses(order.buys, order.price, price):
                self.execute(order, order.rest, order.price, maker=True)

    def execute(self, order: Order, qty: Decimal, price: Decimal, maker: bool) -> bool:
        """One trade.  False if the account cannot pay for it: then the order has expired."""
        if not qty or not order.is_open:
            return False
        account, rules = self.accounts[order.account], self.rules[order.symbol]
        base, quote = rules.symbol.base, rules.symbol.quote
        gives, gets = (quote, base) if order.buys else (base, quote)
        cost = qty * price if order.buys else qty
        got = qty if order.buys else qty * price
        released = order.reserved * qty / order.rest if qty < order.rest else order.reserved
        released = min(cut(released), order.reserved)
        if account.free[gives] + released < cost:
            self.close(order, "EXPIRED")
            return False
        self._release(order, released)
        account.free[gives] -= cost
        account.free[gets] += got
        fee_asset, fee = self._fee(account, gets, got, quote, qty * price)
        account.free[fee_asset] -= fee
        now_ms = self._now_ms()
        order.executed += qty
        order.paid += qty * price
        order.updated_ms = now_ms
        order.status = "PARTIALLY_FILLED" if order.rest else "FILLED"
        unseen = time.monotonic() + self._lateness(self.late_trades_ms)
        self.all_trades.append(
            Trade(
                next(self.trade_ids[order.symbol]),
                order.id,
                account.name,
                order.symbol,
                order.side,
                price,
                qty,
                qty * price,
                fee,
                fee_asset,
                now_ms,
                maker,
                invisible_until=max(unseen, order.invisible_until),
                listed=2 if self.random.random() < self.duplicate_share else 1,
            )
        )
        if not order.rest:
            self.close(order, "FILLED")
        return True

    def close(self, order: Order, status: str) -> None:
        self._release(order, order.reserved)
        order.status = status
        order.updated_ms = self._now_ms()
        self.open.pop(order.id, None)

    def _reserve(self, order: Order, account: Account, price: Decimal, rules: SymbolRules) -> None:
        """Raises -2010 if there is not enough."""
        if not order.buys:
            asset, amount = rules.symbol.base, order.qty
        elif order.type == "MARKET":
            asset = rules.symbol.quote
            amount = sum(
                (part * at for part, at in self._parts(order, order.qty, price, rules)), ZERO
            )
        else:
            asset, amount = rules.symbol.quote, order.qty * (order.price or order.stop_price)
        if account.free[asset] < amount:
            raise VenueRefusal(-2010, FUNDS)
        account.free[asset] -= amount
        account.locked[asset] += amount
        order.reserved, order.reserved_asset = amount, asset

    def _release(self, order: Order, amount: Decimal) -> None:
        account = self.accounts[order.account]
        account.locked[order.reserved_asset] -= amount
        account.free[order.reserved_asset] += amount
        order.reserved -= amount

    def _parts(
        self, order: Order, amount: Decimal, price: Decimal, rules: SymbolRules
    ) -> list[tuple[Decimal, Decimal]]:
        """(quantity, price) of each trade; a limit is never broken."""
        parts: list[tuple[Decimal, Decimal]] = []
        left = amount
        for share, slip in self.market_parts or [(Decimal(1), ZERO)]:
            at = self._slipped(price, slip, order.buys, rules)
            if order.price:
                at = min(at, order.price) if order.buys else max(at, order.price)
            quantity = min(left, cut(amount * share, rules.step))
            left -= quantity
            parts.append((quantity, at))
        if left:
            parts[-1] = (parts[-1][0] + left, parts[-1][1])
        return [(quantity, at) for quantity, at in parts if quantity]

    def _worst(self, price: Decimal, buys: bool, rules: SymbolRules) -> Decimal:
        slip = max((slip for _, slip in self.market_parts), default=ZERO)
        return self._slipped(price, slip, buys, rules)

    @staticmethod
    def _slipped(price: Decimal, slip: Decimal, buys: bool, rules: SymbolRules) -> Decimal:
        return rules.rounded(price * (1 + slip if buys else 1 - slip))

    def _fee(
        self, account: Account, gets: str, got: Decimal, quote: str, value: Decimal
    ) -> tuple[str, Decimal]:
        coin = account.fee_coin
        if coin is not None:
            in_quote = ZERO + value if coin == quote else value / self.prices.of(coin, quote)
            fee = cut(in_quote * account.fee)
            if account.free[coin] >= fee:
                return coin, fee
        return gets, cut(got * account.fee)

    def _lateness(self, range_ms: tuple[float, float]) -> float:
        return self.random.uniform(*range_ms) / 1000 if range_ms[1] else 0.0

    def _now_ms(self) -> int:
        return self.prices.now_ms()


def _crosses(buys: bool, limit: Decimal, price: Decimal) -> bool:
    return price <= limit if buys else price >= limit


def _reached(type: str, side: str, stop: Decimal, price: Decimal) -> bool:
    falling = (side == "SELL") == type.startswith("STOP_LOSS")
    return price <= stop if falling else price >= stop
