from __future__ import annotations

from pydantic import Field, model_validator

from exchanges.domain import Bars
from strategies.base import Params, Signals, Strategy
from strategies.indicators import crossed_above, crossed_below, sma


class TestStrategyParams(Params):
    period: int = Field(20, ge=1, le=5000, description="Bars in the mean of closes.")
    threshold: float = Field(
        0.0, ge=0, le=1, description="How far above to enter, as a fraction: 0.02 is 2 %."
    )
    slow: int | None = Field(
        None,
        ge=2,
        le=5000,
        description="Bars in a slower mean; with it, the mean of `period` is judged against that.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> TestStrategyParams:
        if self.slow is not None and self.slow <= self.period:
            raise ValueError("slow must be larger than period")
        return self


class TestStrategy(Strategy[TestStrategyParams]):
    """A small trend follower to try the desk with.

    Enters where the close rises more than `threshold` above the mean of the last
    `period` closes, and leaves where it falls below that mean. With `slow`, the
    mean of `period` closes takes the close's place and the mean of `slow` closes
    that of the mean.
    """

    __test__ = False  # pytest: not a test, whatever its name says
    Params = TestStrategyParams

    def warmup(self, params: TestStrategyParams) -> int:
        return params.slow or params.period

    def signals(self, bars: Bars, params: TestStrategyParams) -> Signals:
        price, mean = bars.close, sma(bars.close, params.slow or params.period)
        if params.slow:
            price = sma(bars.close, params.period)
        return Signals(
            entries=crossed_above(price, mean * (1.0 + params.threshold)),
            exits=crossed_below(price, mean),
        )
