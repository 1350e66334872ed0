"""Prints the digest of what a cold process computes, of the two that its argument names."""

from __future__ import annotations

import hashlib
import sys

import numpy as np

from runs.engine import backtest, overfitting, seal
from runs.engine.config import CashMode, RunConfig
from strategies.catalog.moving_average_cross import MovingAverageCross
from strategies.synthetic import synthetic_bars


def of_a_backtest() -> str:
    """One with stops and shared cash: half a minute of compilation."""
    series = [synthetic_bars(symbol) for symbol in ("BTC/USDT", "ETH/USDT")]
    config = RunConfig(
        symbols=tuple(bars.symbol for bars in series),
        timeframe=series[0].timeframe,
        anchor_ms=int(series[0].time[0]),
        start_ms=int(series[0].time[100]),
        end_ms=int(series[0].time[-1]),
        initial_cash=10_000.0,
        fee=0.001,
        slippage=0.0005,
        trailing_stop=0.05,
        take_profit=0.1,
        cash=CashMode.SHARED,
    )
    params = MovingAverageCross.Params(fast_period=5, slow_period=20)
    result = backtest.run_backtest(config, MovingAverageCross, params, series)
    return seal.result_digest(result.simulation, result.metrics)


def of_a_judgement() -> str:
    """On a sweep of noise: kernels that call others, compiled in a few seconds."""
    noise = np.random.default_rng(7).normal(0.0, 1.0, (40, 8, 1))
    blocks = np.concatenate([np.full_like(noise, 50.0), noise, noise**2 + 1.0], axis=2)
    found = overfitting.probability_of_overfitting(blocks)
    assert found is not None
    return hashlib.sha256(found.logits.tobytes() + found.out_of_sample.tobytes()).hexdigest()


if __name__ == "__main__":
    print({"backtest": of_a_backtest, "judgement": of_a_judgement}[sys.argv[1]]())
