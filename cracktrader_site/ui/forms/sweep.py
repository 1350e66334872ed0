"""The form of a sweep: that of a backtest, and of each parameter what of it is tried."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from django import forms

from runs.engine.metrics import METRICS
from runs.models import Sweep

from . import sweep_axes, values
from .fields import text_field
from .offer import Offer
from .run import RunForm
from .sweep_axes import Axis, Row

_SAMPLERS = [
    (Sweep.Sampler.GRID.value, "Grid"),
    (Sweep.Sampler.RANDOM.value, "Random"),
    (Sweep.Sampler.TPE.value, "TPE"),
]
SAMPLER_TEXTS = {
    "grid": "Every combination, once.",
    "random": "Drawn from all of the space: often as good as a grid, with far fewer trials.",
    "tpe": "Optuna learns from the trials so far where to look next.",
}
_DIRECTIONS = [("", "As the metric is meant"), ("true", "Highest"), ("false", "Lowest")]
_VARIED_AT_FIRST = 2
_WALK = ("in_sample", "out_of_sample")


class SweepForm(RunForm):
    """Its texts are those of `RunForm` for a backtest, and besides of each axis `how` and parts."""

    timeframe = text_field("Timeframes", "Each is tried.")
    each_symbol = forms.BooleanField(required=False, label="Each symbol by itself")
    sampler = text_field("Sampler")
    trials = text_field(
        "Trials",
        "Sets of parameters to try.",
        forms.NumberInput({"min": 1, "inputmode": "numeric"}),
    )
    seed = text_field(
        "Seed",
        "The same seed draws the same.",
        forms.NumberInput({"min": 0, "inputmode": "numeric"}),
    )
    objective = text_field("Objective", "What the best trial has the most of.", forms.Select)
    maximize = text_field("Better is", widget=forms.Select)
    walk_forward = forms.BooleanField(required=False, label="Walk forward")
    in_sample = text_field(
        "In sample", "Bars the parameters are chosen on.", forms.NumberInput({"min": 2})
    )
    out_of_sample = text_field(
        "Out of sample", "Bars after them that the choice trades.", forms.NumberInput({"min": 1})
    )
    anchored = forms.BooleanField(required=False, label="Anchored: choose on all bars so far")

    def __init__(self, offer: Offer, given: Mapping[str, str]) -> None:
        super().__init__(offer, dict(given) | {"mode": "backtest"})
        for axis in self.axes:
            self.fields.update(axis.fields())
        for name, choices in (
            ("objective", [(name, metric.label) for name, metric in METRICS.items()]),
            ("maximize", _DIRECTIONS),
        ):
            self.fields[name].widget.choices = choices  # type: ignore[attr-defined]

    @cached_property
    def axes(self) -> list[Axis]:
        """The strategy's parameters that can be varied, then settings of the engine."""
        found = [sweep_axes.of_param(param, self.param_name(param)) for param in self.params]
        engine = [
            sweep_axes.of_engine(name, str(self.base_fields[name].label))
            for name in sweep_axes.ENGINE_FIELDS
        ]
        return [axis for axis in found if axis is not None] + engine

    @property
    def rows(self) -> list[Row]:
        """The strategy's own."""
        return [self._row(axis) for axis in self.axes if not _of_engine(axis)]

    @property
    def engine_rows(self) -> list[Row]:
        return [self._row(axis) for axis in self.axes if _of_engine(axis)]

    @property
    def engine_is_open(self) -> bool:
        """Whether something is set of what is folded away."""
        return any(row.errors or row.how != sweep_axes.FIXED for row in self.engine_rows)

    @property
    def other_params(self) -> list[Any]:
        """Fields of parameters that have one value in any case."""
        varied = {axis.name for axis in self.axes}
        names = [self.param_name(param) for param in self.params]
        return [self[name] for name in names if name not in varied]

    @property
    def samplers(self) -> list[tuple[str, str, str]]:
        return [(name, title, SAMPLER_TEXTS[name]) for name, title in _SAMPLERS]

    @property
    def timeframes(self) -> list[tuple[str, bool]]:
        """Those of the venue and those that were chosen, and which are."""
        chosen = _frames(self.texts)
        known = list(self.offer.exchange.timeframes) if self.offer.exchange else []
        extra = [name for name in chosen if name not in known]
        return [(name, name in chosen) for name in [*known, *extra]]

    def own_beginnings(self, given: Mapping[str, str]) -> dict[str, str]:
        texts = {
            "sampler": Sweep.Sampler.GRID.value,
            "trials": "200",
            "seed": "0",
            "objective": "sharpe_ratio",
            # Two windows fit into the 1,000 bars that the form begins with.
            "in_sample": "500",
            "out_of_sample": "250",
        }
        texts |= dict.fromkeys(("maximize", "each_symbol", "walk_forward", "anchored"), "")
        tried: list[tuple[Axis, str]] = []
        for axis in self.axes:
            value = given.get(axis.name) or self.beginnings.get(axis.name, "")
            varies = len(tried) < _VARIED_AT_FIRST and not _of_engine(axis)
            own = axis.beginnings(value, varied=varies)
            tried += [(axis, value)] if own[axis.part("how")] != sweep_axes.FIXED else []
            texts |= own
        for axis, value in tried:
            beside = [text for other, text in tried if axis.is_akin(other)]
            texts |= axis.beginnings(value, beside, varied=True)
        return texts

    def own_field(self, path: str) -> str | None:
        """Of `space.fast_period`, `run.stop_loss`, `walk_forward.in_sample`, `timeframes`."""
        key = path.removeprefix("space.")
        for axis in self.axes:
            if path.startswith("space.") and (key == axis.key or key.startswith(f"{axis.key}.")):
                return self._telling(axis)
        if path == "space":
            # Of all of it: at what is varied first.
            return self._telling(next(filter(self._is_varied, self.axes), self.axes[0]))
        if path.startswith("walk_forward."):
            part = path.removeprefix("walk_forward.")
            return part if part in _WALK else "in_sample"
        if path == "walk_forward":
            return "in_sample"
        return {"timeframes": "timeframe", "trials": "trials", "seed": "seed"}.get(path)

    def _is_varied(self, axis: Axis) -> bool:
        return self.texts[axis.part("how")] != sweep_axes.FIXED

    def _telling(self, axis: Axis) -> str:
        """The field that shows what is wrong with what is tried of it."""
        part = {sweep_axes.LIST: "list", sweep_axes.RANGE: "min"}
        which = "" if axis.options else part.get(self.texts[axis.part("how")], "")
        return axis.part(which) if which else axis.name

    def body(self, instead: Mapping[str, str] | None = None) -> dict[str, Any]:
        """The JSON of POST /run/sweep; what it would take anyway is left out."""
        body = super().body(instead)
        texts = {n: t.strip() for n, t in (self.texts | dict(instead or {})).items()}
        params = body.pop("strategy_params", {})
        space = {}
        for axis in self.axes:
            asked = axis.asked(texts)
            if asked is None:
                continue
            space[axis.key] = asked
            (body if _of_engine(axis) else params).pop(
                axis.name if _of_engine(axis) else axis.key, None
            )
        found: dict[str, Any] = {"strategy_name": body.pop("strategy_name")}
        if params:
            found["strategy_params"] = params
        found |= {"space": space} | body
        frames = _frames(texts)
        if len(frames) > 1:
            found |= {"timeframes": frames}
            del found["timeframe"]
        return found | self._how(texts)

    def _how(self, texts: Mapping[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if texts["each_symbol"]:
            found["each_symbol"] = True
        if texts["sampler"] != Sweep.Sampler.GRID:
            found["sampler"] = texts["sampler"]
            if texts["trials"]:
                found["trials"] = values.number(texts["trials"])
            if texts["seed"] not in ("", "0"):
                found["seed"] = values.number(texts["seed"])
        if texts["objective"] != "sharpe_ratio":
            found["objective"] = texts["objective"]
        if texts["maximize"]:
            found["maximize"] = texts["maximize"] == "true"
        if texts["walk_forward"]:
            walk = {n: values.number(texts[n]) for n in _WALK if texts[n]}
            found["walk_forward"] = walk | ({"anchored": True} if texts["anchored"] else {})
        return found

    def _row(self, axis: Axis) -> Row:
        parts = {
            which: self[axis.part(which)]
            for which in sweep_axes.PARTS
            if axis.part(which) in self.fields
        }
        return Row(axis, self[axis.name], self.texts[axis.part("how")], parts)


def _frames(texts: Mapping[str, str]) -> list[str]:
    """Of several with commas between them; 1m is not 1M."""
    return [name.strip() for name in texts["timeframe"].split(",") if name.strip()]


def _of_engine(axis: Axis) -> bool:
    return axis.key.startswith(sweep_axes.ENGINE)
