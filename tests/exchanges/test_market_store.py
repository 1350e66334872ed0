from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from exchanges import candle_files
from exchanges.domain import Bars, InvalidInput, Symbol, Timeframe
from exchanges.market_store import MarketStore, SeriesKey
from tests.exchanges.tools import BTC, HOUR, HOUR_MS, MINUTE, T0, make_bars, same

KEY = SeriesKey("binance", BTC, HOUR)


@pytest.fixture
def store(tmp_path) -> MarketStore:
    return MarketStore(tmp_path)


def at(index: int) -> int:
    return T0 + index * HOUR_MS


def test_what_is_written_is_read_back_bit_for_bit(store):
    bars = make_bars(range(-500, 2000))
    assert store.write(KEY, bars) == 2500
    assert same(store.read(KEY, at(-500), at(2000)), bars)
    assert same(store.read(KEY, at(3), at(801)), make_bars(range(3, 801)))


def test_reading_what_is_not_there_gives_no_bars(store):
    assert len(store.read(KEY, 0, at(10))) == 0
    store.write(KEY, make_bars(range(5)))
    assert len(store.read(KEY, at(5), at(10))) == 0
    assert len(store.read(KEY, at(3), at(3))) == 0


def test_candles_lie_by_month(store, tmp_path):
    store.write(KEY, make_bars(range(-1, 24 * 31 + 1)))
    names = sorted(path.name for path in tmp_path.glob("binance/BTC-USDT/1h/*.arrow"))
    assert names == ["2023-12.arrow", "2024-01.arrow", "2024-02.arrow"]


def test_the_last_write_of_a_time_wins(store):
    store.write(KEY, make_bars(range(10)))
    assert store.write(KEY, make_bars(range(5, 15), price=200)) == 10
    expected = Bars.concat([make_bars(range(5)), make_bars(range(5, 15), price=200)])
    assert same(store.read(KEY, at(0), at(99)), expected)


def test_writing_the_same_again_touches_no_file(store, tmp_path):
    store.write(KEY, make_bars(range(10)))
    (file,) = tmp_path.glob("*/*/*/*.arrow")
    before = file.stat().st_mtime_ns, file.stat().st_ino
    assert store.write(KEY, make_bars(range(2, 8))) == 0
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == before


@settings(
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    st.lists(
        st.tuples(st.sets(st.integers(0, 1600), min_size=1, max_size=30), st.integers(100, 105)),
        min_size=1,
        max_size=6,
    )
)
def test_any_sequence_of_writes_leaves_what_a_dictionary_would_hold(tmp_path, writes):
    shutil.rmtree(tmp_path / "any", ignore_errors=True)
    store = MarketStore(tmp_path / "any")
    held: dict[int, float] = {}
    for indices, price in writes:
        bars = make_bars(sorted(indices), price=price)
        store.write(KEY, bars)
        held |= dict(zip(bars.time.tolist(), bars.close.tolist(), strict=True))
    read = store.read(KEY, at(0), at(2000))
    assert dict(zip(read.time.tolist(), read.close.tolist(), strict=True)) == held
    assert read.time.tolist() == sorted(held)


def test_a_bar_the_quality_check_refuses_is_not_stored(store):
    bars = make_bars(range(3))
    for bad, reason in [
        (Bars(BTC, HOUR, bars.time + 1, *[bars.open] * 5), "time off the grid"),
        (Bars(BTC, HOUR, bars.time, bars.open, bars.low, *[bars.open] * 3), "high below"),
        (Bars(BTC, HOUR, bars.time, *[bars.open * np.nan] * 5), "not a number"),
    ]:
        with pytest.raises(ValueError, match=reason):
            store.write(KEY, bad)
    assert store.read(KEY, 0, at(9)).time.tolist() == []


def test_bars_of_another_series_are_not_stored(store):
    with pytest.raises(ValueError, match="does not belong"):
        store.write(KEY, make_bars(range(3), timeframe=MINUTE))


# --- coverage ---


def test_what_was_asked_is_not_missing_even_where_there_was_nothing(store):
    assert store.missing(KEY, at(0), at(10)) == [(at(0), at(10))]
    store.write(KEY, make_bars([0, 1, 4]), covering=(at(0), at(5)))
    assert store.missing(KEY, at(0), at(10)) == [(at(5), at(10))]
    store.mark_covered(KEY, at(8), at(20))
    assert store.covered(KEY) == [(at(0), at(5)), (at(8), at(20))]
    assert store.missing(KEY, at(0), at(10)) == [(at(5), at(8))]


def test_times_between_bars_mean_the_next_open(store):
    store.mark_covered(KEY, at(0) + 1, at(3) + 1)
    assert store.covered(KEY) == [(at(1), at(4))]
    assert store.missing(KEY, at(1) - 5, at(4) - 5) == []


def test_a_write_alone_claims_nothing(store):
    store.write(KEY, make_bars(range(10)))
    assert store.covered(KEY) == []


def test_gaps_are_holes_within_what_was_asked(store):
    store.write(KEY, make_bars([0, 1, 4, 5, 20]), covering=(at(0), at(8)))
    (first, second) = store.info(KEY).gaps
    assert (first.start, first.end, first.bars) == (at(2), at(4), 2)
    assert (second.start, second.end, second.bars) == (at(6), at(8), 2)


def test_a_failed_write_claims_nothing(store, monkeypatch):
    def full(*args):
        raise OSError("no space left on device")

    monkeypatch.setattr(candle_files, "write", full)
    with pytest.raises(OSError, match="no space"):
        store.write(KEY, make_bars(range(3)), covering=(at(0), at(3)))
    assert store.missing(KEY, at(0), at(3)) == [(at(0), at(3))]


def test_a_lost_file_is_missing_again(store, tmp_path):
    store.write(KEY, make_bars(range(-10, 10)), covering=(at(-10), at(10)))
    (tmp_path / "binance/BTC-USDT/1h/2024-01.arrow").unlink()
    assert store.missing(KEY, at(-10), at(10)) == [(at(0), at(10))]


@pytest.mark.parametrize("keep", [0, 7, 100, 400])
def test_a_damaged_file_is_set_aside_and_missing_again(store, tmp_path, keep, caplog):
    store.write(KEY, make_bars(range(-10, 10)), covering=(at(-10), at(10)))
    file = tmp_path / "binance/BTC-USDT/1h/2024-01.arrow"
    file.write_bytes(file.read_bytes()[:keep])
    assert same(store.read(KEY, at(-10), at(10)), make_bars(range(-10, 0)))
    assert store.missing(KEY, at(-10), at(10)) == [(at(0), at(10))]
    assert "set aside" in caplog.text
    store.write(KEY, make_bars(range(10)), covering=(at(0), at(10)))
    assert same(store.read(KEY, at(-10), at(10)), make_bars(range(-10, 10)))


@pytest.mark.parametrize("name", ["._2024-01.arrow", "2024-13.arrow", "copy.arrow", "2024-1.arrow"])
def test_a_stray_file_in_the_folder_is_passed_over(store, tmp_path, name):
    store.write(KEY, make_bars(range(10)), covering=(at(0), at(10)))
    folder = tmp_path / "binance/BTC-USDT/1h"
    (folder / name).write_bytes(b"not ours")
    assert same(store.read(KEY, at(0), at(10)), make_bars(range(10)))
    assert store.missing(KEY, at(0), at(10)) == []
    store.write(KEY, make_bars(range(10, 12)), covering=(at(10), at(12)))
    assert store.info(KEY).rows == 12
    store.drop(KEY)
    assert (folder / name).read_bytes() == b"not ours"


def test_a_damaged_ledger_claims_nothing(store, tmp_path):
    store.write(KEY, make_bars(range(10)), covering=(at(0), at(10)))
    ledger = tmp_path / "binance/BTC-USDT/1h/ledger.json"
    for text in ("", "{", "[]", '{"covered": 5, "months": []}', '{"covered": [[1]], "months": []}'):
        ledger.write_text(text)
        assert store.covered(KEY) == []


def test_readers_keep_what_they_have_when_a_file_is_replaced(store):
    store.write(KEY, make_bars(range(10)))
    before = store.read(KEY, at(0), at(10))
    store.write(KEY, make_bars(range(10), price=500))
    assert same(before, make_bars(range(10)))


# --- series ---


def test_series_are_listed_with_what_they_hold(store):
    store.write(KEY, make_bars([0, 1, 3]), covering=(at(0), at(4)))
    other = SeriesKey("simulated", Symbol("ETH/USDT"), MINUTE)
    store.mark_covered(other, at(0), at(1))
    first, second = map(store.info, store.keys())
    assert (first.key, first.rows, first.first_ms, first.last_ms) == (KEY, 3, at(0), at(3))
    assert first.covered == [(at(0), at(4))]
    assert len(first.gaps) == 1
    assert (second.key, second.rows, second.first_ms) == (other, 0, None)


def test_a_dropped_series_is_gone(store):
    store.write(KEY, make_bars(range(10)), covering=(at(0), at(10)))
    store.drop(KEY)
    assert store.keys() == []
    assert len(store.read(KEY, at(0), at(10))) == 0


def test_symbols_that_differ_in_case_never_share_a_folder():
    paths = {
        str(SeriesKey("binance", Symbol(name), HOUR).path).lower()
        for name in ("BTC/USDT", "btc/USDT", "Btc/USDT")
    }
    assert len(paths) == 3


@pytest.mark.parametrize("name", ["..", "../x", "a/b", "", "A", "a" * 41, "a\x00", "a\n", "ä"])
def test_an_exchange_name_never_becomes_another_path(name):
    with pytest.raises(InvalidInput):
        SeriesKey(name, BTC, HOUR)


def test_a_symbol_or_timeframe_that_was_not_parsed_never_becomes_a_path(store):
    with pytest.raises(InvalidInput):
        store.read(SeriesKey("binance", "../../x/y", HOUR), 0, 1)
    with pytest.raises(InvalidInput):
        store.read(SeriesKey("binance", BTC, Timeframe("../x", 1)), 0, 1)


def test_a_year_of_minutes_reads_fast(store):
    import time

    key = SeriesKey("binance", BTC, MINUTE)
    store.write(key, make_bars(range(525_600), timeframe=MINUTE))
    seconds = []
    for _ in range(5):
        began = time.thread_time()
        bars = store.read(key, T0, T0 + 525_600 * 60_000)
        seconds.append(time.thread_time() - began)
    assert len(bars) == 525_600
    # Measured: 7 to 15 ms; the limit leaves room for a slow machine.
    assert min(seconds) < 0.3
