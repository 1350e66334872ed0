"""Loss limits and flattening, with the numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from exchanges.domain import Bars, InvalidInput, Purpose, Side, Timeframe
from runs.engine.config import RunConfig
from runs.engine.limits import Ending, LimitHit
from strategies.base import Weights

from .worlds import HOUR, SYMBOLS, make_bars, make_config, make_signals, run_both

FLAT = (100.0, 100.0, 100.0, 100.0)


def at(price):
    return (price,) * 4


def run_one(prices, entries=(0,), exits=(), **changes):
    bars = make_bars([at(price) for price in prices])
    return run_both(make_config(**changes), [bars], [make_signals(len(prices), entries, exits)])


def orders_of(simulation):
    return [
        (int(o["time"]) // HOUR.ms, Purpose(o["purpose"]).name, float(o["price"]))
        for o in simulation.orders
    ]


def test_equity_a_share_below_its_peak_sells_at_the_next_open_and_ends_the_trading():
    # Bought at 100, peak 200: below 150 is more than a quarter lost.
    simulation = run_one(
        [100, 100, 200, 150, 149, 140, 500, 500], entries=range(8), max_drawdown=0.25
    )
    assert orders_of(simulation) == [(1, "ENTRY", 100.0), (5, "LOSS_LIMIT", 140.0)]
    assert simulation.orders["created"].tolist() == [1 * HOUR.ms, 5 * HOUR.ms]
    assert simulation.limit == LimitHit(Ending.MAX_DRAWDOWN, 5 * HOUR.ms)
    assert simulation.equity.tolist() == pytest.approx(
        [1000, 1000, 2000, 1500, 1490, 1400, 1400, 1400]
    )
    assert len(simulation.pending) == 0
    (trade,) = simulation.trades
    assert trade["exit_purpose"] == Purpose.LOSS_LIMIT


def test_the_initial_cash_is_the_first_peak():
    simulation = run_one([100, 100, 89, 89], max_drawdown=0.1)
    assert simulation.limit == LimitHit(Ending.MAX_DRAWDOWN, 3 * HOUR.ms)


def test_a_loss_of_just_the_limit_is_within_it():
    assert run_one([100, 100, 90, 90], max_drawdown=0.1).limit is None
    assert run_one([100, 100, 75, 75], daily_loss=0.25).limit is None


def test_a_days_loss_is_measured_from_the_last_close_before_midnight_utc():
    # 1000 at the start, 1500 at the last close of the first day, 24 hours in.
    prices = [100] * 23 + [150] + [140, 136, 134, 130, 100]
    simulation = run_one(prices, daily_loss=0.1)
    assert simulation.limit == LimitHit(Ending.DAILY_LOSS, 27 * HOUR.ms)
    assert orders_of(simulation)[-1] == (27, "LOSS_LIMIT", 130.0)


def test_the_first_days_loss_is_measured_from_the_initial_cash():
    simulation = run_one([100, 100, 200, 120, 91, 89, 89], daily_loss=0.1)
    assert simulation.limit == LimitHit(Ending.DAILY_LOSS, 6 * HOUR.ms)


def test_a_loss_spread_over_two_days_is_no_daily_loss():
    prices = [100] * 23 + [92] + [85] * 3
    assert run_one(prices, daily_loss=0.1).limit is None
    assert run_one(prices, daily_loss=0.1, max_drawdown=0.1).limit == LimitHit(
        Ending.MAX_DRAWDOWN, 25 * HOUR.ms
    )


def test_of_both_limits_at_one_close_the_drawdown_is_the_reason():
    simulation = run_one([100, 100, 50, 50], max_drawdown=0.3, daily_loss=0.2)
    assert simulation.limit == LimitHit(Ending.MAX_DRAWDOWN, 3 * HOUR.ms)


def test_the_limit_takes_the_place_of_an_exit_decided_at_the_same_close():
    simulation = run_one([100, 100, 50, 50], exits=[2], max_drawdown=0.3)
    assert orders_of(simulation)[-1] == (3, "LOSS_LIMIT", 50.0)


def test_a_limit_broken_at_the_last_close_leaves_the_sale_pending():
    simulation = run_one([100, 100, 50], max_drawdown=0.3)
    assert simulation.pending.tolist() == [(0, Side.SELL, Purpose.LOSS_LIMIT, 3 * HOUR.ms)]
    assert simulation.limit == LimitHit(Ending.MAX_DRAWDOWN, 3 * HOUR.ms)


def test_a_limit_broken_by_a_stop_finds_nothing_left_to_sell():
    simulation = run_one([100, 100, 50, 50, 50], entries=range(5), stop_loss=0.1, max_drawdown=0.05)
    assert orders_of(simulation) == [(1, "ENTRY", 100.0), (2, "STOP_LOSS", 50.0)]
    assert simulation.limit is not None
    assert len(simulation.pending) == 0


def test_each_symbol_is_sold_at_its_own_next_open_and_pending_entries_are_dropped():
    # AAA falls; BBB is held through a gap; CCC's entry waits in a gap.
    series = [
        make_bars([at(p) for p in (100, 100, 10, 10, 10, 10)], symbol=SYMBOLS[0]),
        make_bars([at(p) for p in (100, 100, 100, 120, 130)], [0, 1, 2, 4, 5], SYMBOLS[1]),
        make_bars([at(p) for p in (100, 100, 100)], [0, 1, 5], SYMBOLS[2]),
    ]
    decisions = [make_signals(6, [0]), make_signals(5, [0]), make_signals(3, [1])]
    simulation = run_both(make_config(3, max_drawdown=0.2), series, decisions)
    assert [
        (int(o["symbol"]), *rest)
        for o, rest in zip(simulation.orders, orders_of(simulation), strict=True)
    ] == [
        (0, 1, "ENTRY", 100.0),
        (1, 1, "ENTRY", 100.0),
        (0, 3, "LOSS_LIMIT", 10.0),
        (1, 4, "LOSS_LIMIT", 120.0),
    ]
    assert len(simulation.pending) == 0


def test_target_weights_are_sold_and_not_bought_again():
    falling = [at(100), at(100), (100, 100, 40, 40), at(40), at(40)]
    bars = [make_bars(falling), make_bars([at(100)] * 5, symbol=SYMBOLS[1])]
    simulation = run_both(make_config(2, max_drawdown=0.2), bars, Weights(np.full((5, 2), 0.5)))
    assert [
        (int(o["symbol"]), *rest)
        for o, rest in zip(simulation.orders, orders_of(simulation), strict=True)
    ] == [
        (0, 1, "REBALANCE", 100.0),
        (1, 1, "REBALANCE", 100.0),
        (0, 3, "LOSS_LIMIT", 40.0),
        (1, 3, "LOSS_LIMIT", 100.0),
    ]
    assert simulation.equity.tolist() == pytest.approx([1000, 1000, 700, 700, 700])


def test_flattening_sells_at_the_open_after_the_first_close_at_or_after_it():
    for beside, close in ((-1, 3), (0, 3), (1, 4)):
        simulation = run_one(
            [100, 100, 120, 130, 140, 150], entries=range(6), flatten_at=3 * HOUR.ms + beside
        )
        assert simulation.limit == LimitHit(Ending.FLATTEN, close * HOUR.ms)
        assert orders_of(simulation) == [
            (1, "ENTRY", 100.0),
            (close, "FLATTEN", 100.0 + 10 * close),
        ]
        assert simulation.trades["exit_purpose"].tolist() == [Purpose.FLATTEN]
        assert len(simulation.pending) == 0


def test_flattening_drops_the_entry_and_the_exit_decided_at_its_close():
    assert orders_of(run_one([100] * 4, entries=range(4), flatten_at=0)) == []
    simulation = run_one([100] * 4, exits=[1], flatten_at=2 * HOUR.ms)
    assert orders_of(simulation)[-1] == (2, "FLATTEN", 100.0)


def test_flattening_at_the_last_close_leaves_the_sale_pending_and_after_it_does_nothing():
    simulation = run_one([100] * 3, hours=3, flatten_at=3 * HOUR.ms)
    assert simulation.pending.tolist() == [(0, Side.SELL, Purpose.FLATTEN, 3 * HOUR.ms)]
    assert run_one([100] * 3, hours=3, flatten_at=3 * HOUR.ms + 1).limit is None


def test_a_loss_limit_before_or_at_the_close_of_the_flattening_is_the_reason():
    for hour in (3, 4):
        simulation = run_one([100, 100, 50, 50, 50], max_drawdown=0.3, flatten_at=hour * HOUR.ms)
        assert simulation.limit == LimitHit(Ending.MAX_DRAWDOWN, 3 * HOUR.ms)
        assert orders_of(simulation)[-1] == (3, "LOSS_LIMIT", 50.0)
    simulation = run_one([100, 100, 50, 50, 50], max_drawdown=0.3, flatten_at=2 * HOUR.ms)
    assert simulation.limit == LimitHit(Ending.FLATTEN, 2 * HOUR.ms)


def test_flattened_target_weights_are_sold_each_at_its_next_bar():
    bars = [make_bars([FLAT] * 6), make_bars([FLAT] * 4, [0, 1, 2, 5], SYMBOLS[1])]
    weights = Weights(np.full((6, 2), 0.5))
    simulation = run_both(make_config(2, flatten_at=3 * HOUR.ms), bars, weights)
    assert orders_of(simulation)[2:] == [(3, "FLATTEN", 100.0), (5, "FLATTEN", 100.0)]


@pytest.mark.parametrize("name", ["max_drawdown", "daily_loss"])
@pytest.mark.parametrize("value", [0.0, 1.0, -0.1, float("nan")])
def test_limits_are_fractions(name, value):
    with pytest.raises(InvalidInput) as caught:
        make_config(**{name: value})
    assert caught.value.code == "INVALID_LIMITS"


def test_a_config_without_limits_is_hashed_as_if_there_were_none():
    plain = make_config()
    assert not {"max_drawdown", "daily_loss", "flatten_at"} & set(plain.to_dict())
    limited, flattened = make_config(max_drawdown=0.2), make_config(flatten_at=7)
    assert len({config.digest() for config in (plain, limited, flattened)}) == 3
    for config in (plain, limited, flattened):
        assert RunConfig.from_dict(config.to_dict()) == config


def test_the_days_of_weekly_bars_are_those_they_open_in():
    week = Timeframe.parse("1w")
    time = week.ceil(0) + np.arange(5, dtype=np.int64) * week.ms
    columns = [np.array([100.0, 100.0, 95.0, 90.0, 80.0])] * 5
    config = RunConfig(
        (SYMBOLS[0],),
        week,
        int(time[0]),
        int(time[0]),
        int(time[-1]) + week.ms,
        1000.0,
        daily_loss=0.1,
    )
    simulation = run_both(config, [Bars(SYMBOLS[0], week, time, *columns)], [make_signals(5, [0])])
    assert simulation.limit == LimitHit(Ending.DAILY_LOSS, int(time[-1]) + week.ms)
