"""What a sweep would come to: how many trials, on how many bars, about how long; or why not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from rest_framework.exceptions import APIException

from cracktrader_site.ui import costs
from exchanges.domain import CracktraderError, InvalidInput, Timeframe
from exchanges.places import Places
from runs import formats
from runs.models import Sweep
from runs.sweeps.layout import Layout
from runs.sweeps.resolve import Resolved, point_of
from strategies.models import Strategy
from strategies.services import validate_params

from .findings import told
from .sweep import SweepForm
from .sweep_starting import resolved

MANY_TRIALS = 1_000
"""Of so many, the best is expected to look good whatever the strategy is worth."""

# What one worker takes from end to end, in seconds: for a sweep, a window's choice, a trial with
# its commit and its share of the conclusion, each of its bars, and a point that is learnt.
_SWEEP, _WINDOW, _TRIAL, _BAR, _LEARNT = 0.4, 0.03, 0.5e-3, 60e-9, 20e-3

_LOOKED_AT = 200
"""Points that the strategy is asked of; of more, as many drawn from them."""

# Each may ask a user's code; threads must stay free for those who do not only want to know.
_outlooks = Places(2, "Other forms are being looked at", patience=0.5, retry=3)


@dataclass(frozen=True, slots=True)
class SweepOutlook:
    """`bars`: of each trial, at most; `product`: where the number of trials comes from."""

    problem: str = ""
    trials: int = 0
    product: str = ""
    bars: int = 0
    windows: int = 0
    start_ms: int = 0
    end_ms: int = 0
    seconds: float = 0.0
    costs: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def estimate(self) -> str:
        short = self.seconds < 1
        said = "Less than a second" if short else f"About {formats.duration(round(self.seconds))}"
        return f"{said} of one worker's time from start to end, once the candles are here."


def outlook(form: SweepForm) -> SweepOutlook:
    """Never raises for what the form holds; asks no venue."""
    if any("\0" in text for text in form.texts.values()):
        return SweepOutlook(problem="A text holds a character that none may have.")
    try:
        with _outlooks:
            found = resolved(form.body())
    except (CracktraderError, APIException) as error:
        return SweepOutlook(problem=told(form, error))
    config = found.config
    layout = Layout.of(config)
    engines = [variation["engine"] for variation in config["variations"]]
    spans = [_bars(config, engine) for engine in engines]
    seconds = _seconds(found, layout, spans)
    return SweepOutlook(
        trials=layout.total,
        product=_product(form, found, layout),
        bars=max(spans),
        windows=len(config["windows"]),
        start_ms=engines[0]["start_ms"],
        end_ms=engines[0]["end_ms"],
        seconds=seconds,
        costs=costs.told(engines[0]["fee"], engines[0]["slippage"]),
        warnings=(*_warnings(layout), *_refused(form, found)),
    )


def _bars(config: dict[str, Any], engine: dict[str, Any]) -> int:
    """Of the longest in-sample window, or of all."""
    spans = [(w["in_start_ms"], w["in_end_ms"]) for w in config["windows"]]
    spans = spans or [(engine["start_ms"], engine["end_ms"])]
    return max(end - start for start, end in spans) // Timeframe.parse(engine["timeframe"]).ms


def _seconds(found: Resolved, layout: Layout, spans: list[int]) -> float:
    """`spans`: bars of a trial on each variation.  For a strategy that is itself quick."""
    variations = zip(spans, found.config["variations"], strict=True)
    bars = sum(span * len(variation["symbols"]) for span, variation in variations)
    points = layout.segments * layout.points
    learnt = points if found.sampler == Sweep.Sampler.TPE else 0
    windows = len(found.config["windows"])
    tried = layout.total * _TRIAL + points * bars * _BAR
    return _SWEEP + windows * _WINDOW + tried + learnt * _LEARNT


def _refused(form: SweepForm, found: Resolved) -> Iterator[str]:
    """How much of what is tried the strategy itself refuses, and why.

    Not of a user's strategy, whose code would be asked for each, nor where points are
    learnt.
    """
    from runs.engine.space import Space, split

    trusted = found.version.strategy.origin == Strategy.Origin.CATALOG
    if not trusted or found.sampler == Sweep.Sampler.TPE:
        return
    config = found.config
    space = Space.parse(config["space"], found.version.params_schema)
    point = point_of(found.sampler, space, config["seed"])
    count = config["points"]
    # Not evenly spread: that would show a grid's last parameter at few of its values.
    looked = range(count) if count <= _LOOKED_AT else Random(0).sample(range(count), _LOOKED_AT)
    refused: list[InvalidInput] = []
    for i in looked:
        try:
            validate_params(found.version, config["strategy_params"] | split(point(i))[0])
        except InvalidInput as error:
            refused.append(error)
    if not refused:
        return
    share = f"{len(refused):,} of the {count:,}"
    if len(looked) < count:
        share = f"About {100 * len(refused) / len(looked):.0f} % of the"
    yield f"{share} combinations are refused and will have no result. {told(form, refused[0])}."


def _product(form: SweepForm, found: Resolved, layout: Layout) -> str:
    """fast_period 8 x slow_period 10 x 2 timeframes x 5 windows."""
    from runs.engine.space import Space

    config = found.config
    if found.sampler == "grid":
        space = Space.parse(config["space"], found.version.params_schema)
        parts = [f"{_label(form, d.name)} {d.count:,}" for d in space.dimensions]
    else:
        parts = [f"{layout.points:,} points of {', '.join(config['space']) or 'nothing'}"]
    sets = {tuple(variation["symbols"]) for variation in config["variations"]}
    frames = {variation["timeframe"] for variation in config["variations"]}
    for count, name in ((len(sets), "symbols"), (len(frames), "timeframes")):
        parts += [f"{count:,} {name}"] if count > 1 else []
    parts += [f"{layout.segments:,} windows"] if config["windows"] else []
    return " \N{MULTIPLICATION SIGN} ".join(parts)


def _label(form: SweepForm, key: str) -> str:
    return next((axis.label for axis in form.axes if axis.key == key), key)


def _warnings(layout: Layout) -> list[str]:
    found = []
    if layout.points == 1:
        found.append("Nothing is varied: this is one backtest.")
    if layout.points * layout.variations >= MANY_TRIALS:
        found.append(
            "The best of so many looks good by luck alone: what the sweep says of that counts "
            "more than its best trial."
        )
    return found
