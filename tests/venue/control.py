"""The strings behind the scene, over HTTP: POST /control/<name> with a JSON object.

price         symbol, price                 pins it; what rests there trades
unpin         symbol                        the invented candles' price again
hurry         symbol                        another price each second
account       name, key, secret, balances, realm, fee, fee_coin, can_withdraw, …
deposit       account, asset, amount        below zero: a withdrawal
change        account, and the fields of Account to set
rules         symbol, and the fields of SymbolRules to set
fault         endpoint, and the fields of Fault (body as text)
lost          endpoint, how, seconds, times the request works, its answer is lost
clear                                       no armed faults
chaos         the fields of Chaos; nothing at all: no more chaos
late          orders_ms, trades_ms          ranges [low, high]
parts         parts                         [[share, slip], …] of market orders
cut_fill      amount, rest                  of the next taking order; "expire" or "open"
race          amount or share               trades before the next cancel; nothing: all
match_limits  on                            whether prices fill resting limits
fill          order_id, amount, price       of an open order
cancel        order_id                      by a human
hand_order    account, symbol, side, qty, type, price, stop_price, client_id
hand_fill     account, symbol, side, qty, price
skew          seconds                       the venue's clock is ahead by that
ban           seconds, status
order_limit   most, seconds                 -1015 beyond; most 0: no limit
dump                                        the whole ledger
check                                       the ledger's sums; an error if they are wrong
counts                                      requests by endpoint, chaos dealt
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .chaos import Chaos
from .faults import Fault, lost
from .orders import plain
from .rules import VenueRefusal

if TYPE_CHECKING:
    from .server import VenueServer


class Control:
    def __init__(self, venue: VenueServer) -> None:
        self._venue = venue
        ledger = venue.ledger
        self._commands: dict[str, Callable[..., Any]] = {
            "price": ledger.set_price,
            "unpin": lambda symbol: ledger.prices.unpin(symbol.replace("/", "")),
            "hurry": lambda symbol: ledger.prices.hurry(symbol.replace("/", "")),
            "account": self._account,
            "deposit": ledger.deposit,
            "change": self._change,
            "rules": self._rules,
            "fault": self._fault,
            "lost": self._lost,
            "clear": lambda: venue.faults.clear(),
            "chaos": self._chaos,
            "late": self._late,
            "parts": ledger.split_market_orders,
            "cut_fill": ledger.cut_next_fill,
            "race": ledger.race_next_cancel,
            "match_limits": lambda on: setattr(ledger, "match_limits", bool(on)),
            "fill": ledger.fill,
            "cancel": lambda order_id: plain(ledger.cancel(ledger.all_orders[order_id])),
            "hand_order": lambda **order: plain(ledger.hand_order(**order)),
            "hand_fill": lambda **order: plain(ledger.hand_fill(**order)),
            "skew": self._skew,
            "ban": venue.ban,
            "order_limit": self._order_limit,
            "dump": ledger.dump,
            "check": ledger.check,
            "counts": self._counts,
        }

    def answer(self, name: str, body: str) -> tuple[int, Any]:
        """The HTTP status and the content: what the command returned, or why it failed."""
        if name not in self._commands:
            return 404, {"error": f"no such command: {name}", "commands": sorted(self._commands)}
        try:
            return 200, {"result": self._commands[name](**json.loads(body or "{}"))}
        except VenueRefusal as refusal:
            return 409, {"error": refusal.message, "code": refusal.code}
        except Exception as error:  # noqa: BLE001 - told to whoever sent it
            return 400, {"error": f"{type(error).__name__}: {error}"}

    def _account(self, name: str, key: str, secret: str, **more: Any) -> None:
        self._venue.ledger.open_account(name, key, secret, **more)

    def _change(self, account: str, **fields: Any) -> None:
        holder = self._venue.ledger.accounts[account]
        _set(holder, fields)

    def _rules(self, symbol: str, **fields: Any) -> None:
        _set(self._venue.market.rules[symbol.replace("/", "")], fields)

    def _fault(self, endpoint: str, body: str | None = None, **fields: Any) -> None:
        content = None if body is None else body.encode()
        self._venue.faults.arm(endpoint, Fault(body=content, **fields))

    def _lost(self, endpoint: str, **fields: Any) -> None:
        self._venue.faults.arm(endpoint, lost(**fields))

    def _chaos(self, **fields: Any) -> None:
        tuples: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()
        }
        self._venue.unleash(Chaos(**tuples) if fields else None)

    def _late(
        self,
        orders_ms: tuple[float, float] = (0.0, 0.0),
        trades_ms: tuple[float, float] = (0.0, 0.0),
    ) -> None:
        ledger = self._venue.ledger
        with ledger.lock:
            ledger.late_orders_ms = (orders_ms[0], orders_ms[1])
            ledger.late_trades_ms = (trades_ms[0], trades_ms[1])

    def _skew(self, seconds: float) -> None:
        self._venue.market.skew_ms = round(seconds * 1000)

    def _order_limit(self, most: int = 0, seconds: float = 10.0) -> None:
        self._venue.ledger.order_limit = (most, seconds) if most else None

    def _counts(self) -> dict[str, Any]:
        asked = Counter(asked.endpoint for asked in list(self._venue.asked))
        chaos = self._venue.chaos
        return {"asked": dict(asked), "dealt": dict(chaos.dealt) if chaos else {}}


def _set(record: Any, fields: dict[str, Any]) -> None:
    """Decimals are given as strings or numbers, tuples as lists."""
    for name, value in fields.items():
        before = getattr(record, name)
        if isinstance(before, Decimal):
            value = Decimal(str(value))
        elif isinstance(before, tuple):
            value = tuple(value)
        setattr(record, name, value)
