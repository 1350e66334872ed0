"""What a run was asked to do, resolved to the last default, frozen and hashed."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from exchanges.domain import InvalidInput, Symbol, Timeframe


class CashMode(StrEnum):
    """Who owns the cash: each symbol its own sleeve, or all symbols one pool."""

    SLEEVES = "sleeves"
    SHARED = "shared"


@dataclass(frozen=True, slots=True)
class RunConfig:
    """The engine's whole input besides bars and decisions.

    Times are UTC ms.  Bars opening in [anchor_ms, start_ms) only warm the
    strategy up; decisions are taken at the closes of bars opening in
    [start_ms, end_ms).  Fractions throughout: `fee` and `slippage` of price,
    stops of the entry's fill price (trailing: of the peak since entry),
    `position_size` of the cash free when an entry fills, fee included;
    `max_drawdown` and `daily_loss` of equity; what they and `flatten_at` do is
    told in `limits`.
    """

    symbols: tuple[Symbol, ...]
    timeframe: Timeframe
    anchor_ms: int
    start_ms: int
    end_ms: int
    initial_cash: float
    fee: float = 0.0
    slippage: float = 0.0
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop: float | None = None
    position_size: float = 1.0
    cash: CashMode = CashMode.SLEEVES
    max_drawdown: float | None = None
    daily_loss: float | None = None
    flatten_at: int | None = None

    def __post_init__(self) -> None:
        if not self.symbols or len(set(self.symbols)) != len(self.symbols):
            raise InvalidInput("INVALID_SYMBOLS", "symbols must be given, each once")
        if len({symbol.quote for symbol in self.symbols}) > 1:
            raise InvalidInput("INVALID_SYMBOLS", "symbols must have one quote currency")
        if not self.anchor_ms <= self.start_ms < self.end_ms:
            raise InvalidInput("INVALID_RANGE", "the run must start before it ends")
        if self.stop_loss is not None and self.trailing_stop is not None:
            raise InvalidInput(
                "INVALID_STOPS",
                "stop_loss and trailing_stop exclude each other",
                valid="one of stop_loss, trailing_stop; take_profit with either",
            )
        self._check_numbers()

    def _check_numbers(self) -> None:
        """Every comparison is false for NaN, so NaN is refused too."""
        if not 0 < self.initial_cash < math.inf:
            raise InvalidInput("INVALID_CASH", "initial_cash must be a positive number")
        if not (0 <= self.fee < 1 and 0 <= self.slippage < 1):
            raise InvalidInput("INVALID_COSTS", "fee and slippage are fractions", valid="[0, 1)")
        if not 0 < self.position_size <= 1:
            raise InvalidInput("INVALID_POSITION_SIZE", "position_size is a share", valid="(0, 1]")
        for name, most in (("stop_loss", 1.0), ("trailing_stop", 1.0), ("take_profit", math.inf)):
            value = getattr(self, name)
            if value is not None and not 0 < value < most:
                raise InvalidInput(
                    "INVALID_STOPS", f"{name} is out of range", valid=f"a fraction in (0, {most:g})"
                )
        for name in ("max_drawdown", "daily_loss"):
            value = getattr(self, name)
            if value is not None and not 0 < value < 1:
                raise InvalidInput(
                    "INVALID_LIMITS", f"{name} is out of range", valid="a fraction in (0, 1)"
                )

    @property
    def has_stops(self) -> bool:
        return (self.stop_loss, self.take_profit, self.trailing_stop) != (None, None, None)

    @property
    def has_limits(self) -> bool:
        return (self.max_drawdown, self.daily_loss) != (None, None)

    def to_dict(self) -> dict[str, Any]:
        """JSON; what ends a run early is left out where there is none, as before there was any."""
        plain = asdict(self) | {
            "symbols": list(self.symbols),
            "timeframe": self.timeframe.name,
            "cash": self.cash.value,
        }
        for name in ("max_drawdown", "daily_loss", "flatten_at"):
            if plain[name] is None:
                del plain[name]
        return plain

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RunConfig:
        return cls(
            **data
            | {
                "symbols": tuple(Symbol(s) for s in data["symbols"]),
                "timeframe": Timeframe.parse(data["timeframe"]),
                "cash": CashMode(data["cash"]),
            }
        )

    def digest(self) -> str:
        """SHA-256 of the canonical JSON form."""
        text = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()
