"""The look-alike's own books: who has what, every order and every trade there ever was."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from .audit import Audit
from .matching import Matching
from .orders import Account, Order, Posted, Trade
from .prices import Prices
from .reading import OrderRequest
from .rules import SymbolRules, VenueRefusal, cut

Amount = Decimal | str | int


class Ledger(Matching, Audit):
    """All of a venue's accounts.  Every public method is atomic.

    Accounts are named, symbols are the venue's ("BTCUSDT"), amounts Decimal.
    """

    def __init__(self, rules: dict[str, SymbolRules], prices: Prices, seed: int = 0) -> None:
        self.lock = threading.RLock()
        self.rules = rules
        self.prices = prices
        self.random = random.Random(seed)
        self.accounts: dict[str, Account] = {}
        self.accepted: list[Posted] = []
        self.refused: list[Posted] = []
        self.order_limit: tuple[int, float] | None = None
        self.all_orders: dict[int, Order] = {}
        self.all_trades: list[Trade] = []
        self.open: dict[int, Order] = {}
        self.order_ids = itertools.count(1001)
        self.trade_ids: dict[str, Iterator[int]] = defaultdict(lambda: itertools.count(50_001))
        self.market_parts: list[tuple[Decimal, Decimal]] = []
        self.match_limits = True
        self.late_orders_ms = (0.0, 0.0)
        self.late_trades_ms = (0.0, 0.0)
        self.duplicate_share = 0.0
        self.cut_fills: deque[tuple[Decimal, str]] = deque()
        self.races: deque[tuple[Decimal | None, Decimal]] = deque()

    # --- accounts ---

    def open_account(
        self,
        name: str,
        key: str,
        secret: str,
        /,
        balances: dict[str, Amount] | None = None,
        **more: Any,
    ) -> Account:
        """`more` are fields of `Account`: realm, fee, fee_coin, can_trade, can_withdraw, …"""
        if "fee" in more:
            more["fee"] = Decimal(str(more["fee"]))
        with self.lock:
            account = self.accounts[name] = Account(name, key, secret, **more)
            for asset, amount in (balances or {}).items():
                self.deposit(name, asset, amount)
            return account

    def account_of(self, key: str) -> Account | None:
        return next((a for a in list(self.accounts.values()) if a.key == key), None)

    def deposit(self, account: str, asset: str, amount: Amount) -> None:
        """A negative amount is a withdrawal; it may not exceed what is free."""
        value = Decimal(amount)
        with self.lock:
            holder = self.accounts[account]
            if holder.free[asset] + value < 0:
                raise ValueError(f"{account} has only {holder.free[asset]} {asset}")
            holder.free[asset] += value
            holder.paid_in[asset] += value

    # --- orders ---

    def post(
        self,
        account: Account,
        request: OrderRequest,
        source: str,
        signed_ms: int = 0,
        recv_window: int = 0,
    ) -> Order:
        """Accepts an order and lets it trade.  Raises VenueRefusal; both are recorded."""
        with self.lock:
            try:
                self._check_pace(account)
                self.settle()
                order = self.place(account, request, source)
            except VenueRefusal as refusal:
                self.note_refusal(refusal, account.name, request, source, signed_ms, recv_window)
                raise
            self.accepted.append(
                _posted(
                    order.created_ms, order, request, account.name, source, signed_ms, recv_window
                )
            )
            self.take(order)
            return order

    def note_refusal(
        self,
        refusal: VenueRefusal,
        account: str,
        request: OrderRequest,
        source: str,
        signed_ms: int,
        recv_window: int,
    ) -> None:
        now_ms = self.prices.now_ms()
        posted = _posted(now_ms, None, request, account, source, signed_ms, recv_window, refusal)
        with self.lock:
            self.refused.append(posted)

    def cancel(self, order: Order) -> Order:
        """Raises -2011 if it is no longer open, which a race may bring about."""
        with self.lock:
            self.settle()
            if order.is_open and self.races:
                amount, share = self.races.popleft()
                step = self.rules[order.symbol].step
                self.fill(order.id, cut(order.rest * share, step) if amount is None else amount)
            if not order.is_open:
                raise VenueRefusal(-2011, "Unknown order sent.")
            self.close(order, "CANCELED")
            return order

    def set_price(self, symbol: str, price: Amount) -> None:
        """Pins the price; resting orders that it reaches trade at once."""
        with self.lock:
            self.prices.pin(symbol.replace("/", ""), Decimal(price))
            self.settle()

    def split_market_orders(self, parts: list[tuple[Amount, Amount]] | None = None) -> None:
        """(share, slip) of each part: `[("0.5", "0"), ("0.5", "0.001")]`; nothing: whole again."""
        with self.lock:
            self.market_parts = [(Decimal(share), Decimal(slip)) for share, slip in parts or []]

    def cut_next_fill(self, amount: Amount, rest: str = "expire") -> None:
        """The next order that takes gets only so much; "open" leaves a market order's rest open.

        What is left of a limit order rests in any case, until `fill` or another price.
        """
        with self.lock:
            self.cut_fills.append((Decimal(amount), rest))

    def race_next_cancel(self, amount: Amount | None = None, share: Amount = 1) -> None:
        """Just before the next cancel that much of the order trades, or that share of it."""
        with self.lock:
            self.races.append((None if amount is None else Decimal(amount), Decimal(share)))

    def fill(
        self, order_id: int, amount: Amount | None = None, price: Amount | None = None
    ) -> None:
        """Lets an open order trade that much (all of the rest), at its limit or the price now."""
        with self.lock:
            order = self.all_orders[order_id]
            at = Decimal(price) if price is not None else order.price
            at = at or self.prices.now(order.symbol)
            quantity = order.rest if amount is None else min(Decimal(amount), order.rest)
            order.working = True
            self.execute(order, quantity, at, maker=bool(order.price))

    def hand_order(
        self,
        account: str,
        symbol: str,
        side: str,
        qty: Amount,
        *,
        type: str = "MARKET",
        price: Amount = 0,
        stop_price: Amount = 0,
        client_id: str | None = None,
    ) -> Order:
        """An order that a human sends by the venue's own web site."""
        id_ = symbol.replace("/", "")
        request = OrderRequest(
            id_,
            side.upper(),
            type,
            Decimal(qty),
            Decimal(price),
            Decimal(stop_price),
            client_id=client_id or f"web_{next(_BY_HAND):032x}",
        )
        return self.post(self.accounts[account], request, "hand")

    def hand_fill(
        self, account: str, symbol: str, side: str, qty: Amount, price: Amount | None = None
    ) -> Order:
        """A human's market order, done at `price` (the price now)."""
        id_ = symbol.replace("/", "")
        with self.lock:
            before = self.prices.functions.get(id_)
            if price is not None:
                self.prices.pin(id_, Decimal(price))
            try:
                return self._undisturbed(account, id_, side, qty)
            finally:
                if price is not None:
                    self.prices.unpin(id_)
                    if before is not None:
                        self.prices.functions[id_] = before

    def _undisturbed(self, account: str, symbol: str, side: str, qty: Amount) -> Order:
        """Nobody else's orders see the price that a human got."""
        others, self.open = self.open, {}
        try:
            return self.hand_order(account, symbol, side, qty)
        finally:
            self.open = others | self.open

    def _check_pace(self, account: Account) -> None:
        if self.order_limit is None:
            return
        most, seconds = self.order_limit
        now = time.monotonic()
        recent = [
            p.at
            for p in self.accepted[-most:]
            if p.account == account.name and now - p.at < seconds
        ]
        if len(recent) >= most:
            wait = max(1, round(recent[0] + seconds - now))
            raise VenueRefusal(
                -1015,
                f"Too many new orders; current limit is {most} orders per {seconds:g} SECOND.",
                429,
                {"Retry-After": str(wait)},
            )


_BY_HAND = itertools.count(1)


def _posted(
    server_ms: int,
    order: Order | None,
    request: OrderRequest,
    account: str,
    source: str,
    signed_ms: int,
    recv_window: int,
    refusal: VenueRefusal | None = None,
) -> Posted:
    return Posted(
        at=time.monotonic(),
        wall=time.time(),
        server_ms=server_ms,
        account=account,
        client_id=request.client_id,
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        qty=order.qty if order else request.qty,
        signed_ms=signed_ms,
        recv_window=recv_window,
        source=source,
        order_id=order.id if order else 0,
        code=refusal.code if refusal else 0,
        message=refusal.message if refusal else "",
    )
