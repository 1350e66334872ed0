from __future__ import annotations

from datetime import timedelta

import ccxt  # noqa: TID251
import pytest
from django.utils import timezone

from exchanges import queries, services
from exchanges.domain import InvalidInput, Symbol
from exchanges.market_store import MarketStore, SeriesKey
from exchanges.models import CandleSeries, Exchange, Feed
from exchanges.ports import Market
from exchanges.services import venues as venue_services
from tests.exchanges.tools import BTC, ETH, HOUR, HOUR_MS, T0, make_bars
from tests.runs.factory import make_run

MINE = SeriesKey("mine", BTC, HOUR)

pytestmark = pytest.mark.django_db


@pytest.fixture
def synced() -> None:
    services.sync_exchanges()


def code_of(call, *args, **options) -> InvalidInput:
    with pytest.raises(InvalidInput) as error:
        call(*args, **options)
    return error.value


def test_every_venue_of_ccxt_and_the_built_in_one_get_a_row(synced):
    names = set(Exchange.objects.values_list("name", flat=True))
    assert names == {"simulated", *ccxt.exchanges}


def test_the_rows_say_what_the_reference_shows(synced):
    binance = Exchange.objects.get(name="binance")
    assert binance.sandbox
    assert "testnet" in binance.note
    assert binance.websocket
    assert (binance.taker, binance.maker) == (0.001, 0.001)
    assert binance.credentials == ["apiKey", "secret"]
    assert {"1m", "1h", "1d"} <= set(binance.timeframes)
    assert "1M" not in binance.timeframes
    assert not Exchange.objects.get(name="kraken").sandbox
    assert Exchange.objects.get(name="okx").credentials == ["apiKey", "secret", "password"]


def test_a_second_sync_is_one_query(synced, django_assert_num_queries, monkeypatch):
    monkeypatch.setattr(venue_services, "describe_all", None)
    with django_assert_num_queries(1):
        assert services.sync_exchanges() == 0


def test_a_new_ccxt_rewrites_its_part_and_keeps_the_operators(synced, monkeypatch):
    Exchange.objects.filter(name="binance").update(
        base_url="http://127.0.0.1:9", enabled=False, title="old", described_by="ccxt 1"
    )
    services.add_exchange("mine", "binance", "http://127.0.0.1:8")
    Exchange.objects.filter(name="mine").update(described_by="ccxt 1", timeframes=[])
    assert services.sync_exchanges() > 0
    binance = Exchange.objects.get(name="binance")
    assert (binance.base_url, binance.enabled) == ("http://127.0.0.1:9", False)
    assert binance.title == "Binance"
    mine = Exchange.objects.get(name="mine")
    assert mine.base_url == "http://127.0.0.1:8"
    assert "1h" in mine.timeframes
    assert services.sync_exchanges() == 0


def test_a_venue_ccxt_has_dropped_is_switched_off(synced):
    Exchange.objects.create(name="gone", ccxt_id="gone", title="Gone", described_by="ccxt 1")
    services.sync_exchanges()
    assert not Exchange.objects.get(name="gone").enabled
    assert services.sync_exchanges() == 0


def test_a_table_that_was_never_filled_is_filled_at_the_first_question():
    assert services.get_exchange("simulated").builtin


@pytest.mark.parametrize(
    "name", ["base", "Exchange", "__class__", "", "BINANCE", "../x", "a" * 9999]
)
def test_only_the_table_decides_what_a_name_reaches(synced, name):
    error = code_of(services.get_exchange, name)
    assert error.code == "UNKNOWN_EXCHANGE"
    assert "binance" in error.details["supported_exchanges"]
    assert len(error.message) < 200


def test_a_venue_that_is_switched_off_is_refused(synced):
    Exchange.objects.filter(name="kraken").update(enabled=False)
    assert code_of(services.get_exchange, "kraken").code == "EXCHANGE_DISABLED"
    assert "kraken" not in code_of(services.get_exchange, "x").details["supported_exchanges"]
    assert not queries.venues(include_all=True).filter(name="kraken").exists()


def test_the_common_venues_are_listed_by_default_and_all_on_demand(synced):
    common = set(queries.venues().values_list("name", flat=True))
    assert {"simulated", "binance", "kraken", "bybit", "okx"} <= common
    assert len(common) < 20
    assert queries.venues(include_all=True).count() == len(ccxt.exchanges) + 1


# --- add_exchange ---


def test_an_operator_can_point_a_venue_elsewhere(synced):
    exchange = services.add_exchange("mine", "binance", "http://127.0.0.1:9000/")
    assert (exchange.ccxt_id, exchange.base_url) == ("binance", "http://127.0.0.1:9000")
    assert exchange in queries.venues()
    again = services.add_exchange("mine", "kraken", "http://127.0.0.1:9001")
    assert (again.pk, again.ccxt_id) == (exchange.pk, "kraken")


def test_another_address_forgets_the_markets_of_the_old_one(synced):
    exchange = services.add_exchange("mine", "binance", "http://127.0.0.1:9000")
    services.remember_markets(exchange, [Market(Symbol("BTC/USDT"), 0.1, None)])
    assert services.add_exchange("mine", "binance", "http://127.0.0.1:9001").markets == {}


HERE, THERE = "http://127.0.0.1:9000", "http://127.0.0.1:9001"


@pytest.fixture
def held(synced, candles_dir) -> MarketStore:
    """Candles of the venue `mine`, and of another."""
    mine = services.add_exchange("mine", "binance", HERE)
    store = queries.store()
    for exchange in (mine, services.get_exchange("kraken")):
        key = SeriesKey(exchange.name, BTC, HOUR)
        store.write(key, make_bars(range(5)), covering=(T0, T0 + 5 * HOUR_MS))
    services.sync_series()
    return store


@pytest.mark.parametrize(
    ("ccxt_id", "url"), [("binance", THERE), ("binance", ""), ("kraken", HERE)]
)
def test_candles_of_one_server_are_never_taken_for_anothers(held, ccxt_id, url):
    before = held.info(MINE)
    error = code_of(services.add_exchange, "mine", ccxt_id, url)
    assert error.code == "CANDLES_HELD"
    assert "--drop-candles" in error.message
    assert error.details["series"] == ["BTC/USDT 1h"]
    assert held.info(MINE) == before
    mine = services.get_exchange("mine")
    assert (mine.ccxt_id, mine.base_url, mine.series.count()) == ("binance", HERE, 1)


def test_dropping_the_candles_lets_a_venue_be_pointed_elsewhere(held):
    mine = services.add_exchange("mine", "binance", THERE, drop_candles=True)
    assert mine.base_url == THERE
    assert [key.exchange for key in held.keys()] == ["kraken"]  # noqa: SIM118 - not a dict
    assert held.info(MINE).rows == mine.series.count() == 0
    assert CandleSeries.objects.get().exchange.name == "kraken"


def test_a_series_without_a_ledger_or_without_a_record_is_dropped_as_well(held):
    (held.root / MINE.path / "ledger.json").unlink()
    unrecorded = SeriesKey("mine", ETH, HOUR)
    held.write(unrecorded, make_bars(range(5), symbol=ETH))
    services.add_exchange("mine", "binance", THERE, drop_candles=True)
    assert held.info(MINE).rows == held.info(unrecorded).rows == 0


def test_the_same_address_again_keeps_the_candles(held):
    for drop_candles in (False, True):
        services.add_exchange("mine", "binance", f"{HERE}/", drop_candles=drop_candles)
        assert held.info(MINE).rows == 5


@pytest.fixture
def fed(synced) -> Feed:
    """Bars of the venue `mine` that a run traded on."""
    mine = services.add_exchange("mine", "binance", HERE)
    feed = Feed.objects.create(
        exchange=mine, symbol=BTC, timeframe="1m", from_ms=T0, known_until_ms=T0
    )
    feed.bars.create(time=T0, open=1, high=1, low=1, close=1, volume=1, accepted_at=timezone.now())
    make_run(mode="paper", status="stopped", finished_at=timezone.now()).feeds.add(feed)
    return feed


@pytest.mark.parametrize("drop_candles", [True, False])
def test_a_venue_is_not_pointed_elsewhere_while_runs_trade_on_its_bars(fed, drop_candles):
    make_run(mode="paper", status="running").feeds.add(fed)
    error = code_of(services.add_exchange, "mine", "binance", THERE, drop_candles=drop_candles)
    assert (error.code, error.details["feeds"]) == ("FEEDS_IN_USE", ["BTC/USDT 1m"])
    assert services.get_exchange("mine").base_url == HERE
    assert fed.bars.count() == 1
    assert services.add_exchange("mine", "binance", HERE).base_url == HERE
    assert fed.bars.count() == 1


def test_bars_of_another_server_are_dropped_with_it(fed):
    assert services.add_exchange("mine", "binance", THERE).base_url == THERE
    assert not Feed.objects.exists()


@pytest.mark.parametrize(
    ("name", "ccxt_id", "url", "code"),
    [
        ("simulated", "binance", "", "INVALID_EXCHANGE_NAME"),
        ("../x", "binance", "", "INVALID_EXCHANGE_NAME"),
        ("Mine", "binance", "", "INVALID_EXCHANGE_NAME"),
        ("kraken", "binance", "", "INVALID_EXCHANGE_NAME"),
        ("mine", "base", "", "UNKNOWN_EXCHANGE"),
        ("mine", "binance", "ftp://x", "INVALID_URL"),
        ("mine", "binance", "127.0.0.1:9", "INVALID_URL"),
        ("mine", "binance", "http://u:p@host", "INVALID_URL"),
        ("mine", "binance", "http://host:99999", "INVALID_URL"),
        ("mine", "binance", "http://host/?x=1", "INVALID_URL"),
        ("mine", "binance", "http://[", "INVALID_URL"),
    ],
)
def test_a_wrong_name_id_or_address_is_refused(synced, name, ccxt_id, url, code):
    assert code_of(services.add_exchange, name, ccxt_id, url).code == code
    assert not Exchange.objects.filter(name="mine").exists()


# --- checks ---


def test_a_timeframe_the_venue_lacks_is_refused_with_its_own(synced):
    coinbase = services.get_exchange("coinbase")
    error = code_of(services.check_timeframe, coinbase, "4h")
    assert error.code == "UNKNOWN_TIMEFRAME"
    assert error.details["supported_timeframes"] == coinbase.timeframes
    assert services.check_timeframe(coinbase, "1h").ms == 3_600_000


def test_the_simulated_markets_are_always_known(synced):
    simulated = services.get_exchange("simulated")
    services.check_symbols(simulated, ["BTC/USDT", "ETH/USDT"])
    error = code_of(services.check_symbols, simulated, ["BTC/USDT", "BTC/EUR"])
    assert error.code == "INVALID_SYMBOL"
    assert error.message == "Symbol BTC/EUR is not supported"
    assert error.details["supported_symbols"][0] == "BTC/USDT"


def test_without_a_fresh_cache_every_wellformed_symbol_passes(synced):
    binance = services.get_exchange("binance")
    services.check_symbols(binance, ["NO/SUCH"])
    services.remember_markets(binance, [Market(Symbol("BTC/USDT"), None, None)])
    assert code_of(services.check_symbols, binance, ["NO/SUCH"]).code == "INVALID_SYMBOL"
    binance.markets_fetched_at = timezone.now() - timedelta(hours=25)
    services.check_symbols(binance, ["NO/SUCH"])
    assert code_of(services.check_symbols, binance, ["../x"]).code == "INVALID_SYMBOL"


def test_at_most_five_hundred_symbols_are_named_likely_ones_first(synced):
    binance = services.get_exchange("binance")
    markets = [Market(Symbol(f"C{n}/USDT"), None, None) for n in range(700)]
    services.remember_markets(binance, [*markets, Market(Symbol("ZZZ/EUR"), None, None)])
    details = code_of(services.check_symbols, binance, ["ZZZ/USD"]).details
    assert len(details["supported_symbols"]) == 500
    assert details["supported_symbols_count"] == 701
    assert details["supported_symbols"][0] == "ZZZ/EUR"


def test_the_fee_is_the_markets_then_the_venues_then_a_tenth_of_a_percent(synced):
    kraken = services.get_exchange("kraken")
    services.remember_markets(kraken, [Market(Symbol("BTC/USDT"), 0.0, None)])
    assert services.taker_fee(kraken, "BTC/USDT") == 0.0
    assert services.taker_fee(kraken, "ETH/USDT") == kraken.taker == 0.0026
    kraken.taker = None
    assert services.taker_fee(kraken, "ETH/USDT") == 0.001


def test_the_health_of_the_store_is_told(synced, candles_dir, settings, tmp_path):
    assert queries.store_health() == {"writable": True, "series": 0}
    (tmp_path / "file").write_text("")
    settings.CANDLES_DIR = tmp_path / "file"
    assert not queries.store_health()["writable"]
