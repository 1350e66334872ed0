"""The subset `Portfolio.from_signals` can express comes out the same.

It fills at the bar of the signal.  So it is given unshifted signals with the
next bar's open as their price; its stops are then looked at from the entry bar
on, as the rules want.  What it books for a signal is one bar early, and it
drops what is decided at the last bar.
"""

from __future__ import annotations

import numpy as np
import pytest

from exchanges.domain import Bars, Purpose, Side
from runs.engine import vectorized
from strategies.base import Signals

from .worlds import HOUR, SYMBOLS, make_config

BARS = 2_000


@pytest.fixture(scope="module")
def bars() -> Bars:
    rng = np.random.default_rng(11)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, BARS)))
    open_ = np.concatenate(([100.0], close[:-1])) * (1 + rng.normal(0, 0.004, BARS))
    high = np.maximum(open_, close) * (1 + np.abs(rng.normal(0, 0.004, BARS)))
    low = np.minimum(open_, close) * (1 - np.abs(rng.normal(0, 0.004, BARS)))
    time = np.arange(BARS, dtype=np.int64) * HOUR.ms
    return Bars(SYMBOLS[0], HOUR, time, open_, high, low, close, np.ones(BARS))


@pytest.mark.parametrize(
    "stops",
    [
        {},
        {"stop_loss": 0.02},
        {"take_profit": 0.03},
        {"stop_loss": 0.02, "take_profit": 0.02},
        {"trailing_stop": 0.03},
        {"trailing_stop": 0.03, "take_profit": 0.05},
    ],
    ids=lambda stops: "+".join(stops) or "none",
)
def test_from_signals_books_the_same_orders(bars, stops):
    import pandas as pd
    import vectorbt  # noqa: TID251

    rng = np.random.default_rng(3)
    entries, exits = rng.random(BARS) < 0.1, rng.random(BARS) < 0.03
    ours = vectorized.simulate(
        make_config(hours=BARS, fee=0.001, slippage=0.0005, **stops),
        [bars],
        [Signals(entries, exits)],
    )

    index = pd.to_datetime(bars.time, unit="ms")
    frame = {name: pd.Series(getattr(bars, name), index) for name in ("open", "high", "low")}
    stop = stops.get("stop_loss", stops.get("trailing_stop", np.nan))
    theirs = vectorbt.Portfolio.from_signals(
        pd.Series(bars.close, index),
        pd.Series(entries, index),
        pd.Series(exits, index),
        price=frame["open"].shift(-1),
        **frame,
        fees=0.001,
        slippage=0.0005,
        init_cash=1000.0,
        sl_stop=stop,
        sl_trail="trailing_stop" in stops,
        tp_stop=stops.get("take_profit", np.nan),
        stop_entry_price="fillprice",
        stop_exit_price="stopmarket",
        freq="1h",
    )
    orders = theirs.orders.values
    at_open = np.isin(ours.orders["purpose"], (Purpose.ENTRY, Purpose.EXIT))
    assert set(ours.orders["purpose"].tolist()) >= {Purpose.ENTRY, Purpose.EXIT}
    assert len(set(ours.orders["purpose"].tolist())) == 2 + len(stops)
    assert (orders["idx"] + at_open).tolist() == (ours.orders["time"] // HOUR.ms).tolist()
    assert orders["side"].tolist() == [int(Side(side)) for side in ours.orders["side"]]
    for column, name in (("size", "amount"), ("price", "price"), ("fees", "fee")):
        assert orders[column].tolist() == pytest.approx(ours.orders[name].tolist(), rel=1e-12)
    assert theirs.final_value() == pytest.approx(ours.equity[-1], rel=1e-12)
