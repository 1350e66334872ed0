"""What is told of a sweep's best trial besides its figures: whether it may be luck."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

VERDICTS = ["too_few", "likely_luck", "doubtful", "holds_up"]


class HistogramSchema(serializers.Serializer[Any]):
    edges = serializers.ListField(child=serializers.FloatField(), help_text="One more than counts.")
    counts = serializers.ListField(child=serializers.IntegerField())


class DegradationSchema(serializers.Serializer[Any]):
    slope = serializers.FloatField(allow_null=True)
    intercept = serializers.FloatField(allow_null=True, help_text="Annualised.")
    probability_of_loss = serializers.FloatField(
        help_text="Share of the splits whose choice lost money in the other half."
    )


class StepSchema(serializers.Serializer[Any]):
    value = serializers.JSONField()
    objective = serializers.FloatField()
    share = serializers.FloatField(allow_null=True, help_text="Of the best's; 1: as good.")


class ParamStabilitySchema(serializers.Serializer[Any]):
    best = serializers.JSONField()
    below = StepSchema(allow_null=True)
    above = StepSchema(allow_null=True)
    at_edge = serializers.BooleanField(help_text="Whether it is the least or greatest tried.")


class StabilitySchema(serializers.Serializer[Any]):
    neighbours = serializers.IntegerField()
    share = serializers.FloatField(
        allow_null=True, help_text="Of the best's objective, their mean."
    )
    worst = serializers.FloatField(allow_null=True, help_text="The same of the worst.")
    params = serializers.DictField(child=ParamStabilitySchema())


class SweepWarningSchema(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class HonestySchema(serializers.Serializer[Any]):
    """What may be believed of the best of so many trials."""

    trials = serializers.IntegerField(help_text="Those with a result.")
    failed = serializers.IntegerField()
    bars = serializers.IntegerField()
    effective_trials = serializers.FloatField(
        allow_null=True, help_text="As many independent ones would be as lucky."
    )
    sharpe_ratio = serializers.FloatField(allow_null=True, help_text="Of the best.")
    expected_max_sharpe = serializers.FloatField(
        allow_null=True, help_text="What the best would show if none had any skill."
    )
    deflated_sharpe = serializers.FloatField(
        allow_null=True, help_text="Probability that the best is better than that."
    )
    probabilistic_sharpe = serializers.FloatField(
        allow_null=True, help_text="Probability that it is above 0, as if it were the only trial."
    )
    profitable_share = serializers.FloatField(allow_null=True)
    pbo = serializers.FloatField(
        allow_null=True, help_text="Probability of backtest overfitting (CSCV)."
    )
    pbo_blocks = serializers.IntegerField()
    pbo_combinations = serializers.IntegerField()
    pbo_sampled = serializers.BooleanField(help_text="Whether only some of them were looked at.")
    pbo_logits = HistogramSchema()
    performance_degradation = DegradationSchema(allow_null=True)
    stability = StabilitySchema(allow_null=True)
    verdict = serializers.ChoiceField(choices=VERDICTS)
    warnings = SweepWarningSchema(many=True)


def _metrics(about: str) -> serializers.DictField:
    return serializers.DictField(child=serializers.FloatField(allow_null=True), help_text=about)


class WindowSchema(serializers.Serializer[Any]):
    segment = serializers.IntegerField()
    start = serializers.IntegerField(help_text="UTC ms: the first bar that chooses.")
    split = serializers.IntegerField(help_text="UTC ms: the first bar that follows.")
    end = serializers.IntegerField(help_text="UTC ms: after the last of them.")
    number = serializers.IntegerField(help_text="The trial it chose.")
    params = serializers.DictField()
    in_sample = _metrics("Of that trial.")
    out_of_sample = _metrics("Of the bars that follow, with its parameters.")


class SkippedSchema(serializers.Serializer[Any]):
    segment = serializers.IntegerField()
    error = serializers.CharField()


class WalkForwardSchema(serializers.Serializer[Any]):
    windows = WindowSchema(many=True, help_text="Those that chose something, in time.")
    skipped = SkippedSchema(many=True, help_text="Those without a choice that was tried.")
    efficiency = serializers.FloatField(
        allow_null=True, help_text="Annual return out of sample over that in sample."
    )
    profitable_windows = serializers.IntegerField(help_text="Out of sample.")
    metrics = _metrics("Of the stitched curve.")
