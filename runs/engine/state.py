"""All that a stepped run must remember between two slices, as JSON.

Numbers come back to the last bit: Python writes the shortest decimal that
reads as the same float.  None stands for what is not there, never NaN.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from exchanges.domain import Purpose, Side
from exchanges.ports import Account

from .config import CashMode, RunConfig
from .limits import LimitHit, LossWatch


@dataclass(slots=True)
class Pending:
    """What was decided and waits for the symbol's next open.

    `side` is None while a rebalancing has not been announced as an order.
    """

    purpose: Purpose
    created: int
    side: Side | None
    weight: float = 0.0


@dataclass(slots=True)
class Position:
    """An open trade: its sums so far, in the words of `results.TRADE_DTYPE`.

    `price` is that of the first fill; stops are measured from it, and a
    trailing stop from `peak`.  `bars`: the symbol's bars closed with it held.
    """

    trade: int
    entered: int
    price: float
    peak: float
    bars: int = 0
    buys: int = 0
    bought: float = 0.0
    cost: float = 0.0
    entry_fees: float = 0.0
    sells: int = 0
    sold: float = 0.0
    proceeds: float = 0.0
    exit_fees: float = 0.0


_COUNTS = ("trade", "entered", "bars", "buys", "sells")


@dataclass(slots=True)
class Market:
    """What the run knows of one symbol.  `mark`: newest close, None before the first.

    Of live runs only: `stopped`, when a stop last sold, until a bar that opens
    later is stepped; `dust`, that what is held is too little for the venue to sell;
    `again`, the sale of all that came short and is announced once more, not before
    its `created`; `refusals`, how many such came to nothing one after another.
    """

    mark: float | None = None
    pending: Pending | None = None
    position: Position | None = None
    stopped: int | None = None
    dust: bool = False
    again: Pending | None = None
    refusals: int = 0


@dataclass(slots=True)
class State:
    """Where a run stands after the rows that open before `cursor`.

    The stepper works on it; `to_dict` is a checkpoint.  `fills` and `trades`
    count those there were, and number the next.  `equity` and `cash`: at the
    newest close.
    """

    cursor: int
    weighted: bool
    account: Account
    markets: list[Market]
    equity: float
    cash: float
    watch: LossWatch
    fills: int = 0
    trades: int = 0
    limit: LimitHit | None = None

    @classmethod
    def start(cls, config: RunConfig, *, weighted: bool) -> State:
        """Before the first row.  `weighted`: the strategy gives target weights."""
        symbols = len(config.symbols)
        owners = 1 if weighted or config.cash is CashMode.SHARED else symbols
        money = float(config.initial_cash)
        return cls(
            cursor=config.start_ms,
            weighted=weighted,
            account=Account([money / owners] * owners, [0.0] * symbols),
            markets=[Market() for _ in config.symbols],
            equity=money,
            cash=money,
            watch=LossWatch.start(money),
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON, sharing nothing with the state; what only live runs have is there where it is."""
        plain = asdict(self)
        for market in plain["markets"]:
            if market["stopped"] is None:
                del market["stopped"]
            for name in ("dust", "again", "refusals"):
                if not market[name]:
                    del market[name]
        return plain

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> State:
        limit = data["limit"]
        return cls(
            cursor=int(data["cursor"]),
            weighted=bool(data["weighted"]),
            account=Account(
                [float(sum_) for sum_ in data["account"]["wallets"]],
                [float(amount) for amount in data["account"]["positions"]],
            ),
            markets=[_market(market) for market in data["markets"]],
            equity=float(data["equity"]),
            cash=float(data["cash"]),
            watch=LossWatch.from_dict(data["watch"]),
            fills=int(data["fills"]),
            trades=int(data["trades"]),
            limit=None if limit is None else LimitHit.from_dict(limit),
        )


def _market(data: dict[str, Any]) -> Market:
    mark, pending, position = data["mark"], data["pending"], data["position"]
    stopped, again = data.get("stopped"), data.get("again")
    return Market(
        mark=None if mark is None else float(mark),
        pending=None if pending is None else _pending(pending),
        position=None if position is None else _position(position),
        stopped=None if stopped is None else int(stopped),
        dust=bool(data.get("dust", False)),
        again=None if again is None else _pending(again),
        refusals=int(data.get("refusals", 0)),
    )


def _position(data: dict[str, Any]) -> Position:
    """A database may give 100.0 back as 100: each number is made what it was."""
    numbers: dict[str, Any] = {
        name: (int if name in _COUNTS else float)(value) for name, value in data.items()
    }
    return Position(**numbers)


def _pending(data: dict[str, Any]) -> Pending:
    side = data["side"]
    return Pending(
        purpose=Purpose(data["purpose"]),
        created=int(data["created"]),
        side=None if side is None else Side(side),
        weight=float(data["weight"]),
    )
