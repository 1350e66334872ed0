"""What a worker keeps in memory of the sweep it is at: the strategy, candles, prepared trials."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from runs.engine.config import RunConfig
from runs.engine.space import Space, split
from runs.models import Sweep
from runs.resolve import check_size
from strategies import services as strategies
from strategies.base import Params
from strategies.models import StrategyVersion

from .candles import Candles, Progress
from .layout import Layout
from .resolve import point_of

if TYPE_CHECKING:
    from exchanges.domain import Bars
    from runs.engine.backtest import AnyStrategy
    from runs.engine.trials import Trials

_PREPARED = 64
"""Windows by variations whose prepared trials are kept; the candles are those of all."""

_PREPARED_BYTES = 64 * 2**20
"""Of the copies that trials over several symbols have; the newest is kept, however large."""


class Workshop:
    """Of one sweep.  `progress` is told what candles are waited for; what it raises ends that."""

    def __init__(self, sweep: Sweep, progress: Progress) -> None:
        self.sweep = sweep
        self.progress = progress
        self.config = sweep.config
        self.layout = Layout.of(sweep.config)
        self._candles = Candles(sweep.config)
        self._widest: dict[tuple[int, int], int] = {}
        self._prepared: OrderedDict[tuple[int, int], tuple[int, Trials]] = OrderedDict()

    @cached_property
    def strategy(self) -> AnyStrategy:
        """Raises STRATEGY_BROKEN."""
        versions = StrategyVersion.objects.select_related("strategy")
        version = versions.get(pk=self.sweep.strategy_version_id)
        return strategies.load_strategy(version)

    @cached_property
    def space(self) -> Space:
        versions = StrategyVersion.objects.values_list("params_schema", flat=True)
        schema = versions.get(pk=self.sweep.strategy_version_id)
        return Space.parse(self.sweep.space, schema)

    @cached_property
    def point(self) -> Callable[[int], dict[str, Any]]:
        """Point number → what is varied, where no plan says it."""
        return point_of(self.sweep.sampler, self.space, self.config["seed"])

    def params(self, varied: dict[str, Any]) -> tuple[Params, dict[str, Any]]:
        """The strategy's parameters and changes of the engine.  Raises as `params.validate`."""
        from strategies.params import validate

        own, changes = split(varied)
        return validate(self.strategy.Params, self.config["strategy_params"] | own), changes

    def engine(self, variation: int, segment: int = 0) -> RunConfig:
        """The run of a trial, but for its anchor and what it varies of the engine."""
        config = RunConfig.from_dict(self.config["variations"][variation]["engine"])
        windows = self.config["windows"]
        if windows:
            start, end = windows[segment]["in_start_ms"], windows[segment]["in_end_ms"]
            config = replace(config, anchor_ms=start, start_ms=start, end_ms=end)
        return config

    def trials(self, variation: int, segment: int, warmup: int) -> Trials:
        """Prepared for a segment; with so many bars before it where the venue has them.

        Raises as `Candles.read`, INVALID_BARS, and TOO_MANY_BARS as a run's start does.
        """
        from runs.engine.trials import Trials, anchor

        key = variation, segment
        # What a strategy takes for its warm-up may be no number.
        if isinstance(warmup, int) and warmup > self._widest.get(key, -1):
            config = self.engine(variation, segment)
            first = anchor(config, warmup)
            check_size(config.symbols, config.timeframe, first, config.end_ms)
            self._widest[key] = warmup
        reach, prepared = self._prepared.get(key, (-1, None))
        if prepared is None or not isinstance(warmup, int) or reach < warmup:
            config = self.engine(variation, segment)
            kept = self._candles.read(variation, config, warmup, self.progress)
            prepared = Trials(config, self.strategy, kept.series)
            if reach >= 0:
                # The others' are of the candles that were kept before, too.
                self._forget(variation)
            self._prepared[key] = kept.reach(config), prepared
            self._drop_oldest()
        self._prepared.move_to_end(key)
        return prepared

    def series(self, variation: int, warmup: int, config: RunConfig | None = None) -> list[Bars]:
        """The variation's candles, with `warmup` bars before the start or more.

        `config`: of the run they are for, if it is not the whole sweep's.
        Raises as `Candles.read`.
        """
        config = config or RunConfig.from_dict(self.config["variations"][variation]["engine"])
        return self._candles.read(variation, config, warmup, self.progress).series

    def _drop_oldest(self) -> None:
        held = sum(prepared.nbytes for _, prepared in self._prepared.values())
        while len(self._prepared) > 1 and (
            len(self._prepared) > _PREPARED or held > _PREPARED_BYTES
        ):
            _, (_, dropped) = self._prepared.popitem(last=False)
            held -= dropped.nbytes

    def _forget(self, variation: int) -> None:
        for key in [key for key in self._prepared if key[0] == variation]:
            del self._prepared[key]


_here: Workshop | None = None


def of(sweep: Sweep, progress: Progress) -> Workshop:
    """This process's workshop; that of another sweep makes room for it."""
    global _here
    if _here is None or _here.sweep.public_id != sweep.public_id:
        _here = None
        _here = Workshop(sweep, progress)
    _here.progress = progress
    return _here


def clear() -> None:
    global _here
    _here = None
