"""The bodies of sweeps: what a start may ask for, and what is told of them."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from exchanges.domain import InvalidInput
from runs.bodies import BacktestRequest, Body
from runs.engine.metrics import METRICS
from runs.fields import StrictBool, StrictChoice, StrictInteger, StrictObject, StrictText
from runs.models import Run, Sweep

from .honesty_schema import HonestySchema, WalkForwardSchema

SAMPLERS = list(Sweep.Sampler.values)
TRIAL_MODES = [Run.Mode.BACKTEST.value, Run.Mode.PAPER.value]
MAX_BARS = 10_000_000
MAX_SEED = 2**32 - 1
MAX_TRIALS = 10**9
MAX_TIMEFRAMES = 20


@extend_schema_field(
    {
        "type": "object",
        "additionalProperties": {
            "oneOf": [
                {"type": "array", "items": {}},
                {"type": "object", "additionalProperties": {}},
            ]
        },
    }
)
class SpaceField(StrictObject):
    """What is varied; its shape is judged by `engine.space`, which knows the strategy."""


class WalkForwardRequest(Body):
    """Windows one after the other: the best of each on its own bars trades those that follow."""

    in_sample = StrictInteger(
        min_value=2, max_value=MAX_BARS, help_text="Bars that the parameters are chosen on."
    )
    out_of_sample = StrictInteger(
        min_value=1, max_value=MAX_BARS, help_text="Bars after them that the choice trades."
    )
    anchored = StrictBool(
        default=False, help_text="Whether each window's choice sees all bars from the start on."
    )


class SweepRequest(BacktestRequest):
    strategy_params = StrictObject(
        default=dict, help_text="Parameters that all trials share; the others take their defaults."
    )
    timeframe = StrictText(
        default=None, allow_null=True, allow_blank=True, help_text='Bar length, e.g. "1h".'
    )
    timeframes = serializers.ListField(
        child=StrictText(),
        default=None,
        allow_null=True,
        allow_empty=False,
        max_length=MAX_TIMEFRAMES,
        help_text="In place of timeframe: each set of parameters is tried on each of these.",
    )
    each_symbol = StrictBool(
        default=False,
        help_text="Each symbol by itself, with all of the cash, in place of one portfolio.",
    )
    space = SpaceField(
        help_text='Parameter → values `[5, 10]`, range `{"min": 20, "max": 200, "step": 5}` or '
        'distribution `{"min": 0.0001, "max": 0.1, "log": true}`. `run.stop_loss`, '
        "`run.take_profit`, `run.trailing_stop` and `run.position_size` may be varied, too."
    )
    sampler = StrictChoice(
        choices=SAMPLERS,
        default=Sweep.Sampler.GRID.value,
        help_text="Every combination; drawn at random; or chosen by what is learnt on the way.",
    )
    trials = StrictInteger(
        default=None,
        allow_null=True,
        min_value=1,
        max_value=MAX_TRIALS,
        help_text="Sets of parameters; of a grid: at most. `random` and `tpe` need it.",
    )
    seed = StrictInteger(
        default=0, min_value=0, max_value=MAX_SEED, help_text="The same seed draws the same."
    )
    objective = StrictChoice(
        choices=list(METRICS),
        default="sharpe_ratio",
        help_text="The metric that says what is best.",
    )
    maximize = StrictBool(
        default=None,
        allow_null=True,
        help_text="Whether more of it is better; default: as the metric is meant.",
    )
    walk_forward = WalkForwardRequest(
        default=None, allow_null=True, help_text="null: one choice, on all bars."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs["timeframe"] is None) == (attrs["timeframes"] is None):
            if attrs["timeframe"] is not None:
                raise InvalidInput("INVALID_VALUE", "Name either timeframe or timeframes")
            raise _missing("timeframe", "A sweep needs a timeframe, or several in timeframes")
        if len(set(attrs["timeframes"] or ())) != len(attrs["timeframes"] or ()):
            raise InvalidInput("INVALID_VALUE", "timeframes names one twice", field="timeframes")
        if attrs["sampler"] != Sweep.Sampler.GRID and attrs["trials"] is None:
            raise _missing(
                "trials", f"The sampler {attrs['sampler']} needs trials: how many to try"
            )
        return attrs


def _missing(field: str, message: str) -> InvalidInput:
    return InvalidInput("MISSING_FIELD", message, fields={field: {"code": "MISSING_FIELD"}})


class TrialRunRequest(Body):
    mode = StrictChoice(
        choices=TRIAL_MODES,
        default=Run.Mode.BACKTEST.value,
        help_text="The trial's own backtest, or a paper run from now on with its parameters.",
    )


class StopSweepRequest(Body):
    """Nothing: the path says which."""


# --- answers ---------------------------------------------------------------------------------


class SweepStarted(serializers.Serializer[Any]):
    sweep_id = serializers.CharField()
    status = serializers.ChoiceField(choices=Run.Status.choices)
    message = serializers.CharField()
    trials = serializers.IntegerField(help_text="How many there are to be, over all variations.")


class VariationSchema(serializers.Serializer[Any]):
    symbols = serializers.ListField(child=serializers.CharField())
    timeframe = serializers.CharField()


class BestTrialSchema(serializers.Serializer[Any]):
    number = serializers.IntegerField()
    segment = serializers.IntegerField()
    variation = serializers.IntegerField()
    symbols = serializers.ListField(child=serializers.CharField())
    timeframe = serializers.CharField()
    params = serializers.DictField(help_text="What was varied.")
    objective = serializers.FloatField(allow_null=True)
    metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))


class SweepSummary(serializers.Serializer[Any]):
    """A sweep in a list."""

    sweep_id = serializers.CharField()
    status = serializers.ChoiceField(choices=Run.Status.choices)
    strategy_name = serializers.CharField()
    exchange = serializers.CharField()
    symbols = serializers.ListField(child=serializers.CharField())
    timeframes = serializers.ListField(child=serializers.CharField())
    sampler = serializers.ChoiceField(choices=SAMPLERS)
    objective = serializers.CharField(help_text="The metric that says what is best.")
    maximize = serializers.BooleanField()
    trials_total = serializers.IntegerField(help_text="Trials there are to be.")
    trials_done = serializers.IntegerField()
    trials_failed = serializers.IntegerField(help_text="Of these, trials without a result.")
    progress = serializers.FloatField(help_text="0 to 1.")
    best = BestTrialSchema(allow_null=True, help_text="null until it is over.")
    created_at = serializers.DateTimeField()
    start_time = serializers.DateTimeField(allow_null=True, help_text="When its work began.")
    end_time = serializers.DateTimeField(allow_null=True, help_text="When it was over.")
    error = serializers.CharField(allow_null=True, help_text="`CODE: message` of a failed sweep.")


class SweepDetail(SweepSummary):
    best = BestTrialSchema(allow_null=True, help_text="So far, while it goes on.")
    stage = serializers.CharField(allow_blank=True, help_text="What is being done.")
    space = serializers.DictField(help_text="What is varied, every default resolved.")
    strategy_params = serializers.DictField(help_text="What all trials share.")
    seed = serializers.IntegerField()
    start_date = serializers.DateTimeField(help_text="Of the first variation.")
    end_date = serializers.DateTimeField()
    variations = VariationSchema(many=True)
    trials_per_second = serializers.FloatField(
        allow_null=True, help_text="Since its work began; null before."
    )
    eta_seconds = serializers.FloatField(allow_null=True, help_text="null once it is over.")
    honesty = HonestySchema(allow_null=True, help_text="null until it is over.")
    walk_forward = WalkForwardSchema(allow_null=True, help_text="null until it is over, or none.")
    config = serializers.DictField(help_text="Cash, costs and limits that all trials share.")
    error_details = serializers.DictField()


@extend_schema_serializer(many=False)
class SweepPage(serializers.Serializer[Any]):
    sweeps = SweepSummary(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


class TrialSchema(serializers.Serializer[Any]):
    number = serializers.IntegerField(help_text="Its place: by segment, point of space, variation.")
    segment = serializers.IntegerField(help_text="The walk-forward window; 0 without.")
    variation = serializers.IntegerField(help_text="Index in the sweep's `variations`.")
    params = serializers.DictField(help_text="What was varied.")
    objective = serializers.FloatField(allow_null=True)
    total_return = serializers.FloatField(allow_null=True)
    sharpe_ratio = serializers.FloatField(allow_null=True)
    max_drawdown = serializers.FloatField(allow_null=True)
    trade_count = serializers.IntegerField()
    metrics = serializers.DictField(child=serializers.FloatField(allow_null=True))
    error = serializers.CharField(allow_null=True, help_text="`CODE: message` of a failed trial.")


@extend_schema_serializer(many=False)
class TrialPage(serializers.Serializer[Any]):
    trials = TrialSchema(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text="null on the last page.")


class CellSchema(serializers.Serializer[Any]):
    x = serializers.JSONField()
    y = serializers.JSONField(allow_null=True)
    value = serializers.FloatField()
    number = serializers.IntegerField(help_text="Of the trial.")


def _rows(cell: serializers.Field[Any, Any, Any, Any], about: str) -> serializers.ListField:
    return serializers.ListField(child=serializers.ListField(child=cell), help_text=about)


class BinnedSchema(serializers.Serializer[Any]):
    """Edges, one more than bins: [edge, next); null where the values themselves are told."""

    x = serializers.ListField(child=serializers.FloatField(), allow_null=True)
    y = serializers.ListField(child=serializers.FloatField(), allow_null=True)


class HeatmapSchema(serializers.Serializer[Any]):
    metric = serializers.CharField()
    x = serializers.ListField(
        child=serializers.JSONField(), help_text="Values, or middles of bins: the columns."
    )
    y = serializers.ListField(
        child=serializers.JSONField(), help_text="Values, or middles of bins: the rows."
    )
    binned = BinnedSchema(help_text="Of a parameter with more than 60 values, the bins.")
    values = _rows(serializers.FloatField(allow_null=True), "A row for each y; null: no result.")
    counts = _rows(serializers.IntegerField(), "Trials of each cell.")
    trials = _rows(serializers.IntegerField(allow_null=True), "Number of the trial shown.")
    best = CellSchema(allow_null=True)


class SweepPointSchema(serializers.Serializer[Any]):
    timestamp = serializers.IntegerField(help_text="UTC ms: open of the bar.")
    value = serializers.FloatField(help_text="Equity at the bar's close.")
    drawdown = serializers.FloatField(help_text="Fraction below the highest equity so far, ≥ 0.")


@extend_schema_serializer(many=False)
class SweepEquity(serializers.Serializer[Any]):
    equity = SweepPointSchema(many=True)
    total = serializers.IntegerField(help_text="Bars in all.")
