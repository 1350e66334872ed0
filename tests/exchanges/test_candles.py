"""`ensure_bars`: read what is held, fetch what is not."""

from __future__ import annotations

import threading

import pytest

from exchanges import queries, services
from exchanges.adapters.simulated import generate
from exchanges.domain import Bars, InvalidInput, VenueError
from exchanges.market_store import SeriesKey
from exchanges.models import CandleSeries, Exchange
from exchanges.services import candles as candles_service
from tests.exchanges.tools import BTC, DAY_MS, ETH, HOUR, HOUR_MS, NOW, T0, FixedClock, same
from tests.venue import Fault

END = T0 + 2500 * HOUR_MS
KEY = SeriesKey("lookalike", BTC, HOUR)

pytestmark = pytest.mark.django_db


@pytest.fixture
def lookalike(venue, candles_dir, settings):
    settings.VENUE_TIMEOUT = 1
    settings.VENUE_RETRIES = 1
    services.sync_exchanges()
    return services.add_exchange("lookalike", "binance", venue.url)


@pytest.fixture
def ensure(lookalike, clock):
    def call(start=T0, end=END, symbols=("BTC/USDT",), timeframe="1h", **more):
        return services.ensure_bars(
            "lookalike", symbols, timeframe, start, end, clock=clock, **more
        )

    return call


def test_what_is_fetched_once_is_never_asked_for_again(ensure, venue):
    (first,) = ensure()
    assert same(first, generate(BTC, HOUR, T0, END))
    asked = len(venue.asked)
    (second,) = ensure()
    assert same(first, second)
    assert len(venue.asked) == asked


def test_only_the_missing_ranges_are_asked_for(ensure, venue, settings):
    # Nothing is asked for again because a busy machine was slow.
    settings.VENUE_TIMEOUT = 30
    ensure(T0 + 100 * HOUR_MS, T0 + 200 * HOUR_MS)
    ensure(T0 + 300 * HOUR_MS, T0 + 400 * HOUR_MS)
    venue.asked.clear()
    (bars,) = ensure(T0 + 50 * HOUR_MS, T0 + 450 * HOUR_MS)
    starts = [int(asked.query["startTime"]) for asked in venue.requests("klines")]
    assert starts == [T0 + hour * HOUR_MS for hour in (50, 200, 400)]
    assert len(bars) == 400


def test_a_gap_of_the_venue_is_reported_and_never_filled_nor_asked_for_again(ensure, venue):
    venue.market.holes = [(T0 + 10 * HOUR_MS, T0 + 14 * HOUR_MS)]
    (bars,) = ensure(T0, T0 + 100 * HOUR_MS)
    assert [gap.bars for gap in bars.gaps()] == [4]
    venue.market.holes = []
    asked = len(venue.asked)
    (bars,) = ensure(T0, T0 + 100 * HOUR_MS)
    assert len(bars) == 96
    assert len(venue.asked) == asked


def test_several_symbols_come_in_the_order_given(ensure):
    bars = ensure(symbols=("ETH/USDT", "BTC/USDT"), end=T0 + DAY_MS)
    assert [part.symbol for part in bars] == [ETH, BTC]


def test_the_record_of_the_series_says_what_is_held(ensure, lookalike, venue):
    venue.market.holes = [(T0 + 10 * HOUR_MS, T0 + 14 * HOUR_MS)]
    ensure(T0, T0 + 100 * HOUR_MS)
    series = CandleSeries.objects.get(exchange=lookalike, symbol="BTC/USDT", timeframe="1h")
    assert (series.rows, series.gaps) == (96, 1)
    assert (series.first_ms, series.last_ms) == (T0, T0 + 99 * HOUR_MS)


def test_the_open_candle_is_fetched_only_once_it_has_closed(ensure, clock, venue):
    (bars,) = ensure(NOW - 5 * HOUR_MS, NOW + DAY_MS)
    assert bars.time[-1] == HOUR.floor(NOW) - HOUR_MS
    clock.ms += HOUR_MS
    venue.market.set_now(clock.ms)
    (bars,) = ensure(NOW - 5 * HOUR_MS, NOW + DAY_MS)
    assert same(bars[-1:], generate(BTC, HOUR, HOUR.floor(NOW), HOUR.floor(NOW) + HOUR_MS))


def test_a_candle_the_venue_publishes_late_is_asked_for_again(ensure, venue, clock):
    newest = HOUR.floor(NOW) - HOUR_MS
    venue.market.holes = [(newest, newest + HOUR_MS)]
    (bars,) = ensure(NOW - 5 * HOUR_MS, NOW)
    assert bars.time[-1] == newest - HOUR_MS
    venue.market.holes = []
    (bars,) = ensure(NOW - 5 * HOUR_MS, NOW)
    assert bars.time[-1] == newest


def test_progress_is_told_between_pages_and_ends_at_one(ensure):
    told = []
    ensure(on_progress=lambda what, fraction: told.append((what, fraction)), symbols=(BTC, ETH))
    fractions = [fraction for _, fraction in told]
    assert fractions == sorted(fractions)
    assert len(set(fractions)) >= 6
    assert fractions[-1] == 1.0
    assert told[0][0] == "downloading BTC/USDT 1h"


def test_a_callback_that_raises_ends_the_work_and_keeps_what_was_fetched(ensure, venue):
    class Stopped(Exception):
        pass

    def stop_after_two(what, fraction):
        if fraction > 0.5:
            raise Stopped

    with pytest.raises(Stopped):
        ensure(on_progress=stop_after_two)
    held = queries.store()
    assert held.missing(KEY, T0, END) == [(T0 + 2000 * HOUR_MS, END)]
    assert CandleSeries.objects.get(symbol="BTC/USDT").rows == 2000
    venue.asked.clear()
    (bars,) = ensure()
    assert same(bars, generate(BTC, HOUR, T0, END))
    assert len(venue.requests("klines")) == 1


def test_a_fault_in_the_middle_keeps_what_came_before(ensure, venue):
    def fail_late(what, fraction):
        if fraction > 0.3:
            venue.faults.arm("klines", Fault(times=99, status=500, body=b"no"))

    with pytest.raises(VenueError) as error:
        ensure(on_progress=fail_late)
    assert error.value.code == "VENUE_UNREACHABLE"
    venue.faults.clear()
    assert queries.store().covered(KEY) == [(T0, T0 + 1000 * HOUR_MS)]
    assert same(ensure()[0], generate(BTC, HOUR, T0, END))


def test_a_damaged_file_is_fetched_again(ensure, candles_dir):
    ensure()
    file = candles_dir / "lookalike/BTC-USDT/1h/2024-02.arrow"
    file.write_bytes(b"ARROW1\0\0 and no more")
    assert same(ensure()[0], generate(BTC, HOUR, T0, END))


def test_an_unknown_symbol_is_refused_with_the_venues_own(ensure, lookalike):
    with pytest.raises(InvalidInput) as error:
        ensure(symbols=("NO/SUCH",))
    assert error.value.code == "INVALID_SYMBOL"
    assert sorted(error.value.details["supported_symbols"]) == ["BTC/USDT", "ETH/USDT"]


def test_the_markets_are_remembered_for_the_next_check(ensure, lookalike):
    ensure(end=T0 + HOUR_MS)
    lookalike.refresh_from_db()
    assert sorted(lookalike.markets) == ["BTC/USDT", "ETH/USDT"]
    assert services.taker_fee(lookalike, "BTC/USDT") == 0.001


def test_an_empty_range_needs_no_venue(ensure, venue):
    assert [len(bars) for bars in ensure(T0, T0)] == [0]
    assert [len(bars) for bars in ensure(NOW + HOUR_MS, NOW + DAY_MS)] == [0]
    assert venue.asked == []


def test_no_network_is_a_clear_error(lookalike, clock, venue):
    services.add_exchange("lookalike", "binance", "http://127.0.0.1:9")
    with pytest.raises(VenueError) as error:
        services.ensure_bars("lookalike", ["BTC/USDT"], "1h", T0, END, clock=clock)
    assert error.value.code == "VENUE_UNREACHABLE"


def test_a_venue_pointed_elsewhere_meanwhile_is_asked_at_its_new_address(
    lookalike, clock, venue, monkeypatch
):
    """Its record was read before the download's turn came."""
    Exchange.objects.filter(pk=lookalike.pk).update(base_url="http://127.0.0.1:9")
    monkeypatch.setattr(candles_service, "get_exchange", lambda name: lookalike)
    with pytest.raises(VenueError):
        services.ensure_bars("lookalike", ["BTC/USDT"], "1h", T0, END, clock=clock)
    assert venue.asked == []


def test_the_simulated_venue_goes_the_same_way(candles_dir):
    (bars,) = services.ensure_bars("simulated", ["BTC/USDT"], "1h", T0, T0 + 60 * DAY_MS)
    assert same(bars, generate(BTC, HOUR, T0, T0 + 60 * DAY_MS))
    assert CandleSeries.objects.get(exchange__name="simulated").rows == 1440
    with pytest.raises(InvalidInput) as error:
        services.ensure_bars("simulated", ["NO/SUCH"], "1h", T0, END)
    assert error.value.code == "INVALID_SYMBOL"


def test_stored_series_are_put_back_into_the_table(ensure, candles_dir):
    ensure(end=T0 + DAY_MS)
    CandleSeries.objects.all().delete()
    assert services.sync_series() == 1
    assert CandleSeries.objects.get().rows == 24


# --- at the same time ---


@pytest.mark.django_db(transaction=True)
def test_two_threads_that_want_one_range_ask_for_it_once(venue, candles_dir, settings):
    services.sync_exchanges()
    services.add_exchange("lookalike", "binance", venue.url)
    venue.delay = 0.05
    results: list[Bars] = []
    waited: list[str] = []

    def work() -> None:
        from django.db import connection

        try:
            results.extend(
                services.ensure_bars(
                    "lookalike",
                    ["BTC/USDT"],
                    "1h",
                    T0,
                    END,
                    clock=FixedClock(NOW),
                    on_progress=lambda what, _: waited.append(what),
                )
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == 2
    assert same(results[0], results[1])
    starts = [asked.query["startTime"] for asked in venue.requests("klines")]
    assert len(starts) == len(set(starts)) == 3
    assert "waiting: downloading BTC/USDT 1h" in waited
