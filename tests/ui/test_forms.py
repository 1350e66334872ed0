"""The form of a new run: what it sends is the API's body, what the API says is at its field."""

from __future__ import annotations

import pytest

from cracktrader_site.api.keys import Caller
from cracktrader_site.ui.forms import RunForm, offer_to, start, texts_of
from cracktrader_site.ui.forms.findings import place
from cracktrader_site.ui.forms.outlook import outlook, suggestions
from cracktrader_site.ui.symbols import spelt
from cracktrader_site.ui.visitors import ANYBODY
from exchanges.domain import InvalidInput, Refused
from exchanges.models import Credential, Exchange
from runs.models import Run
from runs.resolve import resolve
from strategies.models import Strategy
from strategies.queries import available_names
from tests.ui.prepared import prepared_desk  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

DATES = {"start_date": "2024-01-01", "end_date": "2024-01-11"}
TRADER = Caller("admin:trader", "user:1", frozenset({"read", "backtest", "paper", "live"}), True)


@pytest.fixture(scope="module", autouse=True)
def prepared(prepared_desk):  # noqa: F811
    """Strategies and venues, for all tests of the module."""


@pytest.fixture(autouse=True)
def candles(settings, tmp_path):
    settings.CANDLES_DIR = tmp_path / "candles"


@pytest.fixture
def live_desk(settings):
    settings.AUTH = settings.LIVE_TRADING = True


def form_of(visitor: Caller = ANYBODY, **texts: str) -> RunForm:
    base = {"strategy_name": "MovingAverageCross", "exchange": "simulated"}
    return RunForm(offer_to(visitor, base | texts), texts)


def codes(form: RunForm) -> dict[str, list[str]]:
    data = form.errors.as_data().items()
    return {name: [str(error.code) for error in errors] for name, errors in data}


# --- the body --------------------------------------------------------------------------------


def test_a_new_form_says_nothing_but_what_has_no_default():
    assert form_of().body() == {
        "strategy_name": "MovingAverageCross",
        "symbols": ["BTC/USDT"],
        "timeframe": "1h",
        "exchange": "simulated",
    }


def test_percent_dates_and_numbers_are_those_of_the_api():
    typed = {
        "symbols": "btc/usdt, ETH/USDT",
        "start_date": "2024-01-01T00:00",
        "end_date": "2024-02-01",
        "initial_cash": "2500.50",
        "fee": "0.07",
        "stop_loss": "5",
        "position_size": "50",
        "max_drawdown": "12.5",
        "cash": "shared",
        "MovingAverageCross.fast_period": "5",
    }
    assert form_of(**typed).body() == {
        "strategy_name": "MovingAverageCross",
        "strategy_params": {"fast_period": 5},
        "symbols": ["BTC/USDT", "ETH/USDT"],
        "timeframe": "1h",
        "exchange": "simulated",
        "start_date": "2024-01-01T00:00:00Z",
        "end_date": "2024-02-01T00:00:00Z",
        "initial_cash": 2500.5,
        "fee": 0.0007,
        "stop_loss": 0.05,
        "position_size": 0.5,
        "max_drawdown": 0.125,
        "cash": "shared",
    }


def test_a_paper_run_has_no_dates_and_a_replay_has_them_within():
    dates = {"start_date": "2024-01-01", "end_date": "2024-02-01"}
    paper = form_of(mode="paper", **dates).body()
    assert paper["mode"] == "paper"
    assert "start_date" not in paper
    assert "replay" not in paper
    replay = form_of(mode="replay", speed="100", **dates).body()
    assert replay["mode"] == "paper"
    assert replay["replay"] == {
        "start_date": "2024-01-01T00:00:00Z",
        "end_date": "2024-02-01T00:00:00Z",
        "speed": 100,
    }
    assert form_of(mode="replay").body()["replay"] == {}


def test_every_catalogue_strategy_has_its_form_and_resolves_with_its_defaults():
    from cracktrader_site.ui.forms import request_of

    names = available_names()
    assert len(names) >= 8
    for name in names:
        form = form_of(strategy_name=name)
        schema = Strategy.objects.select_related("current").get(name=name).current.params_schema
        properties = schema.get("properties", {})
        assert [field.name for field in form.param_fields] == [f"{name}.{p}" for p in properties]
        for field, prop in zip(form.param_fields, properties.values(), strict=True):
            assert prop["description"].replace("`", "") in field.help_text
        assert "strategy_params" not in form.body()
        assert resolve(request_of(form.body())).config["strategy_name"] == name


# --- what was typed is kept -------------------------------------------------------------------


def test_another_strategy_has_its_own_parameters_and_the_first_ones_come_back():
    typed = {"MovingAverageCross.fast_period": "7", "stop_loss": "3"}
    other = form_of(**typed, strategy_name="MacdTrend")
    assert other["MacdTrend.fast_period"].value() == "12"
    assert other["stop_loss"].value() == "3"
    assert other.kept == {"MovingAverageCross.fast_period": "7"}
    assert "MovingAverageCross.fast_period" not in other.body().get("strategy_params", {})
    back = form_of(**typed | other.kept)
    assert back["MovingAverageCross.fast_period"].value() == "7"


def test_dates_are_kept_while_another_mode_has_none():
    form = form_of(mode="paper", start_date="2024-01-01T00:00")
    assert form["start_date"].is_hidden
    assert form["start_date"].value() == "2024-01-01T00:00"


def test_what_no_venue_offers_is_still_what_was_chosen():
    form = form_of(timeframe="7m", strategy_name="Gone", exchange="nowhere")
    for name, text in (("timeframe", "7m"), ("strategy_name", "Gone"), ("exchange", "nowhere")):
        assert form[name].value() == text
        assert f'value="{text}" selected' in str(form[name])


def test_the_cash_of_a_backtest_is_not_what_a_live_run_may_use():
    assert form_of(mode="live")["initial_cash"].value() == ""
    assert form_of(mode="live", initial_cash="10000", was="backtest").texts["initial_cash"] == ""
    kept = form_of(mode="live", initial_cash="10000", was="live", confirm_live="on")
    assert kept.body()["initial_cash"] == 10000
    assert kept.body()["confirm_live"] is True
    assert "confirm_live" not in form_of(mode="live", was="paper", confirm_live="on").body()


# --- errors at their fields -------------------------------------------------------------------

TYPED_WRONG: list[tuple[dict[str, str], str, str]] = [
    ({"strategy_name": "Nobody"}, "strategy_name", "UNKNOWN_STRATEGY"),
    ({"exchange": "nowhere"}, "exchange", "UNKNOWN_EXCHANGE"),
    ({"timeframe": "7m"}, "timeframe", "UNKNOWN_TIMEFRAME"),
    ({"timeframe": ""}, "timeframe", "UNKNOWN_TIMEFRAME"),
    ({"symbols": ""}, "symbols", "INVALID_SYMBOLS"),
    ({"symbols": "BTC"}, "symbols", "INVALID_SYMBOL"),
    ({"symbols": "NO/SUCH"}, "symbols", "INVALID_SYMBOL"),
    ({"symbols": "BTC/USDT BTC/USDT"}, "symbols", "INVALID_SYMBOLS"),
    ({"symbols": ",".join(f"A{n}/USDT" for n in range(51))}, "symbols", "TOO_MANY_SYMBOLS"),
    ({"symbols": "A" * 60}, "symbols", "INVALID_SYMBOL"),
    ({"start_date": "yesterday"}, "start_date", "INVALID_TYPE"),
    ({"end_date": "2099-01-01T00:00"}, "end_date", "INVALID_RANGE"),
    (
        {"start_date": "2024-02-01", "end_date": "2024-01-01"},
        "start_date",
        "INVALID_RANGE",
    ),
    ({"timeframe": "1m", "start_date": "2010-01-01"}, "start_date", "TOO_MANY_BARS"),
    ({"initial_cash": "0"}, "initial_cash", "INVALID_CASH"),
    ({"initial_cash": "a lot"}, "initial_cash", "INVALID_TYPE"),
    ({"fee": "100"}, "fee", "INVALID_VALUE"),
    ({"slippage": "-1"}, "slippage", "INVALID_VALUE"),
    ({"position_size": "101"}, "position_size", "INVALID_VALUE"),
    ({"stop_loss": "x"}, "stop_loss", "INVALID_TYPE"),
    ({"max_drawdown": "100"}, "max_drawdown", "INVALID_LIMITS"),
    ({"daily_loss": "0"}, "daily_loss", "INVALID_LIMITS"),
    ({"cash": "both"}, "cash", "INVALID_VALUE"),
    ({"stop_loss": "5", "trailing_stop": "5"}, "trailing_stop", "INVALID_STOPS"),
    ({"strategy_name": "MomentumRotation", "stop_loss": "5"}, "stop_loss", "INVALID_STOPS"),
    (
        {"strategy_name": "MomentumRotation", "position_size": "50"},
        "position_size",
        "INVALID_VALUE",
    ),
    (
        {"MovingAverageCross.fast_period": "0"},
        "MovingAverageCross.fast_period",
        "INVALID_PARAMS",
    ),
    (
        {"MovingAverageCross.fast_period": "ten"},
        "MovingAverageCross.fast_period",
        "INVALID_TYPE",
    ),
    (
        {"MovingAverageCross.slow_period": "9" * 30},
        "MovingAverageCross.slow_period",
        "INVALID_NUMBER",
    ),
    (
        {"MovingAverageCross.fast_period": "40"},
        "MovingAverageCross.fast_period",
        "INVALID_PARAMS",
    ),
    ({"mode": "replay", "speed": "-1"}, "speed", "INVALID_VALUE"),
    ({"mode": "replay", "start_date": "never"}, "start_date", "INVALID_TYPE"),
    ({"mode": "guess"}, "mode", "INVALID_VALUE"),
    ({"mode": "live"}, "mode", "LIVE_TRADING_DISABLED"),
]


@pytest.mark.parametrize(("typed", "field", "code"), TYPED_WRONG)
def test_each_error_is_at_its_field_and_nothing_typed_is_lost(typed, field, code):
    form = form_of(**typed)
    assert start(form, ANYBODY) is None
    assert codes(form) == {field: [code]}
    assert {name: form[name].value() for name in typed} == typed
    assert not Run.objects.exists()


def test_all_that_is_wrong_is_told_at_once():
    typed = {
        "symbols": "NO/SUCH",
        "start_date": "2024-02-01",
        "end_date": "2024-01-01",
        "initial_cash": "-5",
        "stop_loss": "x",
        "MovingAverageCross.fast_period": "0",
        "MovingAverageCross.slow_period": "1",
    }
    form = form_of(**typed)
    assert start(form, ANYBODY) is None
    assert form.errors.keys() == typed.keys() - {"end_date"}
    assert all(len(errors) == 1 for errors in form.errors.values())
    assert {name: form[name].value() for name in typed} == typed


def test_dates_within_one_bar_are_no_mistake_in_their_order():
    form = form_of(start_date="2024-01-01T00:10", end_date="2024-01-01T00:20")
    start(form, ANYBODY)
    assert form.errors["start_date"] == ["No 1h bar opens and closes between these dates"]


def test_bounds_are_told_in_percent_where_percent_is_typed():
    form = form_of(stop_loss="100", position_size="0")
    start(form, ANYBODY)
    assert form.errors["stop_loss"] == ["Expected more than 0 % and less than 100 %"]
    assert form.errors["position_size"] == ["Expected more than 0 % and at most 100 %"]


def test_an_unknown_symbol_comes_with_some_that_there_are():
    form = form_of(symbols="BTC/EUR")
    start(form, ANYBODY)
    assert "Offered are BTC/USDT" in form.errors["symbols"][0]


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        (
            {"MovingAverageCross.fast_period": "40"},
            "MovingAverageCross.fast_period",
            "Fast period must be smaller than Slow period",
        ),
        (
            {"stop_loss": "5", "trailing_stop": "5"},
            "trailing_stop",
            "Stop loss and Trailing stop exclude each other",
        ),
        ({"end_date": "2099-01-01T00:00"}, "end_date", "Until is in the future"),
        (
            {"start_date": "2024-02-01", "end_date": "2024-01-01"},
            "start_date",
            "Until has to be later than From",
        ),
        (
            {"start_date": "yesterday"},
            "start_date",
            "Expected a date and time in UTC, such as 2024-01-31 12:00",
        ),
        (
            {"timeframe": "1m", "start_date": "2010-01-01", "end_date": "2026-01-01"},
            "start_date",
            "The run covers 8,415,390 bars, warm-up included; at most 1,000,000 are allowed",
        ),
        (
            {"symbols": "ETHUSDT"},
            "symbols",
            "'ETHUSDT' is not a spot symbol: did you mean ETH/USDT?",
        ),
        (
            {"symbols": "BTC/USDT,eth-usdt"},
            "symbols",
            "'ETH-USDT' is not a spot symbol: did you mean ETH/USDT?",
        ),
        ({"symbols": ""}, "symbols", "Choose at least one symbol, and each only once"),
        (
            {"strategy_name": "MomentumRotation", "position_size": "50"},
            "position_size",
            "MomentumRotation gives target weights: Position size does not go with them",
        ),
        (
            {"initial_cash": "9" * 14},
            "initial_cash",
            "Expected a number above 0 and of at most 1,000,000,000,000",
        ),
    ],
)
def test_what_is_wrong_is_said_in_the_words_of_the_form(settings, typed, field, said):
    settings.MAX_BARS = 1_000_000
    form = form_of(**typed)
    start(form, ANYBODY)
    assert form.errors[field] == [said]


def test_beside_the_form_the_field_is_named():
    assert outlook(form_of(stop_loss="400")).problem == (
        "Stop loss: expected more than 0 % and less than 100 %"
    )
    found = outlook(form_of(**{"MovingAverageCross.fast_period": "0"})).problem
    assert found == "Fast period: expected to be greater than or equal to 1"
    crossed = outlook(form_of(**{"MovingAverageCross.fast_period": "40"})).problem
    assert crossed == "Fast period must be smaller than Slow period"


def test_a_market_of_a_venue_that_was_never_asked_is_spelt_by_its_quote():
    venue = Exchange(name="elsewhere", ccxt_id="elsewhere", markets={})
    assert spelt(venue, "solusdc") == "SOL/USDC"
    assert spelt(venue, "ETHBTC") == "ETH/BTC"
    assert spelt(venue, "nothing") == spelt(venue, "USDT") == spelt(None, "\0") == ""


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (InvalidInput("HISTORY_NOT_AVAILABLE", "no candles of the past"), "exchange"),
        (InvalidInput("STRATEGY_FAILED", "it raised"), "strategy_name"),
        (InvalidInput("EXCHANGE_DISABLED", "switched off"), "exchange"),
        (InvalidInput("RUN_ALREADY_ACTIVE", "another run"), "symbols"),
        (InvalidInput("INVALID_RANGE", "none", last_closed_bar_ms=1), "start_date"),
        (InvalidInput("INVALID_VALUE", "initial_cash is odd"), "initial_cash"),
        (InvalidInput("INVALID_VALUE", "account is odd"), "__all__"),
        (InvalidInput("JSON_TOO_DEEP", "too deep"), "__all__"),
        (
            InvalidInput("INVALID_PARAMS", "strategy_params: ?", field="strategy_params"),
            "strategy_name",
        ),
        (Refused("PERMISSION_DENIED", "no"), "mode"),
        (RuntimeError("what"), "__all__"),
    ],
)
def test_an_error_of_a_service_finds_its_field_or_the_top(error, field):
    form = form_of()
    place(form, error)
    assert list(form.errors) == [field]


def test_what_belongs_to_no_field_is_at_the_top_with_its_code():
    form = form_of()
    place(form, InvalidInput("INTERNAL_ERROR", "a fault"))
    assert form.top_errors == [("INTERNAL_ERROR", "A fault")]


def test_a_text_with_a_nul_is_refused_at_its_field():
    form = form_of(symbols="BTC\0/USDT")
    assert start(form, ANYBODY) is None
    assert list(form.errors) == ["symbols"]


# --- starting --------------------------------------------------------------------------------


def test_the_same_form_sent_twice_starts_one_run():
    form = form_of()
    first = start(form, ANYBODY)
    again = start(form_of(key=form.texts["key"]), ANYBODY)
    assert first == again
    assert Run.objects.get().config["strategy_name"] == "MovingAverageCross"
    assert start(form_of(), ANYBODY) != first


def test_a_form_that_has_started_a_run_says_so_and_starts_another_when_sent_again():
    form = form_of()
    first = start(form, ANYBODY)
    changed = form_of(key=form.texts["key"], initial_cash="500")
    assert start(changed, ANYBODY) is None
    assert changed.began == str(first.public_id)
    assert changed.texts["key"] != form.texts["key"]
    assert changed["key"].value() == changed.texts["key"]
    second = start(form_of(key=changed.texts["key"], initial_cash="500"), ANYBODY)
    assert second is not None
    assert Run.objects.count() == 2


def test_a_key_of_another_form_is_not_taken():
    assert form_of(key="x" * 300).texts["key"] != "x" * 300


@pytest.mark.parametrize(("mode", "replay"), [("paper", False), ("replay", True)])
def test_paper_and_replay_start_a_paper_run(mode, replay):
    run = start(form_of(mode=mode), ANYBODY)
    assert run.mode == "paper"
    assert (run.replay is not None) is replay


def test_who_may_only_look_starts_nothing(settings):
    settings.AUTH = True
    looker = Caller("admin:looker", "user:2", frozenset({"read"}), True)
    for mode in ("backtest", "paper", "replay"):
        form = form_of(looker, mode=mode)
        assert start(form, looker) is None
        assert codes(form) == {"mode": ["PERMISSION_DENIED"]}
        assert form.offer.mode(mode).refusal
    assert not Run.objects.exists()


# --- live ------------------------------------------------------------------------------------


def test_what_live_trading_lacks_is_told(settings):
    assert form_of().offer.mode("live").missing == (
        "CRACKTRADER_AUTH=1",
        "CRACKTRADER_LIVE_TRADING=1",
        "a user who may change accounts",
    )
    settings.AUTH = settings.LIVE_TRADING = True
    assert form_of(TRADER).offer.mode("live").refusal == ""


def stored(name: str, exchange: str = "binance", sandbox: bool = False) -> Credential:
    venue = Exchange.objects.get(name=exchange)
    return Credential.objects.create(
        name=name, exchange=venue, sandbox=sandbox, fingerprint="f" * 64, sealed=b"x"
    )


def test_accounts_are_those_of_the_venue_and_only_for_who_may_trade(live_desk):
    stored("mine"), stored("try", sandbox=True), stored("other", "kraken")
    form = form_of(TRADER, mode="live", exchange="binance")
    assert [one.name for one in form.offer.credentials] == ["mine", "try"]
    assert "try (sandbox)" in str(form["account"])
    looker = Caller("admin:looker", "user:2", frozenset({"read", "paper"}), True)
    assert form_of(looker, mode="live", exchange="binance").offer.credentials == []


def test_a_live_body_names_the_account_and_whether_it_is_a_sandbox(live_desk):
    stored("try", sandbox=True)
    typed = {"mode": "live", "was": "live", "exchange": "binance", "account": "try"}
    body = form_of(TRADER, **typed, initial_cash="500", confirm_live="on").body()
    assert body["exchange_config"] == {"credential": "try", "sandbox": True}
    assert (body["mode"], body["initial_cash"], body["confirm_live"]) == ("live", 500, True)


@pytest.mark.parametrize(
    ("typed", "field", "code"),
    [
        ({"initial_cash": "500"}, "confirm_live", "LIVE_TRADING_DISABLED"),
        ({"confirm_live": "on", "exchange": "simulated"}, "exchange", "LIVE_UNSUPPORTED"),
        ({"confirm_live": "on"}, "initial_cash", "MISSING_FIELD"),
        ({"confirm_live": "on", "initial_cash": "500"}, "account", "CREDENTIALS_MISSING"),
        (
            {"confirm_live": "on", "initial_cash": "500", "account": "gone"},
            "account",
            "UNKNOWN_CREDENTIAL",
        ),
    ],
)
def test_errors_of_a_live_start_are_at_their_fields(live_desk, typed, field, code):
    form = form_of(TRADER, **{"mode": "live", "was": "live", "exchange": "binance"} | typed)
    assert start(form, TRADER) is None
    assert codes(form) == {field: [code]}
    assert not Run.objects.exists()


def test_an_unconfirmed_live_start_without_its_cash_tells_what_else_is_wrong(live_desk):
    typed = {"mode": "live", "was": "live", "exchange": "binance", "initial_cash": ""}
    form = form_of(TRADER, **typed, stop_loss="5", trailing_stop="5")
    assert start(form, TRADER) is None
    assert codes(form) == {
        "confirm_live": ["LIVE_TRADING_DISABLED"],
        "trailing_stop": ["INVALID_STOPS"],
    }


# --- again -----------------------------------------------------------------------------------


def test_a_run_again_is_the_same_start_over_the_same_bars():
    typed = {
        "symbols": "BTC/USDT, ETH/USDT",
        "timeframe": "4h",
        "start_date": "2024-01-01",
        "end_date": "2024-02-01",
        "stop_loss": "7.5",
        "initial_cash": "1234.5",
        "cash": "shared",
        "strategy_name": "RsiMeanReversion",
        "RsiMeanReversion.oversold": "25.5",
    }
    run = start(form_of(**typed), ANYBODY)
    texts = texts_of(run)
    same = form_of(**texts)
    assert same.body() == form_of(**typed, fee="0.1").body()
    assert start(same, ANYBODY).config == run.config


def test_a_backtest_may_go_on_as_a_paper_run_and_a_replay():
    run = start(form_of(start_date="2024-01-01", end_date="2024-02-01"), ANYBODY)
    assert form_of(**texts_of(run, "paper")).body()["mode"] == "paper"
    replay = form_of(**texts_of(run, "replay")).body()["replay"]
    assert replay["start_date"] == "2024-01-01T00:00:00Z"


def test_a_replay_again_has_its_speed():
    run = start(form_of(mode="replay", speed="50", start_date="2024-01-01"), ANYBODY)
    texts = texts_of(run)
    assert (texts["mode"], texts["speed"]) == ("replay", "50")


def test_what_was_agreed_to_once_is_not_agreed_to_again():
    run = start(form_of(), ANYBODY)
    assert "confirm_live" not in texts_of(run)
    assert "key" not in texts_of(run)


# --- the outlook -----------------------------------------------------------------------------


def test_bars_and_warm_up_are_counted_and_what_is_missing_is_told():
    found = outlook(form_of(**DATES, symbols="BTC/USDT ETH/USDT"))
    # The candles of the warm-up have to be got as well.
    assert (found.bars, found.warmup, found.to_get) == (240, 30, 540)
    assert [symbol for symbol, _ in found.coverage] == ["BTC/USDT", "ETH/USDT"]
    assert found.is_made
    assert not found.problem


def test_what_a_venue_never_had_is_not_promised():
    before = outlook(form_of(start_date="2001-05-01", end_date="2001-06-01"))
    assert before.problem == "The prices of Simulated begin 2010-01-01."
    over = outlook(form_of(start_date="2009-12-01", end_date="2010-02-01"))
    assert over.begins_ms == 1_262_304_000_000
    assert over.to_get == 31 * 24
    assert outlook(form_of(start_date="2010-01-01", end_date="2010-02-01")).begins_ms is None


def test_a_refused_start_still_has_its_outlook():
    form = form_of(stop_loss="400")
    start(form, ANYBODY)
    assert "Stop loss" in outlook(form).problem
    form = form_of(**DATES)
    place(form, InvalidInput("RUN_ALREADY_ACTIVE", "another run"))
    assert outlook(form).bars == 240


def test_the_outlook_of_a_paper_run_has_no_end():
    found = outlook(form_of(mode="paper"))
    assert found.is_open
    assert (found.bars, found.warmup, found.coverage) == (0, 30, [])


@pytest.mark.parametrize(("typed", "field", "code"), TYPED_WRONG)
def test_the_outlook_says_what_is_wrong_and_never_fails(typed, field, code):
    found = outlook(form_of(**typed))
    # Whether real orders may be placed is no matter of what the bars would be.
    assert bool(found.problem) == (code != "LIVE_TRADING_DISABLED")


def test_markets_that_begin_as_typed_come_first():
    venue = Exchange.objects.get(name="simulated")
    assert suggestions(venue, "e")[:2] == ["ETC/USDT", "ETH/USDT"]
    assert suggestions(venue, "nothing") == []
    venue.markets = {}
    assert len(suggestions(venue, "", 5)) == 5


def test_forms_ask_the_database_little(django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        form_of(exchange="gate", timeframe="1h")
