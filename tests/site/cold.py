"""Prints the digest of one backtest with stops and shared cash: what a cold process computes."""

from __future__ import annotations

from runs.engine import backtest, seal
from runs.engine.config import CashMode, RunConfig
from strategies.catalog.moving_average_cross import MovingAverageCross
from strategies.synthetic import synthetic_bars


def digest() -> str:
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


if __name__ == "__main__":
    print(digest())
