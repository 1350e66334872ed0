"""A whole backtest: what the strategy sees, what its mistakes become, what is reported."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

from exchanges.domain import Bars, CracktraderError, InvalidInput
from runs.engine.backtest import count_signals, decide, run_backtest
from runs.engine.metrics import METRICS
from strategies.base import Params, PortfolioStrategy, Signals, Strategy, Weights

from .worlds import HOUR, SYMBOLS, make_bars, make_config

FLAT = (100.0, 100.0, 100.0, 100.0)


class Every(Params):
    step: int = 2


class Blinker(Strategy[Every]):
    """Enters at one bar and leaves at the next, over and over."""

    Params = Every
    seen: list[Bars] = []

    def warmup(self, params):
        return 2

    def signals(self, bars, params):
        self.seen.append(bars)
        entries = np.arange(len(bars)) % params.step == 0
        return Signals(entries, ~entries)


class Halves(PortfolioStrategy[Params]):
    Params = Params

    def warmup(self, params):
        return 0

    def signals(self, bars, params):
        values = np.full(bars.close.shape, np.nan)
        values[::3] = 1 / len(bars.symbols)
        return Weights(values)


def series_of(count, symbols=1):
    return [make_bars([FLAT] * count, symbol=symbol) for symbol in SYMBOLS[:symbols]]


def test_the_strategy_sees_the_bars_from_the_anchor_to_the_end_and_no_others():
    Blinker.seen.clear()
    config = make_config(anchor_ms=3 * HOUR.ms, start_ms=5 * HOUR.ms, end_ms=8 * HOUR.ms)
    result = run_backtest(config, Blinker, Every(), series_of(20))
    (bars,) = Blinker.seen
    assert (bars.time // HOUR.ms).tolist() == [3, 4, 5, 6, 7]
    assert (result.simulation.time // HOUR.ms).tolist() == [5, 6, 7]
    assert result.signals == {"entries": 2, "exits": 1}
    assert list(result.metrics) == list(METRICS)


def test_a_portfolio_strategy_sees_all_symbols_at_once():
    config = make_config(2, start_ms=2 * HOUR.ms, end_ms=9 * HOUR.ms)
    result = run_backtest(config, Halves, Params(), series_of(9, 2))
    assert result.signals == {"weights": 2}
    assert result.simulation.orders["symbol"].tolist() == [0, 1]
    assert result.simulation.orders["amount"].tolist() == pytest.approx([5.0, 5.0])


@pytest.mark.parametrize("strategy", [Blinker, Halves])
def test_decisions_counted_range_by_range_add_up_to_those_of_the_window(strategy):
    config = make_config(2, start_ms=2 * HOUR.ms, end_ms=17 * HOUR.ms)
    series = series_of(20, 2)
    decisions = decide(strategy, strategy.Params(), series)
    cuts = [0, 3, 4, 11, 20]
    parts = [
        count_signals(config, series, decisions, low * HOUR.ms, high * HOUR.ms)
        for low, high in pairwise(cuts)
    ]
    whole = run_backtest(config, strategy, strategy.Params(), series).signals
    assert {name: sum(part[name] for part in parts) for name in whole} == whole
    assert all(count > 0 for count in whole.values())


def test_progress_goes_from_nothing_to_all_and_may_end_the_run():
    heard = []
    config = make_config(3)
    run_backtest(
        config, Blinker, Every(), series_of(5, 3), on_progress=lambda *step: heard.append(step)
    )
    shares = [share for _, share in heard]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert [stage for stage, _ in heard if stage == "simulation"] == ["simulation"]

    class Stop(Exception):
        pass

    def stop(stage, share):
        raise Stop

    with pytest.raises(Stop):
        run_backtest(config, Blinker, Every(), series_of(5, 3), on_progress=stop)


def test_what_a_strategy_raises_is_told_with_class_message_and_line():
    class Broken(Blinker):
        def signals(self, bars, params):
            return np.array([1, 2]).reshape(3)

    with pytest.raises(CracktraderError) as caught:
        run_backtest(make_config(), Broken, Every(), series_of(3))
    error = caught.value
    assert error.code == "STRATEGY_FAILED"
    assert error.details["exception"] == "ValueError"
    assert "cannot reshape" in error.details["reason"]
    assert error.details["line"] == Broken.signals.__code__.co_firstlineno + 1
    assert "Broken raised ValueError" in error.message


def test_a_strategy_that_leaves_the_interpreter_only_fails():
    class Leaver(Blinker):
        def warmup(self, params):
            sys.exit(3)

    with pytest.raises(CracktraderError) as caught:
        run_backtest(make_config(), Leaver, Every(), series_of(3))
    assert caught.value.details["exception"] == "SystemExit"


@pytest.mark.parametrize(
    "output",
    [
        None,
        (np.zeros(3, bool), np.zeros(3, bool)),
        Weights(np.zeros((3, 1))),
        Signals(np.zeros(3), np.zeros(3)),
        Signals(np.zeros(2, bool), np.zeros(2, bool)),
    ],
)
def test_bad_output_is_refused_with_what_was_expected(output):
    class Odd(Blinker):
        def signals(self, bars, params):
            return output

    with pytest.raises(InvalidInput) as caught:
        run_backtest(make_config(), Odd, Every(), series_of(3))
    assert caught.value.code == "STRATEGY_BAD_OUTPUT"
    assert caught.value.details["expected"]


def test_a_strategy_cannot_write_into_the_bars():
    class Cheat(Blinker):
        def signals(self, bars, params):
            bars.open[:] = 1.0

    with pytest.raises(CracktraderError) as caught:
        run_backtest(make_config(), Cheat, Every(), series_of(3))
    assert "read-only" in caught.value.details["reason"]


def codes(result):
    return [warning.code for warning in result.warnings]


def test_a_short_warmup_is_warned_of():
    config = make_config(anchor_ms=4 * HOUR.ms, start_ms=5 * HOUR.ms, end_ms=20 * HOUR.ms)
    result = run_backtest(config, Blinker, Every(), series_of(20))
    (warning,) = result.warnings
    assert (warning.code, warning.symbol) == ("SHORT_WARMUP", SYMBOLS[0])
    assert "1 bars before the start" in warning.message
    enough = make_config(anchor_ms=3 * HOUR.ms, start_ms=5 * HOUR.ms, end_ms=20 * HOUR.ms)
    assert codes(run_backtest(enough, Blinker, Every(), series_of(20))) == []


def test_missing_bars_are_reported_and_never_filled():
    hours = [0, 1, 2, 3, 7, 8, 9]
    bars = make_bars([FLAT] * 7, hours)
    config = make_config(start_ms=2 * HOUR.ms, end_ms=12 * HOUR.ms)
    result = run_backtest(config, Blinker, Every(), [bars])
    (gap,) = result.gaps[SYMBOLS[0]]
    assert (gap.start, gap.end, gap.bars) == (4 * HOUR.ms, 7 * HOUR.ms, 3)
    assert codes(result) == ["ENDS_EARLY", "MISSING_BARS"]
    assert len(result.simulation.time) == 5


def test_a_series_that_starts_late_or_has_no_bar_is_warned_of():
    late, empty = make_bars([FLAT] * 5, range(5, 10)), make_bars([], [], SYMBOLS[1])
    config = make_config(2, start_ms=2 * HOUR.ms, end_ms=10 * HOUR.ms)
    result = run_backtest(config, Blinker, Every(), [late, empty])
    assert codes(result) == ["SHORT_WARMUP", "STARTS_LATE", "SHORT_WARMUP", "NO_BARS"]
    assert "the first 3 bars" in result.warnings[1].message


def test_the_same_run_twice_is_the_same_to_the_last_bit():
    from runs.engine.seal import result_digest

    config = make_config(2, stop_loss=0.1)
    digests = set()
    for _ in range(2):
        result = run_backtest(config, Blinker, Every(), series_of(50, 2))
        digests.add(result_digest(result.simulation, result.metrics))
    assert len(digests) == 1


def test_importing_the_backtest_does_not_import_vectorbt():
    code = (
        "import sys, json; import runs.engine.backtest, runs.engine.seal, runs.engine.downsample;"
        "print(json.dumps([m for m in ('vectorbt', 'numba', 'pandas', 'pyarrow', 'django')"
        " if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) == []


def test_warm_up_leaves_nothing_to_compile():
    from runs.engine import vectorized, warming

    warming.warm_up()
    compiled = len(vectorized._rows_nb.signatures)
    assert compiled == 1
    bars = [make_bars([FLAT] * 4, symbol=s) for s in SYMBOLS]
    bars[2] = make_bars([FLAT] * 2, [1, 7], SYMBOLS[2])
    for count in range(1, 5):
        run_backtest(make_config(count, take_profit=0.1), Blinker, Every(), bars[:count])
        run_backtest(make_config(count), Halves, Params(), bars[:count])
    assert len(vectorized._rows_nb.signatures) == compiled
