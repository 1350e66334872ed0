"""Each field of the two bodies that start a run: its types, its bounds, and what is unknown."""

from __future__ import annotations

import time
from typing import Any

import pytest

from runs.bodies import CREDENTIAL_KEYS, BacktestRequest
from runs.models import Run
from tests.site.api import (  # noqa: F401 - fixtures
    BACKTEST,
    GOOD,
    HUGE,
    LIVE,
    LONGEST_SECONDS,
    desk,
    error,
    live,
    post,
    start,
    tables_with,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("desk")]

# --- each field of both bodies ---------------------------------------------------------------

TEXTS = ["strategy_name", "timeframe", "exchange"]
NUMBERS = ["initial_cash", "fee", "slippage", "stop_loss", "take_profit", "trailing_stop",
           "position_size", "max_drawdown", "daily_loss"]  # fmt: skip
NOT_TEXT: list[Any] = [None, True, 0, 1.5, [], ["a"], {}, {"a": 1}]
NOT_NUMBER: list[Any] = [
    True,
    False,
    "1",
    "1_000",
    "\u0661\u0660\u0660",
    "",
    "NaN",
    [],
    [1],
    {},
    {"a": 1},
]
NOT_LIST: list[Any] = [None, True, 1, "BTC/USDT", {}, {"0": "BTC/USDT"}, [1], [None], [["a"]],
                       ["BTC/USDT", 1]]  # fmt: skip
NOT_OBJECT: list[Any] = [None, True, 1, "x", [], [["period", 1]]]
NOT_DATE: list[Any] = [True, 0, 1.7e9, "", "x", "yesterday", "2024-13-01T00:00:00Z", [], {},
                       "2024-01-01T00:00:00+99:00",
                       "\u0662\u0660\u0662\u0664-01-01T00:00:00Z", HUGE]  # fmt: skip
NOT_CHOICE: list[Any] = [None, True, 1, [], {}]

WRONG_TYPES = [
    *[(field, value) for field in TEXTS for value in NOT_TEXT],
    *[(field, value) for field in NUMBERS for value in NOT_NUMBER],
    *[(field, None) for field in ("initial_cash", "slippage", "position_size")],
    *[("symbols", value) for value in NOT_LIST],
    *[("strategy_params", value) for value in NOT_OBJECT],
    *[(field, value) for field in ("start_date", "end_date") for value in NOT_DATE],
    *[("cash", value) for value in NOT_CHOICE],
]
WRONG_LIVE_TYPES = [
    *[("mode", value) for value in NOT_CHOICE],
    *[("exchange_config", value) for value in NOT_OBJECT],
    *[("exchange_config", {"sandbox": value}) for value in ("false", 0, None, [], "true", 1)],
    *[("exchange_config", {"apiKey": value}) for value in (1, None, True, [], {}, HUGE)],
    *[("exchange_config", {"options": value}) for value in NOT_OBJECT],
    *[("replay", value) for value in NOT_OBJECT if value is not None],
    *[("replay", {"speed": value}) for value in [None, *NOT_NUMBER]],
    *[("replay", {field: v}) for field in ("start_date", "end_date") for v in NOT_DATE],
]


@pytest.mark.parametrize(("field", "value"), WRONG_TYPES, ids=lambda v: repr(v)[:40])
def test_a_value_of_another_type_is_never_converted(client, field, value):
    error(start(client, **{field: value}), 400, "INVALID_TYPE")
    if "date" not in field:
        error(live(client, **{field: value}), 400, "INVALID_TYPE")


@pytest.mark.parametrize(("field", "value"), WRONG_LIVE_TYPES, ids=lambda v: repr(v)[:40])
def test_a_value_of_another_type_is_never_converted_in_live_either(client, field, value):
    error(live(client, **{field: value}), 400, "INVALID_TYPE")


OUT_OF_BOUNDS = [
    *[("initial_cash", v, "INVALID_CASH") for v in (0, -1, -0.0, 1.0000001e12, 10**18, -1e308)],
    *[("fee", v, "INVALID_VALUE") for v in (-1e-9, 1, 1.5)],
    *[("slippage", v, "INVALID_VALUE") for v in (-1e-9, 1, 2)],
    *[("stop_loss", v, "INVALID_VALUE") for v in (0, 1, -0.1)],
    *[("take_profit", v, "INVALID_VALUE") for v in (0, -1, 1000.1)],
    *[("trailing_stop", v, "INVALID_VALUE") for v in (0, 1)],
    *[("position_size", v, "INVALID_VALUE") for v in (0, 1.0001, -1)],
    *[("max_drawdown", v, "INVALID_LIMITS") for v in (0, 1, -0.1, 1.5)],
    *[("daily_loss", v, "INVALID_LIMITS") for v in (0, 1, -0.1, 1e308)],
    *[("cash", v, "INVALID_VALUE") for v in ("", "Sleeves", "pooled", HUGE)],
]
AT_BOUNDS = [
    *[("initial_cash", v) for v in (1e12, 1, 10**12, 5e-324, 0.01)],
    *[("fee", v) for v in (0, 0.999, None, -0.0)],
    *[("slippage", v) for v in (0, 0.999)],
    *[("stop_loss", v) for v in (1e-9, 0.999, None)],
    *[("take_profit", v) for v in (1e-9, 1000, None)],
    *[("trailing_stop", v) for v in (1e-9, 0.999, None)],
    *[("position_size", v) for v in (1, 1e-9)],
    *[("max_drawdown", v) for v in (1e-9, 0.999, None)],
    *[("daily_loss", v) for v in (1e-9, 0.999, None)],
    *[("cash", v) for v in ("sleeves", "shared")],
]


@pytest.mark.parametrize(("field", "value", "code"), OUT_OF_BOUNDS, ids=lambda v: repr(v)[:30])
def test_a_number_beyond_its_bounds_is_refused(client, field, value, code):
    found = error(start(client, **{field: value}), 400, code)
    assert field in found["details"]["fields"]


@pytest.mark.parametrize(("field", "value"), AT_BOUNDS, ids=lambda v: repr(v)[:30])
def test_a_number_at_its_bounds_is_accepted(client, field, value):
    assert start(client, **{field: value}).status_code == 200


def test_two_stops_that_exclude_each_other_are_refused(client):
    error(start(client, stop_loss=0.1, trailing_stop=0.1), 400, "INVALID_STOPS")
    weights = {"strategy_name": "MomentumRotation", "strategy_params": {}}
    for stop in ("stop_loss", "take_profit", "trailing_stop"):
        error(start(client, **weights, **{stop: 0.1}), 400, "INVALID_STOPS")


def test_several_wrong_fields_are_all_named(client):
    found = error(start(client, initial_cash=0, fee="x", cash="no"), 400, "INVALID_REQUEST")
    codes = {name: f["code"] for name, f in found["details"]["fields"].items()}
    assert codes == {
        "initial_cash": "INVALID_CASH", "fee": "INVALID_TYPE", "cash": "INVALID_VALUE",
    }  # fmt: skip


# --- unknown things are named, and what would have been valid with them ----------------------


@pytest.mark.parametrize("name", ["nope", "", HUGE, "../x", "__import__('os')", "os.system", "é"])
def test_an_unknown_strategy_is_answered_with_those_there_are(client, name):
    found = error(start(client, strategy_name=name), 400, "UNKNOWN_STRATEGY")
    assert "BuyAndHold" in found["details"]["available_strategies"]


@pytest.mark.parametrize("name", ["nope", "", HUGE, "Binance", "binance ", "../x", "\uff42inance"])
def test_an_unknown_exchange_is_answered_with_those_there_are(client, name):
    found = error(start(client, exchange=name), 400, "UNKNOWN_EXCHANGE")
    assert "simulated" in found["details"]["supported_exchanges"]


@pytest.mark.parametrize("name", ["nope", "", HUGE, "1H", "60", "1M", "0h", "1h ", "-1h"])
def test_an_unknown_timeframe_is_answered_with_those_there_are(client, name):
    found = error(start(client, timeframe=name), 400, "UNKNOWN_TIMEFRAME")
    assert "1h" in found["details"]["supported_timeframes"]


def test_an_unknown_parameter_is_answered_with_those_there_are(client):
    for params in ({"perid": 1}, {"period": 20, HUGE: 1}, {"__class__": {}}):
        found = error(start(client, strategy_params=params), 400, "UNKNOWN_PARAM")
        assert found["details"]["valid_params"] == ["period", "slow", "threshold"]


@pytest.mark.parametrize("value", ["20", True, 20.5, None, [], {}, HUGE])
def test_a_parameter_of_another_type_is_refused(client, value):
    error(start(client, strategy_params={"period": value}), 400, "INVALID_TYPE")


@pytest.mark.parametrize("value", [0, -1, 10**9])
def test_a_parameter_out_of_bounds_is_refused_with_its_bounds(client, value):
    found = error(start(client, strategy_params={"period": value}), 400, "INVALID_PARAMS")
    assert {"minimum", "maximum"} <= found["details"].keys()


@pytest.mark.parametrize("path", [BACKTEST, LIVE, "/run/stop", "/strategies/BuyAndHold/check"])
@pytest.mark.parametrize("field", ["strategyName", "", "__proto__", HUGE, "owner", "status"])
def test_an_unknown_field_is_answered_with_those_there_are(client, path, field):
    found = error(post(client, path, {field: 1}), 400, "UNKNOWN_FIELD")
    assert found["details"]["valid_fields"]


# --- symbols and dates -----------------------------------------------------------------------

NOT_SYMBOLS = ["", " ", "BTC", "BTC/", "/USDT", "BTC/USDT ", "BTC//USDT", "../x", "../../etc/pw",
               "\u0412\u0422\u0421/USDT", "BTC\u200b/USDT", "\u202eTDSU/CTB", "BTC/USDT\n",
               "BTC/USDT:USDT", "BTC-USDT", "BTC/USDT/ETH", "\uff22\uff34\uff23/USDT",
               "<b>/USDT", "BTC/US'--",
               "x" * 300_000,
               "DOGE/NOPE", "btc/usdt"]  # fmt: skip


@pytest.mark.parametrize("symbol", NOT_SYMBOLS, ids=lambda s: ascii(s)[:30])
def test_what_is_no_symbol_of_the_venue_is_refused(client, symbol):
    error(start(client, symbols=[symbol]), 400, "INVALID_SYMBOL")
    error(start(client, symbols=["BTC/USDT", symbol]), 400, "INVALID_SYMBOL")


def test_an_unknown_symbol_is_answered_with_the_venues_own(client):
    found = error(start(client, symbols=["BTC/USD"]), 400, "INVALID_SYMBOL")
    assert found["message"] == "Symbol BTC/USD is not supported"
    assert {"BTC/USDT", "ETH/USDT"} <= set(found["details"]["supported_symbols"])


def test_symbols_are_given_each_once_and_not_too_many(client):
    error(start(client, symbols=[]), 400, "INVALID_SYMBOLS")
    error(start(client, symbols=["BTC/USDT", "BTC/USDT"]), 400, "INVALID_SYMBOLS")
    error(start(client, symbols=["A/B"] * 51), 400, "TOO_MANY_SYMBOLS")
    error(start(client, symbols=["A/B"] * 100_000), 400, "TOO_MANY_SYMBOLS")
    error(start(client, symbols=["A/B"] * 10**6), 413, "BODY_TOO_LARGE")


def test_a_million_symbols_cost_nothing():
    from exchanges.domain import InvalidInput
    from runs.resolve import parse_symbols

    form = BacktestRequest(data=GOOD | {"symbols": ["A/B"] * 10**6})
    began = time.thread_time()
    form.is_valid(raise_exception=True)
    with pytest.raises(InvalidInput) as refused:
        parse_symbols(form.validated_data["symbols"])
    assert refused.value.code == "TOO_MANY_SYMBOLS"
    assert time.thread_time() - began < LONGEST_SECONDS


def day(text: str) -> str:
    return f"{text}T00:00:00Z"


RANGES = {
    "end before start": (day("2024-02-01"), day("2024-01-01"), "INVALID_RANGE"),
    "end at start": (day("2024-02-01"), day("2024-02-01"), "INVALID_RANGE"),
    "within a bar": ("2024-02-01T00:10:00Z", "2024-02-01T00:20:00Z", "INVALID_RANGE"),
    "future end": (day("2024-01-01"), day("2099-01-01"), "INVALID_RANGE"),
    "future start": (day("2099-01-01"), None, "INVALID_RANGE"),
    "before 1970": (day("1969-12-31"), day("2024-01-01"), "INVALID_RANGE"),
    "year 1": (day("0001-01-01"), day("2024-01-01"), "INVALID_RANGE"),
    "after 2100": (day("2024-01-01"), day("2100-01-02"), "INVALID_RANGE"),
    "year 9999": (day("2024-01-01"), "9999-12-31T23:59:59.999999-23:59", "INVALID_RANGE"),
    "naive start": ("2024-01-01T00:00:00", day("2024-02-01"), "NAIVE_DATETIME"),
    "naive end": (day("2024-01-01"), "2024-02-01", "NAIVE_DATETIME"),
    "an hour 24": ("2024-01-01T24:00:01Z", None, "INVALID_TYPE"),
    "year 10000": ("10000-01-01T00:00:00Z", None, "INVALID_TYPE"),
}


@pytest.mark.parametrize(("begin", "end", "code"), RANGES.values(), ids=RANGES.keys())
def test_dates_that_name_no_closed_bars_are_refused(client, begin, end, code):
    error(start(client, start_date=begin, end_date=end), 400, code)


@pytest.mark.parametrize("zone", ["Z", "+00:00", "+05:30", "-11:00", "+0000"])
def test_a_date_with_any_zone_is_the_moment_it_names(client, zone):
    answer = start(client, start_date=f"2024-01-01T12:00:00{zone}")
    assert answer.status_code == 200


def test_a_hundred_years_of_minutes_are_refused_before_memory_is_taken(client):
    began = time.thread_time()
    found = error(
        start(client, timeframe="1m", start_date=day("1970-01-01"), end_date=day("2025-01-01")),
        400,
        "TOO_MANY_BARS",
    )
    assert found["details"]["maximum"] == 5_000_000
    assert found["details"]["bars"] > 28_000_000
    assert time.thread_time() - began < LONGEST_SECONDS


# --- replay and flatten ----------------------------------------------------------------------


@pytest.mark.parametrize(("begin", "end", "code"), RANGES.values(), ids=RANGES.keys())
def test_a_replays_dates_that_name_no_closed_bars_are_refused(client, begin, end, code):
    dates = {"start_date": begin, "end_date": end}
    error(live(client, exchange="simulated", timeframe="1h", replay=dates), 400, code)


def test_a_replays_fields_are_named_with_their_place(client):
    found = error(live(client, replay={"speed": -1, "start_date": 7}), 400, "INVALID_REQUEST")
    assert found["details"]["fields"]["replay.speed"]["code"] == "INVALID_VALUE"
    assert found["details"]["fields"]["replay.start_date"]["code"] == "INVALID_TYPE"
    found = error(live(client, replay={"pace": 1}), 400, "UNKNOWN_FIELD")
    assert found["details"]["valid_fields"] == ["end_date", "speed", "start_date"]


@pytest.mark.parametrize("replay", [{}, {"speed": 0}, {"speed": 1e9}, {"speed": 1e-9}, None])
def test_a_replay_may_leave_out_what_has_a_default(client, replay):
    assert live(client, exchange="simulated", replay=replay).status_code == 200


def test_a_replay_may_cover_no_more_bars_than_a_backtest(client):
    dates = {"start_date": day("2010-01-01"), "end_date": day("2025-01-01")}
    error(live(client, exchange="simulated", timeframe="1m", replay=dates), 400, "TOO_MANY_BARS")


@pytest.mark.parametrize("value", ["true", 1, 0, None, [], {}, "yes"])
def test_flatten_is_true_or_false(client, value):
    assert live(client, exchange="simulated").status_code == 200
    error(post(client, "/run/stop", {"flatten": value}), 400, "INVALID_TYPE")
    assert Run.objects.get().status == "starting"


@pytest.mark.parametrize("flatten", [True, False])
def test_a_stop_of_a_backtest_may_say_flatten_and_it_changes_nothing(client, flatten):
    start(client)
    assert post(client, "/run/stop", {"flatten": flatten}).json()["status"] == "stopped"


# --- exchange_config -------------------------------------------------------------------------

FOREIGN_KEYS = ["urls", "hostname", "proxies", "httpProxy", "headers", "verbose", "fetch",
                "createOrder", "userAgent", "sandboxMode", "__class__", "", "apikey", HUGE,
                "enableRateLimit", "timeout", "api", "session", "requests"]  # fmt: skip


@pytest.mark.parametrize("key", FOREIGN_KEYS, ids=lambda k: k[:20])
def test_exchange_config_holds_what_it_may_and_nothing_else(client, key):
    config = {"sandbox": True, key: "http://evil"}
    found = error(live(client, exchange_config=config), 400, "EXCHANGE_CONFIG_KEY_NOT_ALLOWED")
    assert "apiKey" in found["details"]["allowed_keys"]


def test_options_hold_the_kind_of_market_only(client):
    for options in ({"defaultType": "swap"}, {"x": 1}, {"defaultType": [1]}, {HUGE: 1}):
        config = {"options": options}
        error(live(client, exchange_config=config), 400, "EXCHANGE_CONFIG_KEY_NOT_ALLOWED")
    config = {"options": {"defaultType": "spot"}}
    assert live(client, exchange_config=config).status_code == 200
    error(live(client, exchange_config=config, mode="live"), 403, "LIVE_TRADING_DISABLED")


def test_a_sandbox_is_never_taken_to_be_the_real_venue(client):
    sandbox = {"sandbox": True}
    answer = live(client, exchange="kraken", exchange_config=sandbox, mode="live")
    found = error(answer, 400, "SANDBOX_UNSUPPORTED")
    assert "binance" in found["details"]["exchanges_with_sandbox"]
    # Paper sends no order, and its candles are the real venue's whatever is asked.
    assert live(client, exchange="kraken", exchange_config=sandbox).status_code == 200
    answer = live(client, exchange="kraken", exchange_config={}, mode="live")
    error(answer, 403, "LIVE_TRADING_DISABLED")


def test_a_secret_is_neither_repeated_nor_kept(client):
    secret = "canary-5e1f"
    keys = {name: f"{secret}-{name}" for name in CREDENTIAL_KEYS}
    for config, status in (
        ({"secret": secret, "x": 1}, 400),
        ({"secret": [secret]}, 400),
        ({**keys, "sandbox": True, "options": {"defaultType": "spot"}}, 200),
    ):
        answer = live(client, exchange_config=config)
        assert answer.status_code == status
        assert secret not in answer.content.decode()
        error(live(client, exchange_config=config, mode="live"), 403 if status == 200 else 400)
    run = Run.objects.get()
    assert run.request["exchange_config"] == {
        "sandbox": True,
        "options": {"defaultType": "spot"},
    }
    assert tables_with(secret) == []
    # The search would find it.
    Run.objects.update(stage=f"look: {secret}")
    assert tables_with(secret) == ["runs_run"]
