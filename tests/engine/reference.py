"""A slow, obvious simulator: the trading rules as a trader would tell them.

Nothing here comes from the engine.  Bars are looked up by time, one symbol at a
time; sums are Python floats; every rule stands where it applies.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple


class Bar(NamedTuple):
    open: float
    high: float
    low: float
    close: float


class Decision(NamedTuple):
    entry: bool
    exit: bool


@dataclass
class Rules:
    symbols: list[str]
    bar_ms: int
    start: int
    end: int
    initial_cash: float
    fee: float = 0.0
    slippage: float = 0.0
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop: float | None = None
    position_size: float = 1.0
    shared: bool = False
    max_drawdown: float | None = None
    daily_loss: float | None = None
    flatten_at: int | None = None


@dataclass
class Order:
    symbol: str
    side: str
    purpose: str
    created: int
    time: int
    amount: float
    price: float
    fee: float
    trade: int


@dataclass
class Trade:
    symbol: str
    buys: list[Order] = field(default_factory=list)
    sells: list[Order] = field(default_factory=list)
    bars: int = 0
    open: bool = True
    last_close: float = 0.0
    held: float = 0.0

    def cost(self) -> float:
        return sum(o.amount * o.price for o in self.buys)

    def proceeds(self) -> float:
        return sum(o.amount * o.price for o in self.sells)

    def bought(self) -> float:
        return sum(o.amount for o in self.buys)

    def fees(self) -> float:
        return sum(o.fee for o in self.buys) + sum(o.fee for o in self.sells)

    def entry_price(self) -> float:
        return self.cost() / self.bought()

    def exit_price(self) -> float:
        if self.open:
            return self.last_close
        return self.proceeds() / sum(o.amount for o in self.sells)

    def pnl(self) -> float:
        return self.proceeds() + self.held * self.last_close - self.cost() - self.fees()

    def return_(self) -> float:
        return self.pnl() / (self.cost() + sum(o.fee for o in self.buys))


class Pending(NamedTuple):
    symbol: str
    side: str
    purpose: str
    created: int


def less(sum_: float, part: float) -> float:
    """What is left; a remainder too small to mean anything is nothing."""
    left = sum_ - part
    return 0.0 if abs(left) <= max(1e-12, 1e-9 * sum_) else left


class Book:
    """One run's cash, positions, orders and trades."""

    def __init__(self, rules: Rules, shared: bool) -> None:
        self.rules = rules
        self.shared = shared
        owners = ["all"] if shared else rules.symbols
        self.cash = {owner: rules.initial_cash / len(owners) for owner in owners}
        self.position = dict.fromkeys(rules.symbols, 0.0)
        self.entry_price: dict[str, float] = {}
        self.peak: dict[str, float] = {}
        self.last_close: dict[str, float] = {}
        self.orders: list[Order] = []
        self.trades: list[Trade] = []
        self.open_trade: dict[str, int] = {}

    def owner(self, symbol: str) -> str:
        return "all" if self.shared else symbol

    def free(self, symbol: str) -> float:
        return self.cash[self.owner(symbol)]

    def equity(self) -> float:
        held = sum(self.position[s] * self.last_close[s] for s in self.position if self.position[s])
        return sum(self.cash.values()) + held

    def price_paid(self, price: float) -> float:
        return price * (1 + self.rules.slippage)

    def affordable(self, price: float, money: float) -> float:
        """How much `money` buys at this open, slippage and fee included."""
        return money / (self.price_paid(price) * (1 + self.rules.fee))

    def buy(
        self, symbol: str, amount: float, open_: float, purpose: str, created: int, now: int
    ) -> None:
        price = self.price_paid(open_)
        fee = amount * price * self.rules.fee
        if self.position[symbol] == 0:
            self.open_trade[symbol] = len(self.trades)
            self.trades.append(Trade(symbol))
            self.entry_price[symbol] = price
            self.peak[symbol] = price
        trade = self.open_trade[symbol]
        order = Order(symbol, "buy", purpose, created, now, amount, price, fee, trade)
        self.orders.append(order)
        self.trades[trade].buys.append(order)
        self.position[symbol] += amount
        self.cash[self.owner(symbol)] = less(self.free(symbol), amount * price + fee)

    def sell(
        self, symbol: str, amount: float, at: float, purpose: str, created: int, now: int
    ) -> None:
        price = at * (1 - self.rules.slippage)
        fee = amount * price * self.rules.fee
        trade = self.open_trade[symbol]
        order = Order(symbol, "sell", purpose, created, now, amount, price, fee, trade)
        self.orders.append(order)
        self.trades[trade].sells.append(order)
        self.cash[self.owner(symbol)] += less(amount * price, fee)
        self.position[symbol] = less(self.position[symbol], amount)
        if self.position[symbol] == 0:
            self.trades[trade].open = False


@dataclass
class Books:
    """What the run leaves behind."""

    time: list[int]
    equity: list[float]
    cash: list[float]
    orders: list[Order]
    trades: list[Trade]
    pending: list[Pending]
    position: dict[str, float]
    limit: tuple[str, int] | None = None


def stop_hit(rules: Rules, book: Book, symbol: str, bar: Bar) -> tuple[str, float] | None:
    """Which stop fires within this bar, and at what price before slippage."""
    entry = book.entry_price[symbol]
    level, purpose = None, ""
    if rules.stop_loss is not None:
        level, purpose = entry * (1 - rules.stop_loss), "stop_loss"
    if rules.trailing_stop is not None:
        level, purpose = book.peak[symbol] * (1 - rules.trailing_stop), "trailing_stop"
    if level is not None:
        if bar.open <= level:
            return purpose, bar.open
        if bar.low <= level:
            return purpose, level
    if rules.take_profit is not None:
        target = entry * (1 + rules.take_profit)
        if bar.open >= target:
            return "take_profit", bar.open
        if bar.high >= target:
            return "take_profit", target
    return None


def end_of_trading(rules: Rules, times: list[int], equity: list[float]) -> str | None:
    """Why the newest of these closes ends the trading, if it does."""
    now = equity[-1]
    if rules.max_drawdown is not None:
        highest = max([rules.initial_cash, *equity])
        if now < highest * (1 - rules.max_drawdown):
            return "max_drawdown"
    if rules.daily_loss is not None:
        midnight = times[len(equity) - 1] // 86_400_000 * 86_400_000
        earlier = [e for t, e in zip(times, equity, strict=False) if t < midnight]
        before = earlier[-1] if earlier else rules.initial_cash
        if now < before * (1 - rules.daily_loss):
            return "daily_loss"
    close = times[len(equity) - 1] + rules.bar_ms
    if rules.flatten_at is not None and close >= rules.flatten_at:
        return "flatten"
    return None


def sale_after(limit: tuple[str, int]) -> str:
    """The purpose of the sales at the end of the trading."""
    return "flatten" if limit[0] == "flatten" else "loss_limit"


def trade_signals(
    rules: Rules,
    bars: dict[str, dict[int, Bar]],
    decisions: dict[str, dict[int, Decision]],
) -> Books:
    """Entries and exits, symbol by symbol."""
    book = Book(rules, rules.shared)
    due: dict[str, tuple[str, int]] = {}
    times = window(rules, bars)
    equity, cash = [], []
    limit = None
    for now in times:
        trading = [s for s in rules.symbols if now in bars[s]]

        for symbol in trading:
            if due.get(symbol, ("", 0))[0] in ("exit", "loss_limit", "flatten"):
                purpose, created = due.pop(symbol)
                open_ = bars[symbol][now].open
                book.sell(symbol, book.position[symbol], open_, purpose, created, now)

        for symbol in trading:
            if due.get(symbol, ("", 0))[0] == "entry":
                _, created = due.pop(symbol)
                open_ = bars[symbol][now].open
                money = rules.position_size * book.free(symbol)
                amount = book.affordable(open_, money)
                if money > 1e-12 and amount > 1e-12:
                    book.buy(symbol, amount, open_, "entry", created, now)

        stopped = set()
        for symbol in trading:
            if book.position[symbol] > 0:
                bar = bars[symbol][now]
                hit = stop_hit(rules, book, symbol, bar)
                if hit:
                    purpose, price = hit
                    book.sell(symbol, book.position[symbol], price, purpose, now, now)
                    stopped.add(symbol)
                else:
                    book.peak[symbol] = max(book.peak[symbol], bar.high)

        for symbol in trading:
            book.last_close[symbol] = bars[symbol][now].close
        equity.append(book.equity())
        cash.append(sum(book.cash.values()))

        if limit:
            continue
        reason = end_of_trading(rules, times, equity)
        if reason:
            close = now + rules.bar_ms
            limit = (reason, close)
            due = {s: (sale_after(limit), close) for s in rules.symbols if book.position[s] > 0}
            continue

        for symbol in trading:
            wish = decisions[symbol][now]
            if wish.entry and wish.exit:
                continue
            if wish.entry and book.position[symbol] == 0 and symbol not in stopped:
                due[symbol] = ("entry", now + rules.bar_ms)
            if wish.exit and book.position[symbol] > 0:
                due[symbol] = ("exit", now + rules.bar_ms)

    pending = [
        Pending(s, "buy" if due[s][0] == "entry" else "sell", due[s][0], due[s][1])
        for s in rules.symbols
        if s in due
    ]
    return finish(book, bars, times, equity, cash, pending, limit)


def trade_weights(
    rules: Rules,
    bars: dict[str, dict[int, Bar]],
    targets: dict[int, dict[str, float | None]],
) -> Books:
    """Shares of the run's value, rebalanced at the next open; None: leave it."""
    book = Book(rules, shared=True)
    due: dict[str, tuple[float, int]] = {}
    times = window(rules, bars)
    equity, cash = [], []
    limit = None
    for now in times:
        trading = [s for s in rules.symbols if now in bars[s]]
        if limit:
            for symbol in trading:
                if symbol in due:
                    _, created = due.pop(symbol)
                    open_ = bars[symbol][now].open
                    purpose = sale_after(limit)
                    book.sell(symbol, book.position[symbol], open_, purpose, created, now)

        rebalanced = [s for s in trading if s in due]

        value = book.cash["all"]
        for symbol in rules.symbols:
            if book.position[symbol]:
                price = bars[symbol][now].open if symbol in trading else book.last_close[symbol]
                value += book.position[symbol] * price
        change = {s: due[s][0] * value / bars[s][now].open - book.position[s] for s in rebalanced}

        for symbol in rebalanced:
            weight, created = due[symbol]
            open_ = bars[symbol][now].open
            if change[symbol] < 0:
                amount = -change[symbol]
                if weight == 0:
                    amount = book.position[symbol]
                elif amount * open_ <= 1e-6 * value:
                    continue
                if amount > 1e-12:
                    book.sell(symbol, amount, open_, "rebalance", created, now)

        for symbol in rebalanced:
            weight, created = due[symbol]
            open_ = bars[symbol][now].open
            money = book.cash["all"]
            if change[symbol] > 0 and money > 1e-12:
                amount = min(change[symbol], book.affordable(open_, money))
                if amount > 1e-12 and amount * open_ > 1e-6 * value:
                    book.buy(symbol, amount, open_, "rebalance", created, now)

        for symbol in rebalanced:
            del due[symbol]

        for symbol in trading:
            book.last_close[symbol] = bars[symbol][now].close
        equity.append(book.equity())
        cash.append(book.cash["all"])

        if limit:
            continue
        reason = end_of_trading(rules, times, equity)
        if reason:
            close = now + rules.bar_ms
            limit = (reason, close)
            due = {s: (0.0, close) for s in rules.symbols if book.position[s] > 0}
            continue

        for symbol in rules.symbols:
            weight = targets[now][symbol]
            if weight is not None:
                due[symbol] = (weight, now + rules.bar_ms)

    pending = []
    for symbol in rules.symbols:
        if symbol in due:
            weight, created = due[symbol]
            value = book.equity()
            held = book.position[symbol] * book.last_close.get(symbol, 0.0)
            difference = weight * value - held
            if abs(difference) > 1e-6 * value or (weight == 0 and held > 0):
                side = "buy" if difference > 0 else "sell"
                purpose = sale_after(limit) if limit else "rebalance"
                pending.append(Pending(symbol, side, purpose, created))
    return finish(book, bars, times, equity, cash, pending, limit)


def window(rules: Rules, bars: dict[str, dict[int, Bar]]) -> list[int]:
    """Every time in [start, end) at which at least one symbol has a bar."""
    times = {time for series in bars.values() for time in series}
    return sorted(time for time in times if rules.start <= time < rules.end)


def finish(
    book: Book,
    bars: dict[str, dict[int, Bar]],
    times: list[int],
    equity: list[float],
    cash: list[float],
    pending: list[Pending],
    limit: tuple[str, int] | None,
) -> Books:
    for trade in book.trades:
        own = [time for time in times if time in bars[trade.symbol]]
        entered = trade.buys[0].time
        if trade.open:
            trade.held = book.position[trade.symbol]
            trade.last_close = book.last_close[trade.symbol]
            trade.bars = sum(1 for time in own if time >= entered)
        else:
            trade.bars = sum(1 for time in own if entered <= time < trade.sells[-1].time)
    return Books(times, equity, cash, book.orders, book.trades, pending, book.position, limit)
