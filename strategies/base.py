"""What a strategy is: typed parameters, and one pure function of closed bars.

The same class drives backtest, paper and live.  It never places an order; it
says where it would like to be, and the engine does the rest.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from exchanges.domain import Bars, Panel


class Params(BaseModel):
    """Base of every strategy's parameters.

    Strict: `"10"`, `true` and NaN are refused rather than guessed at.  Fields
    carry their bounds and their help text; the JSON Schema made from them is
    what `/strategies` shows and what forms are built from.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


P = TypeVar("P", bound=Params)


@dataclass(frozen=True, eq=False, slots=True)
class Signals:
    """`entries`, `exits` (n,) bool, one row a bar: decided at that bar's close."""

    entries: NDArray[np.bool_]
    exits: NDArray[np.bool_]


@dataclass(frozen=True, eq=False, slots=True)
class Weights:
    """`values` (t, n) float64: the share of equity wanted in each symbol.

    NaN leaves that symbol alone.  The others of a row are in [0, 1] and sum to at most 1.
    """

    values: NDArray[np.float64]


class _Base(ABC, Generic[P]):
    Params: ClassVar[type[Any]]
    """The strategy's parameters, a subclass of `strategies.base.Params`."""

    @classmethod
    def title(cls) -> str:
        """The name runs know it by: the class's own."""
        return cls.__name__

    @classmethod
    def description(cls) -> str:
        return inspect.cleandoc(cls.__doc__ or "").strip()

    @abstractmethod
    def warmup(self, params: P) -> int:
        """Bars needed before the first decision can be trusted.

        With this many bars before it, a decision must be what it would be with
        any longer history; `check_strategy` tests that.
        """


class Strategy(_Base[P]):
    """Looks at one symbol at a time and says where to enter and where to leave."""

    @abstractmethod
    def signals(self, bars: Bars, params: P) -> Signals:
        """Signals for every bar, each from that bar and those before it only.

        `bars` starts at the run's anchor and only grows: what is returned for
        a prefix must be bit-equal to what is returned for the whole.
        """


class PortfolioStrategy(_Base[P]):
    """Looks at all symbols at once and says what share of equity each should have."""

    @abstractmethod
    def signals(self, bars: Panel, params: P) -> Weights:
        """Target weights for every row, each from that row and those before it only."""


AnyStrategy = Strategy[Any] | PortfolioStrategy[Any]
