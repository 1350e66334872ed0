"""Each rule of trading once, with the numbers worked out by hand.

Prices are chosen so that the sums can be done in one's head; every case is also
run through the reference simulator.
"""

from __future__ import annotations

import numpy as np
import pytest

from exchanges.domain import Bars, InvalidInput, Purpose, Side
from runs.engine import vectorized
from runs.engine.config import CashMode
from strategies.base import Signals, Weights

from .worlds import HOUR, SYMBOLS, make_bars, make_config, make_signals, run_both

FLAT = (100.0, 100.0, 100.0, 100.0)


def orders_of(simulation):
    """(hour, side, purpose, amount, price) of each order."""
    return [
        (
            int(o["time"]) // HOUR.ms,
            Side(o["side"]).name,
            Purpose(o["purpose"]).name,
            pytest.approx(o["amount"]),
            pytest.approx(o["price"]),
        )
        for o in simulation.orders
    ]


def run_one(rows, entries=(0,), exits=(), **changes):
    """One symbol, hourly bars, 1,000 of cash."""
    bars = make_bars(rows)
    config = make_config(**changes)
    return run_both(config, [bars], [make_signals(len(rows), entries, exits)])


def test_a_signal_fills_at_the_next_open_worsened_by_slippage_and_pays_the_fee():
    rows = [FLAT, (200, 220, 190, 210), (210, 210, 210, 210), (300, 300, 300, 300)]
    simulation = run_one(rows, entries=[0], exits=[2], fee=0.01, slippage=0.25)
    # Bought at 200 x 1.25 = 250: 1000 / (250 x 1.01); sold at 300 x 0.75 = 225.
    amount = 1000 / 252.5
    assert orders_of(simulation) == [
        (1, "BUY", "ENTRY", amount, 250.0),
        (3, "SELL", "EXIT", amount, 225.0),
    ]
    assert simulation.orders["created"].tolist() == [1 * HOUR.ms, 3 * HOUR.ms]
    assert simulation.orders["fee"].tolist() == pytest.approx([amount * 2.5, amount * 2.25])
    assert simulation.cash.tolist() == pytest.approx([1000, 0, 0, amount * 222.75])
    assert simulation.equity.tolist() == pytest.approx(
        [1000, amount * 210, amount * 210, amount * 222.75]
    )
    (trade,) = simulation.trades
    assert trade["entry_price"] == 250.0
    assert trade["exit_price"] == 225.0
    assert trade["bars"] == 2
    assert trade["fees"] == pytest.approx(amount * 4.75)
    assert trade["pnl"] == pytest.approx(amount * 222.75 - 1000)
    assert trade["return"] == pytest.approx((amount * 222.75 - 1000) / 1000)


def test_the_first_decision_is_at_the_close_of_the_first_bar_in_the_range():
    rows = [FLAT] * 5
    simulation = run_one(
        rows, entries=[0, 1, 2], anchor_ms=0, start_ms=2 * HOUR.ms, end_ms=4 * HOUR.ms
    )
    assert orders_of(simulation) == [(3, "BUY", "ENTRY", 10.0, 100.0)]
    assert simulation.time.tolist() == [2 * HOUR.ms, 3 * HOUR.ms]


def test_bars_before_the_start_and_from_the_end_on_change_nothing():
    inside = [FLAT, (100, 130, 90, 120), (120, 125, 110, 115)]
    wild = (1e6, 2e6, 1e-3, 5.0)
    both = []
    for outside in (FLAT, wild):
        rows = [outside, *inside, outside]
        both.append(
            run_one(
                rows,
                entries=[0, 1, 3],
                stop_loss=0.05,
                start_ms=HOUR.ms,
                end_ms=4 * HOUR.ms,
            )
        )
    assert both[0].orders.tobytes() == both[1].orders.tobytes()
    assert both[0].equity.tobytes() == both[1].equity.tobytes()
    assert both[0].close.tobytes() == both[1].close.tobytes()


def test_a_signal_on_the_last_bar_stays_pending_and_is_not_filled():
    simulation = run_one([FLAT] * 3, entries=[2])
    assert len(simulation.orders) == 0
    assert simulation.pending.tolist() == [(0, Side.BUY, Purpose.ENTRY, 3 * HOUR.ms)]
    simulation = run_one([FLAT] * 3, entries=[0], exits=[2])
    assert orders_of(simulation) == [(1, "BUY", "ENTRY", 10.0, 100.0)]
    assert simulation.pending.tolist() == [(0, Side.SELL, Purpose.EXIT, 3 * HOUR.ms)]


def test_an_open_position_is_marked_at_the_last_close_without_an_exit_fee():
    simulation = run_one([FLAT, FLAT, (100, 150, 100, 150)], fee=0.25)
    (trade,) = simulation.trades
    # 1000 buys 8 at 100 and a fee of 200; worth 8 x 150 in the end.
    assert trade["amount"] == pytest.approx(8)
    assert trade["exit_time"] == -1
    assert trade["exit_price"] == 150.0
    assert trade["exit_purpose"] == -1
    assert trade["bars"] == 2
    assert trade["pnl"] == pytest.approx(200)
    assert trade["return"] == pytest.approx(0.2)
    assert simulation.positions.tolist() == pytest.approx([8])
    assert simulation.equity[-1] == pytest.approx(1200)


def test_entry_and_exit_together_do_nothing():
    assert len(run_one([FLAT] * 4, entries=[1], exits=[1]).orders) == 0
    held = run_one([FLAT] * 4, entries=[0, 2], exits=[2])
    assert orders_of(held) == [(1, "BUY", "ENTRY", 10.0, 100.0)]


def test_an_entry_while_long_and_an_exit_while_flat_do_nothing():
    simulation = run_one([FLAT] * 5, entries=[1, 2, 3], exits=[0])
    assert orders_of(simulation) == [(2, "BUY", "ENTRY", 10.0, 100.0)]


def test_an_exit_in_the_bar_of_the_entry_fill_sells_at_the_next_open():
    simulation = run_one([FLAT] * 4, entries=[0], exits=[1])
    assert [o[:3] for o in orders_of(simulation)] == [(1, "BUY", "ENTRY"), (2, "SELL", "EXIT")]


def test_a_stop_is_checked_in_the_entry_bar_itself():
    simulation = run_one([FLAT, (100, 101, 89, 99), FLAT], stop_loss=0.1)
    assert orders_of(simulation) == [
        (1, "BUY", "ENTRY", 10.0, 100.0),
        (1, "SELL", "STOP_LOSS", 10.0, 90.0),
    ]
    (trade,) = simulation.trades
    assert trade["bars"] == 0
    assert trade["exit_time"] == trade["entry_time"] == HOUR.ms
    assert simulation.orders["created"].tolist() == [HOUR.ms, HOUR.ms]
    assert simulation.equity.tolist() == pytest.approx([1000, 900, 900])


def test_a_stop_fires_where_the_low_just_touches_its_level():
    assert orders_of(run_one([FLAT, FLAT, (95, 95, 90, 95)], stop_loss=0.1))[1:] == [
        (2, "SELL", "STOP_LOSS", 10.0, 90.0)
    ]
    assert len(run_one([FLAT, FLAT, (95, 95, 90.01, 95)], stop_loss=0.1).orders) == 1


def test_a_target_fires_where_the_high_just_touches_its_level():
    assert orders_of(run_one([FLAT, FLAT, (100, 150, 100, 100)], take_profit=0.5))[1:] == [
        (2, "SELL", "TAKE_PROFIT", 10.0, 150.0)
    ]
    assert len(run_one([FLAT, FLAT, (100, 149.9, 100, 100)], take_profit=0.5).orders) == 1


def test_a_trailing_stop_fires_where_the_low_just_touches_its_level():
    rows = [FLAT, (100, 200, 100, 200), (200, 200, 150, 180)]
    assert orders_of(run_one(rows, trailing_stop=0.25))[1:] == [
        (2, "SELL", "TRAILING_STOP", 10.0, 150.0)
    ]


def test_stops_count_from_the_price_paid_and_pay_slippage_and_fee():
    rows = [FLAT, FLAT, (100, 100, 90, 95)]
    simulation = run_one(rows, stop_loss=0.2, slippage=0.25, fee=0.1)
    # Paid 125, so the level is 100, reached at bar 1's low; sold at 100 x 0.75.
    amount = 1000 / (125 * 1.1)
    assert orders_of(simulation) == [
        (1, "BUY", "ENTRY", amount, 125.0),
        (1, "SELL", "STOP_LOSS", amount, 75.0),
    ]
    assert simulation.orders["fee"][1] == pytest.approx(amount * 7.5)


def test_slippage_wider_than_the_stop_sells_at_the_entry_bars_own_open():
    simulation = run_one([FLAT, (100, 110, 99, 100), FLAT], stop_loss=0.1, slippage=0.5)
    # Paid 150; the level of 135 lies above the open of 100, which it sells at.
    assert orders_of(simulation)[1][3:] == (pytest.approx(1000 / 150), pytest.approx(50.0))


def test_a_gap_through_the_stop_fills_at_the_open():
    simulation = run_one([FLAT, FLAT, (70, 75, 60, 72)], stop_loss=0.1)
    assert orders_of(simulation)[1:] == [(2, "SELL", "STOP_LOSS", 10.0, 70.0)]


def test_a_gap_through_the_target_fills_at_the_open():
    simulation = run_one([FLAT, FLAT, (130, 140, 125, 135)], take_profit=0.1)
    assert orders_of(simulation)[1:] == [(2, "SELL", "TAKE_PROFIT", 10.0, 130.0)]


def test_stop_and_target_in_one_bar_is_the_stop():
    simulation = run_one([FLAT, FLAT, (100, 120, 80, 110)], stop_loss=0.1, take_profit=0.1)
    assert orders_of(simulation)[1:] == [(2, "SELL", "STOP_LOSS", 10.0, 90.0)]
    simulation = run_one([FLAT, FLAT, (115, 120, 80, 110)], stop_loss=0.1, take_profit=0.1)
    assert orders_of(simulation)[1:] == [(2, "SELL", "STOP_LOSS", 10.0, 90.0)]
    simulation = run_one([FLAT, FLAT, (100, 120, 80, 110)], trailing_stop=0.1, take_profit=0.1)
    assert orders_of(simulation)[1:] == [(2, "SELL", "TRAILING_STOP", 10.0, 90.0)]


def test_a_trailing_stop_follows_the_peak_from_the_next_bar_on():
    rows = [
        FLAT,
        (100, 150, 95, 150),  # entry: level 90 from the price paid, whatever the high
        (150, 200, 136, 190),  # level 135 from the peak of 150; 200 counts later
        (190, 190, 179, 185),  # level 180 from the peak of 200
    ]
    simulation = run_one(rows, trailing_stop=0.1)
    assert orders_of(simulation) == [
        (1, "BUY", "ENTRY", 10.0, 100.0),
        (3, "SELL", "TRAILING_STOP", 10.0, 180.0),
    ]


def test_the_peak_begins_at_the_price_paid_and_anew_with_each_position():
    rows = [
        FLAT,
        (100, 200, 100, 200),
        (200, 200, 200, 200),
        (100, 100, 95, 100),  # sold by signal at the open
        (100, 100, 91, 100),  # bought again: the old peak of 200 is forgotten
        (100, 100, 89, 100),
    ]
    simulation = run_one(rows, entries=[0, 3], exits=[2], trailing_stop=0.1)
    assert [o[:3] + o[4:] for o in orders_of(simulation)] == [
        (1, "BUY", "ENTRY", 100.0),
        (3, "SELL", "EXIT", 100.0),
        (4, "BUY", "ENTRY", 100.0),
        (5, "SELL", "TRAILING_STOP", 90.0),
    ]


def test_an_exit_due_at_the_open_fills_before_the_range_is_looked_at():
    rows = [FLAT, FLAT, (95, 120, 50, 60), FLAT]
    simulation = run_one(rows, entries=[0], exits=[1], stop_loss=0.1, take_profit=0.1)
    assert orders_of(simulation)[1:] == [(2, "SELL", "EXIT", 10.0, 95.0)]


def test_a_stopped_out_bars_entry_is_ignored_and_the_next_ones_is_not():
    rows = [FLAT, FLAT, (100, 100, 80, 95), FLAT, FLAT]
    simulation = run_one(rows, entries=[0, 2], stop_loss=0.1)
    assert [o[:3] for o in orders_of(simulation)] == [
        (1, "BUY", "ENTRY"),
        (2, "SELL", "STOP_LOSS"),
    ]
    simulation = run_one(rows, entries=[0, 2, 3], stop_loss=0.1)
    assert orders_of(simulation)[2:] == [(4, "BUY", "ENTRY", 9.0, 100.0)]


def test_an_exit_signal_in_the_bar_of_a_stop_leaves_nothing_pending():
    simulation = run_one([FLAT, FLAT, (100, 100, 80, 95)], exits=[2], stop_loss=0.1)
    assert len(simulation.orders) == 2
    assert len(simulation.pending) == 0


def test_small_sums_trade_and_dust_does_not():
    cents = (1e-3, 1e-3, 1e-3, 1e-3)
    assert orders_of(run_one([cents] * 2, initial_cash=1e-6)) == [
        (1, "BUY", "ENTRY", 1e-3, 1e-3),
    ]
    assert len(run_one([cents] * 2, initial_cash=1e-13).orders) == 0
    gold = (1e9, 1e9, 1e9, 1e9)
    assert len(run_one([gold] * 2, initial_cash=1e-4).orders) == 0


def test_position_size_is_the_share_of_the_cash_then_free_fee_included():
    rows = [FLAT] * 6
    simulation = run_one(rows, entries=[0, 3], exits=[2], position_size=0.5, fee=0.25)
    # 500 buys 4 and pays 100; sold for 400 - 100: cash is 800, half of it 400.
    assert orders_of(simulation) == [
        (1, "BUY", "ENTRY", 4.0, 100.0),
        (3, "SELL", "EXIT", 4.0, 100.0),
        (4, "BUY", "ENTRY", 3.2, 100.0),
    ]
    assert simulation.cash.tolist() == pytest.approx([1000, 500, 500, 800, 400, 400])


def two(rows_a, rows_b, hours_a=None, hours_b=None):
    return [
        make_bars(rows_a, hours_a, SYMBOLS[0]),
        make_bars(rows_b, hours_b, SYMBOLS[1]),
    ]


def test_each_symbol_trades_and_compounds_its_own_sleeve():
    series = two(
        [FLAT, FLAT, (200, 200, 200, 200), (200, 200, 200, 200), (200, 200, 200, 200)],
        [FLAT] * 5,
    )
    signals = [make_signals(5, [0, 3], [1]), make_signals(5, [2])]
    simulation = run_both(make_config(2), series, signals)
    assert orders_of(simulation) == [
        (1, "BUY", "ENTRY", 5.0, 100.0),  # 500 of its own
        (2, "SELL", "EXIT", 5.0, 200.0),
        (3, "BUY", "ENTRY", 5.0, 100.0),  # the other's 500, untouched by the gain
        (4, "BUY", "ENTRY", 5.0, 200.0),  # all its 1,000
    ]
    assert simulation.equity.tolist() == pytest.approx([1000, 1000, 1500, 1500, 1500])


def test_shared_cash_goes_to_the_symbols_in_their_order():
    series = two([FLAT] * 3, [FLAT] * 3)
    signals = [make_signals(3, [0]), make_signals(3, [0])]
    config = make_config(2, cash=CashMode.SHARED, position_size=0.5)
    simulation = run_both(config, series, signals)
    assert orders_of(simulation) == [
        (1, "BUY", "ENTRY", 5.0, 100.0),
        (1, "BUY", "ENTRY", 2.5, 100.0),
    ]
    assert simulation.orders["symbol"].tolist() == [0, 1]


def test_an_entry_without_free_cash_places_no_order_and_is_forgotten():
    series = two([FLAT] * 5, [FLAT] * 5)
    signals = [make_signals(5, [0], [2]), make_signals(5, [0])]
    simulation = run_both(make_config(2, cash=CashMode.SHARED), series, signals)
    assert simulation.orders["symbol"].tolist() == [0, 0]
    assert len(simulation.pending) == 0


def test_shared_cash_of_an_exit_pays_an_entry_of_the_same_open():
    series = two([FLAT] * 4, [FLAT] * 4)
    signals = [make_signals(4, [1]), make_signals(4, [0], [1])]
    simulation = run_both(make_config(2, cash=CashMode.SHARED), series, signals)
    assert [(o["symbol"], o["side"], o["time"] // HOUR.ms) for o in simulation.orders] == [
        (1, Side.BUY, 1),
        (1, Side.SELL, 2),
        (0, Side.BUY, 2),
    ]


def test_stop_proceeds_come_too_late_for_an_entry_at_that_open():
    series = two([FLAT] * 4, [FLAT, FLAT, (100, 100, 50, 90), FLAT])
    signals = [make_signals(4, [1]), make_signals(4, [0])]
    config = make_config(2, cash=CashMode.SHARED, stop_loss=0.1)
    simulation = run_both(config, series, signals)
    assert simulation.orders["symbol"].tolist() == [1, 1]


def test_an_order_waits_for_the_symbols_next_bar_across_a_gap():
    series = two([FLAT] * 6, [FLAT, FLAT, (300, 300, 300, 300)], hours_b=[0, 1, 5])
    signals = [make_signals(6), make_signals(3, [1])]
    simulation = run_both(make_config(2), series, signals)
    (order,) = simulation.orders
    assert order["created"] == 2 * HOUR.ms
    assert order["time"] == 5 * HOUR.ms
    assert order["price"] == 300.0


def test_equity_in_a_gap_marks_at_the_last_close():
    series = two([FLAT] * 5, [FLAT, (100, 120, 100, 120), (90, 90, 90, 90)], hours_b=[0, 1, 4])
    signals = [make_signals(5), make_signals(3, [0])]
    simulation = run_both(make_config(2), series, signals)
    assert simulation.equity.tolist() == pytest.approx([1000, 1100, 1100, 1100, 950])
    assert simulation.close[:, 1].tolist() == [100, 120, 120, 120, 90]
    assert simulation.trades["bars"].tolist() == [2]


def test_a_symbol_listed_later_has_no_close_until_then():
    series = two([FLAT] * 3, [FLAT], hours_b=[2])
    simulation = run_both(make_config(2), series, [make_signals(3), make_signals(1, [0])])
    assert np.isnan(simulation.close[:2, 1]).all()
    assert simulation.close[2, 1] == 100.0
    assert simulation.pending.tolist() == [(1, Side.BUY, Purpose.ENTRY, 3 * HOUR.ms)]


def test_an_order_of_a_symbol_that_ends_early_stays_pending():
    series = two([FLAT] * 5, [FLAT] * 2, hours_b=[0, 1])
    simulation = run_both(make_config(2), series, [make_signals(5), make_signals(2, [1])])
    assert simulation.pending.tolist() == [(1, Side.BUY, Purpose.ENTRY, 2 * HOUR.ms)]


def test_a_range_without_any_bar_leaves_empty_books():
    config = make_config(start_ms=10 * HOUR.ms, end_ms=20 * HOUR.ms)
    simulation = run_both(config, [make_bars([FLAT])], [make_signals(1, [0])])
    assert len(simulation.time) == len(simulation.orders) == len(simulation.pending) == 0


def weights(*rows):
    return Weights(np.array(rows, dtype=float))


NO_CHANGE = (np.nan, np.nan)


def test_weights_are_shares_of_the_value_at_the_open_and_sales_come_first():
    series = two(
        [FLAT, FLAT, (200, 200, 200, 200), (200, 200, 200, 200)],
        [FLAT, FLAT, (50, 50, 50, 50), (50, 50, 50, 50)],
    )
    wanted = weights((0.5, 0.5), (0.2, 0.8), NO_CHANGE, NO_CHANGE)
    simulation = run_both(make_config(2), series, wanted)
    # 5 and 5 at 100; then worth 1000 + 250: 250 / 200 and 1000 / 50 are wanted.
    assert orders_of(simulation) == [
        (1, "BUY", "REBALANCE", 5.0, 100.0),
        (1, "BUY", "REBALANCE", 5.0, 100.0),
        (2, "SELL", "REBALANCE", 3.75, 200.0),
        (2, "BUY", "REBALANCE", 15.0, 50.0),
    ]
    assert simulation.positions.tolist() == pytest.approx([1.25, 20])
    assert simulation.cash[-1] == pytest.approx(0)


def test_purchases_reach_as_far_as_the_cash_fee_included():
    series = two([FLAT] * 3, [FLAT] * 3)
    wanted = weights((0.5, 0.5), NO_CHANGE, NO_CHANGE)
    simulation = run_both(make_config(2, fee=0.25), series, wanted)
    # 5 at 100 and 125 of fee leave 375, which buys 3.
    assert orders_of(simulation) == [
        (1, "BUY", "REBALANCE", 5.0, 100.0),
        (1, "BUY", "REBALANCE", 3.0, 100.0),
    ]
    assert simulation.cash[-1] == 0


def test_a_weight_waits_for_the_symbols_bar_and_a_newer_one_takes_its_place():
    series = two([FLAT] * 5, [FLAT, FLAT], hours_b=[0, 4])
    wanted = weights((0.5, 0.5), (np.nan, 0.25), NO_CHANGE, NO_CHANGE, NO_CHANGE)
    simulation = run_both(make_config(2), series, wanted)
    assert orders_of(simulation) == [
        (1, "BUY", "REBALANCE", 5.0, 100.0),
        (4, "BUY", "REBALANCE", 2.5, 100.0),
    ]
    assert simulation.orders["created"].tolist() == [HOUR.ms, 2 * HOUR.ms]


def test_weight_zero_sells_all_and_ends_the_trade():
    rows = [FLAT, FLAT, (200, 200, 200, 200), (150, 150, 150, 150)]
    wanted = Weights(np.array([[0.8], [0.4], [0.0], [np.nan]]))
    simulation = run_both(make_config(1, fee=0.1), [make_bars(rows)], wanted)
    (trade,) = simulation.trades
    # 8 at 100 cost 880; worth 120 + 1600, of which 40 % are 3.44, so 4.56 go.
    assert simulation.orders["amount"].tolist() == pytest.approx([8, 4.56, 3.44])
    assert trade["exit_price"] == pytest.approx((4.56 * 200 + 3.44 * 150) / 8)
    assert trade["fees"] == pytest.approx(80 + 91.2 + 51.6)
    assert trade["pnl"] == pytest.approx(912 + 516 - 800 - 222.8)
    assert trade["return"] == pytest.approx((912 + 516 - 800 - 222.8) / 880)
    assert simulation.positions.tolist() == [0]


def test_a_weight_that_changes_nothing_places_no_order():
    wanted = Weights(np.full((6, 1), 0.5))
    simulation = run_both(make_config(), [make_bars([FLAT] * 6)], wanted)
    assert len(simulation.orders) == 1
    assert len(simulation.pending) == 0


def test_weights_on_the_last_bar_are_reported_with_the_side_they_would_take():
    series = two([FLAT] * 3, [FLAT] * 3)
    wanted = weights((0.5, 0.0), NO_CHANGE, (0.1, 0.9))
    simulation = run_both(make_config(2), series, wanted)
    assert simulation.pending.tolist() == [
        (0, Side.SELL, Purpose.REBALANCE, 3 * HOUR.ms),
        (1, Side.BUY, Purpose.REBALANCE, 3 * HOUR.ms),
    ]


def test_stops_do_not_go_with_weights():
    config = make_config(take_profit=0.1)
    with pytest.raises(InvalidInput) as caught:
        vectorized.simulate(config, [make_bars([FLAT])], Weights(np.ones((1, 1))))
    assert caught.value.code == "INVALID_STOPS"


@pytest.mark.parametrize("row", [(0.6, 0.5), (-0.1, 0.5), (np.inf, 0.0), (1.1, np.nan)])
def test_weights_out_of_range_are_refused(row):
    with pytest.raises(InvalidInput) as caught:
        vectorized.simulate(make_config(2), two([FLAT], [FLAT]), weights(row))
    assert caught.value.code == "INVALID_WEIGHTS"


def test_weights_may_miss_their_range_by_rounding():
    third = np.nextafter(1 / 3, 1)
    wanted = weights((1 - third, third + 1e-12), (-1e-12, 0.5))
    assert len(vectorized.simulate(make_config(2), two([FLAT] * 2, [FLAT] * 2), wanted).orders)


@pytest.mark.parametrize(
    "output",
    [
        Signals(np.zeros(2, bool), np.zeros(3, bool)),
        Signals(np.zeros(3), np.zeros(3, bool)),
        Signals(np.zeros((3, 1), bool), np.zeros(3, bool)),
        Signals([False] * 3, np.zeros(3, bool)),
        Weights(np.zeros((2, 1))),
        Weights(np.zeros((3, 1), np.float32)),
        Weights([[0.0]] * 3),
    ],
)
def test_decisions_of_another_shape_or_type_are_refused(output):
    decisions = output if isinstance(output, Weights) else [output]
    with pytest.raises(InvalidInput) as caught:
        vectorized.simulate(make_config(), [make_bars([FLAT] * 3)], decisions)
    assert caught.value.code == "STRATEGY_BAD_OUTPUT"
    assert "expected" in caught.value.details


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_prices_that_are_not_positive_numbers_are_refused(column, value):
    columns = {name: np.full(3, 100.0) for name in ("open", "high", "low", "close", "volume")}
    columns[column][1] = value
    bars = Bars(SYMBOLS[0], HOUR, np.arange(3) * HOUR.ms, **columns)
    with pytest.raises(InvalidInput) as caught:
        vectorized.simulate(make_config(), [bars], [make_signals(3, [0])])
    assert caught.value.code == "INVALID_BARS"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"stop_loss": 0.1, "trailing_stop": 0.1}, "INVALID_STOPS"),
        ({"stop_loss": 1.0}, "INVALID_STOPS"),
        ({"trailing_stop": 0.0}, "INVALID_STOPS"),
        ({"take_profit": float("nan")}, "INVALID_STOPS"),
        ({"fee": 1.0}, "INVALID_COSTS"),
        ({"slippage": -0.1}, "INVALID_COSTS"),
        ({"position_size": 1.5}, "INVALID_POSITION_SIZE"),
        ({"initial_cash": 0.0}, "INVALID_CASH"),
        ({"initial_cash": float("inf")}, "INVALID_CASH"),
    ],
)
def test_a_config_out_of_range_is_refused(changes, code):
    with pytest.raises(InvalidInput) as caught:
        make_config(**changes)
    assert caught.value.code == code
