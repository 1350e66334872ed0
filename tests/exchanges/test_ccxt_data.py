"""The real ccxt client against the look-alike, well and unwell."""

from __future__ import annotations

import socket
import time

import ccxt  # noqa: TID251
import pytest

from exchanges.adapters import Door
from exchanges.adapters.ccxt_client import CcxtClient, redirect
from exchanges.adapters.ccxt_data import CcxtMarketData
from exchanges.adapters.simulated import generate
from exchanges.domain import Bars, InvalidInput, Symbol, Timeframe, VenueError
from exchanges.domain.timeframe import DAY
from tests.exchanges.tools import BTC, HOUR, HOUR_MS, MINUTE, NOW, T0, FixedClock, same
from tests.venue import Fault, SpotMarket, VenueServer
from tests.venue.faults import html, rate_limited

END = T0 + 2500 * HOUR_MS


def fetch(data: CcxtMarketData, start: int = T0, end: int = END, timeframe=HOUR) -> Bars:
    pages = list(data.bars(BTC, timeframe, start, end))
    assert all(len(page) for page in pages)
    return Bars.concat(pages) if pages else Bars.empty(BTC, timeframe)


def truth(start: int = T0, end: int = END) -> Bars:
    return generate(BTC, HOUR, start, end)


def test_pages_hold_every_candle_once_in_order(data, venue):
    pages = list(data.bars(BTC, HOUR, T0, END))
    assert [len(page) for page in pages] == [1000, 1000, 500]
    assert same(Bars.concat(pages), truth())
    assert len(venue.requests("klines")) == 3


def test_only_the_spot_markets_are_asked_for(data, venue):
    markets = data.markets()
    assert [str(market.symbol) for market in markets] == ["BTC/USDT", "ETH/USDT"]
    assert [asked.path for asked in venue.asked] == ["/api/v3/exchangeInfo"]


def test_the_still_open_candle_is_never_returned(data):
    bars = fetch(data, NOW - 10 * HOUR_MS, NOW + 10 * HOUR_MS)
    assert bars.time[-1] == HOUR.floor(NOW) - HOUR_MS


def test_a_venue_whose_clock_is_behind_ours_has_the_last_word(data, venue):
    venue.market.set_now(HOUR.floor(NOW) - 1)
    bars = fetch(data, NOW - 10 * HOUR_MS, NOW)
    assert bars.time[-1] == HOUR.floor(NOW) - 2 * HOUR_MS


def test_a_hole_in_the_venues_data_stays_a_hole(data, venue):
    venue.market.holes = [(T0 + 100 * HOUR_MS, T0 + 1300 * HOUR_MS)]
    bars = fetch(data)
    assert len(bars) == 1300
    assert [gap.bars for gap in bars.gaps()] == [1200]


def test_years_before_a_listing_cost_few_requests(data, venue):
    venue.market.listed_ms = T0
    began = len(venue.asked)
    bars = fetch(data, T0 - 10 * 365 * DAY, T0 + 10 * HOUR_MS)
    assert same(bars, truth(T0, T0 + 10 * HOUR_MS))
    assert len(venue.asked) - began < 8


def test_years_before_a_listing_are_skipped_where_the_venue_answers_by_window(data, venue):
    venue.market.listed_ms = T0
    klines = venue.market.klines

    def by_window(query):
        step = Timeframe.parse(query["interval"]).ms
        end = int(query["startTime"]) + int(query["limit"]) * step - 1
        return klines(query | {"endTime": str(end)})

    venue.market.klines = by_window
    bars = fetch(data, T0 - 10 * 365 * DAY, T0 + 10 * HOUR_MS, MINUTE)
    assert same(bars, generate(BTC, MINUTE, T0, T0 + 10 * HOUR_MS))
    assert len(venue.requests("klines")) < 20


def test_a_venue_that_serves_only_its_newest_candles_is_not_believed(data, venue):
    klines = venue.market.klines
    venue.market.klines = lambda query: klines(
        {name: value for name, value in query.items() if name != "startTime"}
    )
    with pytest.raises(InvalidInput) as error:
        fetch(data)
    assert error.value.code == "HISTORY_NOT_AVAILABLE"
    assert error.value.details["earliest_ms"] > END


def test_an_unknown_symbol_is_refused_with_those_there_are(data):
    with pytest.raises(InvalidInput) as error:
        list(data.bars(Symbol("NO/SUCH"), HOUR, T0, END))
    assert error.value.code == "INVALID_SYMBOL"
    assert error.value.details["supported_symbols"] == ["BTC/USDT", "ETH/USDT"]


def test_a_timeframe_the_venue_lacks_is_refused_without_asking():
    kraken = CcxtMarketData(CcxtClient(Door("kraken", "kraken")), FixedClock(NOW))
    with pytest.raises(InvalidInput) as error:
        list(kraken.bars(BTC, Timeframe.parse("2h"), T0, END))
    assert error.value.code == "UNKNOWN_TIMEFRAME"
    assert "1h" in error.value.details["supported_timeframes"]


# --- faults ---


def none_rows(rows):
    return [[row[0], None, None, None, None, None, *row[6:]] for row in rows]


def off_grid(rows):
    return [[row[0] + 1, *row[1:]] for row in rows]


PASSING = {
    "429": rate_limited(),
    "418": rate_limited(status=418),
    "HTML 503": html(503),
    "HTML 502": html(502),
    "HTML 403": html(403),
    "504": html(504),
    "time-out": Fault(hang=0.8),
    "reset": Fault(reset=True),
    "cut body": Fault(cut=True),
    "broken JSON": Fault(body=b'[[1704067200000,"1'),
    "HTML with 200": Fault(body=b"<html>maintenance</html>"),
    "empty body": Fault(body=b""),
    "an object with 200": Fault(body=b"{}"),
    "null with 200": Fault(body=b"null"),
    "a number with 200": Fault(body=b"7"),
    "short rows": Fault(body=b"[[9],[10]]"),
    "rows of null": Fault(edit=none_rows),
    "one row of null": Fault(edit=lambda rows: [*none_rows(rows[:1]), *rows[1:]]),
    "rows that are not lists": Fault(body=b"[1,2,3]"),
    "text for prices": Fault(edit=lambda rows: [[row[0], *["x"] * 11] for row in rows]),
    "times off the grid": Fault(edit=off_grid),
    "empty list": Fault(body=b"[]"),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_fault_changes_nothing(name, data, venue):
    fault = PASSING[name]
    fault.times = 2 if name != "empty list" and "object" not in name else 1
    data.markets()
    venue.faults.arm("klines", fault)
    assert same(fetch(data), truth())


LASTING = {
    "429": (rate_limited, "VENUE_RATE_LIMITED"),
    "HTML 503": (lambda: html(503), "VENUE_UNREACHABLE"),
    "reset": (lambda: Fault(reset=True), "VENUE_UNREACHABLE"),
    "cut body": (lambda: Fault(cut=True), "VENUE_UNREACHABLE"),
    "time-out": (lambda: Fault(hang=0.7), "VENUE_UNREACHABLE"),
    "HTML with 200": (lambda: Fault(body=b"<html>maintenance</html>"), "VENUE_BAD_DATA"),
    "rows of null": (lambda: Fault(edit=none_rows), "VENUE_BAD_DATA"),
    "401": (
        lambda: Fault(status=401, body=b'{"code":-2015,"msg":"Invalid API-key."}'),
        "VENUE_ERROR",
    ),
}


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_fault_ends_in_an_error_with_a_stable_code(name, data, venue, pauses):
    make, code = LASTING[name]
    fault = make()
    fault.times = 100
    data.markets()
    venue.faults.arm("klines", fault)
    with pytest.raises(VenueError) as error:
        fetch(data)
    assert error.value.code == code
    assert "127.0.0.1" not in str(error.value)
    asked = len(venue.requests("klines"))
    assert asked == (1 if code == "VENUE_ERROR" else 4)


def test_pages_before_a_lasting_fault_are_handed_over(data, venue):
    pages = data.bars(BTC, HOUR, T0, END)
    first = next(pages)
    venue.faults.arm("klines", Fault(times=100, status=500, body=b"no"))
    with pytest.raises(VenueError):
        next(pages)
    assert same(first, truth(T0, T0 + 1000 * HOUR_MS))


def test_duplicates_and_disorder_are_put_right(data, venue):
    venue.faults.arm("klines", Fault(times=9, edit=lambda rows: [*rows[::-1], *rows[:7]]))
    assert same(fetch(data), truth())


def test_candles_no_market_can_have_printed_become_a_gap(data, venue, caplog):
    def spoil(rows):
        spoiled = [list(row) for row in rows]
        spoiled[5][2] = "0.01"
        spoiled[6][4] = "-3"
        return spoiled

    venue.faults.arm("klines", Fault(times=99, edit=spoil))
    bars = fetch(data, T0, T0 + 100 * HOUR_MS)
    assert [(gap.start, gap.bars) for gap in bars.gaps()] == [(T0 + 5 * HOUR_MS, 2)]
    assert "high below" in caplog.text


def test_the_venues_own_wish_for_a_pause_is_honoured(data, venue, pauses):
    data.markets()
    venue.faults.arm("klines", rate_limited("7"))
    fetch(data)
    assert sum(pauses) == pytest.approx(7, abs=0.3)


@pytest.mark.parametrize("value", ["86400", "inf", "nan", "-5", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_no_wish_for_a_pause_is_followed_for_ever(data, venue, pauses, value):
    data.markets()
    venue.faults.arm("klines", rate_limited(value))
    fetch(data)
    assert 0 < sum(pauses) < 61


def test_pauses_grow_from_one_failure_to_the_next(data, venue, pauses):
    data.markets()
    venue.faults.arm("klines", Fault(times=3, status=503, body=b"no"))
    fetch(data)
    assert sum(pauses) == pytest.approx(0.25 + 0.5 + 1.0, abs=0.5)


@pytest.mark.parametrize(
    "fault",
    [
        Fault(body=b"{}"),
        Fault(body=b"<html></html>"),
        Fault(body=b'{"symbols":[{}]}'),
        Fault(body=b'{"symbols":7}'),
        Fault(body=b'{"symbols":[]}'),
        Fault(status=503, body=b"no"),
    ],
)
def test_markets_that_cannot_be_read_are_asked_for_again(fault, data, venue):
    fault.times = 1
    venue.faults.arm("exchangeInfo", fault)
    assert len(data.markets()) == 2
    assert len(venue.requests("exchangeInfo")) == 2


def test_a_venue_out_of_reach_is_said_so_quickly(clock):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}"
        data = CcxtMarketData(CcxtClient(Door("gone", "binance", url)), clock)
        began = time.monotonic()
        with pytest.raises(VenueError) as error:
            data.markets()
    assert error.value.code == "VENUE_UNREACHABLE"
    assert time.monotonic() - began < 10


def test_a_name_nobody_resolves_is_said_so_quickly(clock):
    data = CcxtMarketData(CcxtClient(Door("gone", "binance", "http://no.such.invalid")), clock)
    with pytest.raises(VenueError) as error:
        data.markets()
    assert error.value.code == "VENUE_UNREACHABLE"


def test_waiting_for_a_silent_venue_can_be_given_up(venue, clock):
    data = CcxtMarketData(CcxtClient(Door("slow", "binance", venue.url, timeout=5.0)), clock)
    data.markets()
    venue.faults.arm("klines", Fault(hang=3.0))

    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    began = time.monotonic()
    with pytest.raises(Stopped):
        list(data.bars(BTC, HOUR, T0, END, on_wait=stop))
    assert time.monotonic() - began < 3


# --- where requests go ---


def all_urls(value) -> list[str]:
    if isinstance(value, dict):
        return [url for entry in value.values() for url in all_urls(entry)]
    if isinstance(value, list):
        return [url for entry in value for url in all_urls(entry)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", ["binance", "bybit", "kraken", "okx", "htx", "coinbase"])
def test_every_address_is_redirected_sandbox_and_demo_too(name):
    api = getattr(ccxt, name)()
    redirect(api, "http://127.0.0.1:9000/base")
    for key in set(api.urls) & {"api", "test", "demo", "demotrading", "hostnames"}:
        for url in all_urls(api.urls[key]):
            assert url.startswith(("http://127.0.0.1:9000/base", "ws://127.0.0.1:9000/base"))


def test_sandbox_mode_stays_on_the_redirected_server(venue):
    api = CcxtClient(Door("lookalike", "binance", venue.url)).api
    api.set_sandbox_mode(True)
    for url in all_urls(api.urls["api"]):
        assert url.startswith(venue.url)


def test_the_path_of_an_address_is_kept():
    api = ccxt.binance()
    redirect(api, "http://127.0.0.1:9000")
    assert api.urls["api"]["public"] == "http://127.0.0.1:9000/api/v3"


def test_the_lookalike_lists_what_it_is_told():
    with VenueServer(SpotMarket(("ADA/USDT",), now_ms=NOW)) as venue:
        data = CcxtMarketData(CcxtClient(Door("x", "binance", venue.url)), FixedClock(NOW))
        assert [str(market.symbol) for market in data.markets()] == ["ADA/USDT"]
