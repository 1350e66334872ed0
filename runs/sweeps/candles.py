"""The candles of a sweep's trials: read once for all of them, or for one where that fails."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from exchanges import services as market_data
from exchanges.domain import CracktraderError, InvalidInput, VenueError
from runs.engine.config import RunConfig

if TYPE_CHECKING:
    from exchanges.domain import Bars

Progress = Callable[[str, float], None]

_WIDER = 1.5
"""How much further back than needed candles are read, once more were needed than expected."""

_TROUBLE_SECONDS = 5.0
"""For so long what could not be had is not asked for again."""


@dataclass(frozen=True, slots=True)
class Kept:
    """Candles that open in [first_ms, end_ms), one series a symbol."""

    first_ms: int
    end_ms: int
    series: list[Bars]

    def reach(self, config: RunConfig) -> int:
        """How many bars before the run's start there are; -1 where its own are not."""
        if self.first_ms > config.start_ms or self.end_ms < config.end_ms:
            return -1
        frame = config.timeframe
        if self.first_ms <= frame.ceil(0):
            return sys.maxsize
        return (config.start_ms - self.first_ms) // frame.ms


class Candles:
    """Of one sweep, by variation.  `config`: the sweep's."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = config
        self._kept: dict[int, Kept] = {}
        self._narrow: set[int] = set()
        self._trouble: dict[int, tuple[float, int, int, CracktraderError]] = {}

    def read(self, variation: int, run: RunConfig, warmup: int, progress: Progress) -> Kept:
        """Those of a run of the variation, with `warmup` bars before its start or more.

        What all trials are expected to want is read at once; where that cannot be
        had, what this run wants, as if it were started by itself.  Raises
        NO_CANDLES and what `ensure_bars` raises; STRATEGY_FAILED for what is no
        number of bars.
        """
        from runs.engine.trials import anchor

        first = anchor(run, warmup)
        kept = self._kept.get(variation)
        if kept is None or kept.reach(run) < warmup:
            kept = self._kept[variation] = self._read(variation, run, first, warmup, progress)
        for one in kept.series:
            if not len(one.between(run.start_ms, run.end_ms)):
                raise VenueError(
                    "NO_CANDLES",
                    f"{self._config['exchange']} has no {run.timeframe} candle of {one.symbol} "
                    "in range",
                    symbol=str(one.symbol),
                )
        return kept

    def _read(
        self, variation: int, run: RunConfig, first_ms: int, warmup: int, progress: Progress
    ) -> Kept:
        from runs.engine.trials import anchor

        own = first_ms, run.end_ms
        self._not_again(variation, *own)
        if variation not in self._narrow:
            whole = RunConfig.from_dict(self._config["variations"][variation]["engine"])
            expected = self._config["warmup"]
            bars = expected if warmup <= expected else int(warmup * _WIDER)
            wide = min(anchor(whole, bars), own[0]), max(whole.end_ms, own[1])
            try:
                return self._ensure(run, *wide, progress)
            except CracktraderError as error:
                self._narrow.add(variation)
                if wide == own:
                    self._remember(variation, *own, error)
                    raise
        try:
            return self._ensure(run, *own, progress)
        except CracktraderError as error:
            self._remember(variation, *own, error)
            raise

    def _ensure(self, run: RunConfig, first_ms: int, end_ms: int, progress: Progress) -> Kept:
        found = market_data.ensure_bars(
            self._config["exchange"],
            run.symbols,
            run.timeframe,
            first_ms,
            end_ms,
            on_progress=progress,
        )
        return Kept(first_ms, end_ms, found)

    def _remember(self, variation: int, first: int, end: int, error: CracktraderError) -> None:
        self._trouble[variation] = time.monotonic() + _TROUBLE_SECONDS, first, end, error

    def _not_again(self, variation: int, first: int, end: int) -> None:
        """Raises what came of asking for less just now: a venue that is away takes its time."""
        until, *span, error = self._trouble.get(variation, (0.0, 0, 0, None))
        if error is not None and time.monotonic() < until and first <= span[0] and end >= span[1]:
            raise error.with_traceback(None)


def may_pass(error: CracktraderError) -> bool:
    """Whether it may be otherwise later, or on another machine."""
    if "machines" in error.details:
        return True
    return error.code != "NO_CANDLES" and not isinstance(error, InvalidInput)
