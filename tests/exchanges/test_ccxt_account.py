"""An account at a venue, through the real ccxt client and real HTTP."""

from __future__ import annotations

import base64
import decimal
import json
import logging
import re
import time
import traceback
from collections.abc import Callable, Iterator
from decimal import Decimal as D
from itertools import count
from typing import Any

import ccxt  # noqa: TID251
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from exchanges.adapters import Door, ccxt_parsing, venue_account
from exchanges.adapters.ccxt_client import BadData
from exchanges.adapters.ccxt_errors import Failure, Judge, Redactor
from exchanges.clock import SystemClock
from exchanges.domain import InvalidInput, Side, Symbol, VenueError
from exchanges.trading import (
    Keys,
    NotNow,
    NotPlaced,
    OrderReport,
    OrderType,
    OutcomeUnknown,
    Permissions,
    SignInRefused,
    Ticket,
    VenueState,
)
from tests.venue import Fault, SpotMarket, VenueServer
from tests.venue.faults import html, lost, rate_limited, refused
from tests.venue.rules import SymbolRules

BTC, ETH, PEPE = Symbol("BTC/USDT"), Symbol("ETH/USDT"), Symbol("PEPE/USDT")
KEY, SECRET = "canaryKEY" + "k" * 30, "canarySECRET" + "s" * 30
TIMEOUT = 3.0
_names = (f"ct-{n}" for n in count(1))


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    with VenueServer(SpotMarket(symbols=("BTC/USDT", "ETH/USDT", "PEPE/USDT"))) as server:
        rules = server.market.rules
        rules["PEPEUSDT"] = SymbolRules(
            PEPE, tick=D("0.00000001"), step=D(1), min_qty=D(1), max_qty=D(10**9)
        )
        rules["ETHUSDT"] = SymbolRules(
            ETH, tick=D(1), step=D("0.00000001"), min_qty=D("0.00000001")
        )
        for id_, price in (("PEPEUSDT", "0.00000123"), ("ETHUSDT", "3001"), ("BTCUSDT", "50000")):
            server.prices.pin(id_, D(price))
        server.ledger.open_account(
            "us", KEY, SECRET, balances={"USDT": "1000000", "BTC": "2", "PEPE": "900000000"}
        )
        yield server


Account = Any


def sign_in(venue: VenueServer, sandbox: bool = False, **changes: Any) -> Account:
    """A `CcxtAccount`; its protocol hides what some tests look into."""
    options: dict[str, Any] = {"recv_window_ms": 5000, "timeout": TIMEOUT} | changes
    url = options.pop("base_url", venue.url)
    name = options.pop("ccxt_id", "binance")
    door = Door(name, name, url)
    keys = options.pop("keys", {"apiKey": KEY, "secret": SECRET})
    return venue_account(door, Keys(keys), sandbox, clock=SystemClock(), **options)


@pytest.fixture
def account(venue: VenueServer) -> Account:
    return sign_in(venue)


def ticket(account: Account, **changes: Any) -> Ticket:
    values = {
        "client_id": next(_names),
        "symbol": BTC,
        "side": Side.BUY,
        "type": OrderType.MARKET,
        "amount": D("0.01"),
        "stamp_ms": 0,
    } | changes
    values["stamp_ms"] = values["stamp_ms"] or account.now_ms()
    return Ticket(**values)


def limit(account: Account, price: str = "40000", **changes: Any) -> Ticket:
    return ticket(account, type=OrderType.LIMIT, limit_price=D(price), **changes)


def placed(venue: VenueServer, client_id: str) -> list[Any]:
    orders = venue.ledger.all_orders.values()
    return [order for order in orders if order.client_id == client_id]


def refusal(call: Callable[..., Any], *arguments: Any) -> Any:
    """The error, whatever it is."""
    with pytest.raises(Exception) as caught:
        call(*arguments)
    return caught.value


def told(error: BaseException | None) -> str:
    """Everything that a log, a report or a database could take from an error."""
    parts: list[str] = []
    while error is not None:
        parts += [str(error), repr(error), repr(error.args), repr(vars(error))]
        parts += traceback.format_exception(error)
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if "adapters" in frame.f_code.co_filename:
                parts += [repr(value) for value in frame.f_locals.values()]
        error = error.__cause__ or error.__context__
    return "\n".join(parts)


def assert_tells_no_secret(text: str) -> None:
    assert KEY not in text
    assert SECRET not in text
    assert "canary" not in text
    assert "signature=" not in text
    assert not re.search(r"[0-9a-f]{64}", text)


# --- what an error means for an order ------------------------------------------------------

TABLE = [
    # fault, class, code, whether the order is in the venue's ledger
    (rate_limited("7"), NotNow, "VENUE_RATE_LIMITED", False),
    (rate_limited("90", 418), NotNow, "VENUE_RATE_LIMITED", False),
    (refused(-1015, "Too many new orders.", 429), NotNow, "VENUE_RATE_LIMITED", False),
    (refused(-1003, "Too many requests."), NotNow, "VENUE_RATE_LIMITED", False),
    (refused(-1015, "Too many new orders."), NotNow, "VENUE_RATE_LIMITED", False),
    (html(429), NotNow, "VENUE_RATE_LIMITED", False),
    *[(html(status), OutcomeUnknown, None, False) for status in (500, 502, 503, 403, 404, 520)],
    *[
        (html(status, applied=True), OutcomeUnknown, None, True)
        for status in (500, 502, 503, 403, 404, 520, 401, 302)
    ],
    (html(504), OutcomeUnknown, None, False),
    (lost("504"), OutcomeUnknown, None, True),
    (lost("-1007"), OutcomeUnknown, None, True),
    (lost("-1006"), OutcomeUnknown, None, True),
    (refused(-1007, "Timeout waiting for response."), OutcomeUnknown, None, False),
    (Fault(reset=True), OutcomeUnknown, None, False),
    (lost("reset"), OutcomeUnknown, None, True),
    (lost("cut"), OutcomeUnknown, None, True),
    (Fault(cut=True), OutcomeUnknown, None, True),
    (lost("html"), OutcomeUnknown, None, True),
    (lost("empty"), OutcomeUnknown, None, True),
    (Fault(body=b'{"symbol": "BTCUS', applied=True), OutcomeUnknown, None, True),
    (Fault(body=b"{}", applied=True), OutcomeUnknown, None, True),
    (Fault(body=b"[]", applied=True), OutcomeUnknown, None, True),
    (Fault(body=b"null", applied=True), OutcomeUnknown, None, True),
    (Fault(body=b'{"orderId": NaN}', applied=True), OutcomeUnknown, None, True),
    (
        Fault(edit=lambda answer: answer | {"clientOrderId": "somebody-else"}),
        OutcomeUnknown,
        None,
        True,
    ),
    (refused(-1000, "An unknown error occurred."), OutcomeUnknown, None, False),
    (refused(-1001, "Internal error."), OutcomeUnknown, None, False),
    (refused(-1006, "An unexpected response."), OutcomeUnknown, None, False),
    (refused(-1008, "Server is overloaded.", 503), OutcomeUnknown, None, False),
    (refused(-2010, "Something new.", 502), OutcomeUnknown, None, False),
    (refused(-1013, "Filter failure: LOT_SIZE"), NotPlaced, "ORDER_REFUSED", False),
    (refused(-1013, "Filter failure: PRICE_FILTER"), NotPlaced, "ORDER_REFUSED", False),
    (refused(-1013, "Filter failure: PERCENT_PRICE"), NotPlaced, "ORDER_REFUSED", False),
    (refused(-1013, "Filter failure: NOTIONAL"), NotPlaced, "ORDER_TOO_SMALL", False),
    (refused(-1013, "Filter failure: MARKET_LOT_SIZE"), NotPlaced, "ORDER_REFUSED", False),
    (refused(-1013, "Filter failure: MAX_NUM_ORDERS"), NotPlaced, "ORDER_REFUSED", False),
    (refused(-1111, "Too much precision."), NotPlaced, "ORDER_REFUSED", False),
    (refused(-1102, "Mandatory parameter."), NotPlaced, "ORDER_REFUSED", False),
    (refused(-9999, "Nobody has heard of this."), NotPlaced, "ORDER_REFUSED", False),
    (
        refused(-2010, "Account has insufficient balance for requested action."),
        NotPlaced,
        "INSUFFICIENT_FUNDS",
        False,
    ),
    (
        refused(-2010, "Stop price would trigger immediately."),
        NotPlaced,
        "ORDER_REFUSED",
        False,
    ),
    (refused(-2010, "Duplicate order sent."), OutcomeUnknown, None, False),
    (refused(-2011, "Unknown order sent."), OutcomeUnknown, None, False),
    (refused(-2013, "Order does not exist."), OutcomeUnknown, None, False),
    (refused(-1022, "Signature for this is not valid."), NotPlaced, "CREDENTIALS_REFUSED", False),
    (refused(-2014, "API-key format invalid.", 401), NotPlaced, "CREDENTIALS_REFUSED", False),
    (refused(-2015, "Invalid API-key.", 401), NotPlaced, "CREDENTIALS_REFUSED", False),
    (refused(-1021, "Timestamp is outside of recvWindow."), NotNow, "VENUE_CLOCK", False),
    (refused(-1013, "Market is closed."), NotPlaced, "MARKET_CLOSED", False),
    (refused(-1121, "Invalid symbol."), NotPlaced, "INVALID_SYMBOL", False),
]


@pytest.mark.parametrize(("fault", "kind", "code", "there"), TABLE)
def test_an_error_says_what_became_of_the_order(venue, fault, kind, code, there):
    account = sign_in(venue)
    wanted = ticket(account)
    account.rules(BTC)
    venue.faults.arm("newOrder", Fault(**(vars(fault) | {"times": 1})))
    error = refusal(account.submit, wanted)
    assert type(error) is kind
    assert error.code == (code or "OUTCOME_UNKNOWN")
    assert len(placed(venue, wanted.client_id)) == there
    assert len(venue.requests("newOrder")) == 1
    assert error.__cause__ is None
    assert error.__context__ is None
    assert_tells_no_secret(told(error))
    assert "127.0.0.1" not in told(error)
    if there:
        assert account.order(BTC, "", wanted.client_id).filled == wanted.amount
    else:
        assert account.order(BTC, "", wanted.client_id) is None


def test_a_late_answer_leaves_the_outcome_open(venue):
    account = sign_in(venue, timeout=0.4)
    account.rules(BTC)
    wanted = ticket(account)
    venue.faults.arm("newOrder", Fault(hang=2.0))
    assert type(refusal(account.submit, wanted)) is OutcomeUnknown
    assert not placed(venue, wanted.client_id), "it was not waited for"
    while not placed(venue, wanted.client_id):
        time.sleep(0.02)
    assert sign_in(venue).order(BTC, "", wanted.client_id).state is VenueState.FILLED
    assert len(venue.requests("newOrder")) == 1


def test_a_name_that_rests_already_leaves_the_outcome_open(venue, account):
    wanted = limit(account)
    first = account.submit(wanted)
    again = refusal(account.submit, wanted)
    assert type(again) is OutcomeUnknown
    assert again.details["reason"] == "InvalidOrder"
    assert account.order(BTC, "", wanted.client_id) == account.order(BTC, first.venue_id, "")


def test_a_refused_key_that_worked_before_may_be_banned_for_a_while(venue, account):
    account.balances()
    for seconds, fault in ((120, refused(-2015, "Invalid API-key.", 401)), (7, None)):
        venue.faults.arm("newOrder", fault or rate_limited("6.2"))
        error = refusal(account.submit, ticket(account))
        assert (type(error), error.code) == (NotNow, "VENUE_RATE_LIMITED")
        assert error.details["retry_after_seconds"] == seconds
        assert error.details["banned"] is (fault is not None)


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [
        (429, "5", 5),
        (429, "", 1),
        (429, "0", 1),
        (418, "3600", 3600),
        (418, "soon", 120),
        (418, "nan", 120),
        (418, "-4", 120),
        (418, "1e12", 3 * 86_400),
    ],
)
def test_a_venue_says_how_long_it_wants_to_be_left_alone(venue, account, status, header, seconds):
    account.now_ms()
    venue.faults.arm("account", rate_limited(header, status))
    error = refusal(account.balances)
    assert (type(error), error.code) == (NotNow, "VENUE_RATE_LIMITED")
    assert error.details == {"retry_after_seconds": seconds, "banned": status == 418}


def test_the_venues_own_refusals_say_why(venue, account):
    cases = [
        (ticket(account, amount=D("1000")), "INSUFFICIENT_FUNDS"),
        (ticket(account, amount=D("0.00002")), "ORDER_TOO_SMALL"),
        (ticket(account, symbol=Symbol("XYZ/USDT")), "INVALID_SYMBOL"),
        (limit(account, "0.005"), "ORDER_REFUSED"),
        (limit(account, "40000.001"), "ORDER_REFUSED"),
        (ticket(account, amount=D("0.000011")), "ORDER_REFUSED"),
        (ticket(account, amount=D(0)), "ORDER_REFUSED"),
        (ticket(account, amount=D("NaN")), "ORDER_REFUSED"),
        (ticket(account, type=OrderType.STOP_LOSS, stop_price=D(60000)), "ORDER_REFUSED"),
    ]
    for wanted, code in cases:
        error = refusal(account.submit, wanted)
        assert (type(error), error.code) == (NotPlaced, code)
        assert not placed(venue, wanted.client_id)
    venue.market.rules["BTCUSDT"].status = "BREAK"
    assert refusal(account.submit, ticket(account)).code == "MARKET_CLOSED"


def test_nothing_is_sent_before_the_markets_and_the_time_are_known(venue):
    for endpoint in ("exchangeInfo", "time"):
        account = sign_in(venue)
        venue.faults.arm(endpoint, html(503))
        error = refusal(account.submit, ticket(account, stamp_ms=venue.market.now_ms()))
        assert (type(error), error.code) == (NotNow, "VENUE_UNREACHABLE")
        assert account.submit(ticket(account)).state is VenueState.FILLED
    assert len(venue.requests("newOrder")) == 2


def test_what_no_answer_explains_leaves_the_outcome_open(venue, account, monkeypatch):
    account.rules(BTC)
    monkeypatch.setattr(account._api, "parse_order", lambda *_: 1 / 0)
    wanted = ticket(account)
    assert type(refusal(account.submit, wanted)) is OutcomeUnknown
    assert placed(venue, wanted.client_id)


def test_what_fails_before_it_is_sent_was_not_placed(venue, account, monkeypatch):
    account.rules(BTC)
    wanted = ticket(account)
    for error in (ccxt.InvalidOrder("no"), KeyError("x"), ccxt.NotSupported("no")):

        def fail(*_: Any, problem: Exception = error) -> Any:
            raise problem

        monkeypatch.setattr(account._api, "sign", fail)
        assert type(refusal(account.submit, wanted)) is NotPlaced
    assert not venue.requests("newOrder")


def test_an_answer_that_only_acknowledges_is_an_open_order(venue, account):
    shown = ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")
    venue.faults.arm("newOrder", Fault(edit=lambda answer: {k: answer[k] for k in shown}))
    wanted = ticket(account)
    report = account.submit(wanted)
    assert (report.state, report.filled, report.amount) == (VenueState.OPEN, 0, wanted.amount)
    assert account.order(BTC, report.venue_id, "").filled == wanted.amount


# --- time ----------------------------------------------------------------------------------


def test_an_order_is_signed_with_its_stamp_and_window(venue):
    account = sign_in(venue, recv_window_ms=4321)
    wanted = ticket(account, stamp_ms=account.now_ms() - 777)
    account.submit(wanted)
    query = venue.requests("newOrder")[0].query
    assert (query["timestamp"], query["recvWindow"]) == (str(wanted.stamp_ms), "4321")
    assert account.recv_window_ms == 4321
    assert sign_in(venue, ccxt_id="kraken").recv_window_ms == 0


@pytest.mark.parametrize(
    ("ccxt_id", "api", "path"),
    [
        ("binance", ["private"], "order"),
        ("binanceus", ["private"], "order"),
        ("bybit", ["private"], "v5/order/create"),
        ("mexc", ["spot", "private"], "order"),
        ("backpack", ["private"], "api/v1/order"),
        ("bitrue", ["spot", "v1", "private"], "order"),
    ],
)
def test_venues_with_a_window_get_the_orders_own_stamp(venue, monkeypatch, ccxt_id, api, path):
    keys = {"apiKey": KEY, "secret": base64.b64encode(b"s" * 32).decode()}
    account = sign_in(venue, ccxt_id=ccxt_id, recv_window_ms=4321, keys=keys)
    client, now = account._client, venue.market.now_ms()
    monkeypatch.setattr(client, "now_ms", lambda: now)
    stamp = now - 1234
    order, read = (
        json.dumps(sign(lambda: account._api.sign(path, api, "POST", {"symbol": "X"})))
        for sign in (lambda request: client.order(request, stamp), client.ask)
    )
    assert str(stamp) in order
    assert "4321" in order
    assert str(stamp) not in read
    assert str(now)[:9] in read
    assert account.recv_window_ms == 4321


@pytest.mark.parametrize(("ccxt_id", "stamped"), [("kraken", False), ("bingx", True)])
def test_a_nonce_that_must_grow_is_left_to_the_client(venue, monkeypatch, ccxt_id, stamped):
    account = sign_in(venue, ccxt_id=ccxt_id)
    monkeypatch.setattr(account._client, "now_ms", lambda: 1_700_000_000_000)
    nonce = account._client.order(lambda: account._api.nonce(), 1_699_999_999_000)
    assert (nonce == 1_699_999_999_000) is stamped


def test_an_order_that_dawdles_on_its_way_is_refused_by_the_venue(venue):
    account = sign_in(venue, recv_window_ms=500)
    account.rules(BTC)
    wanted = ticket(account)
    venue.delay = 0.7
    error = refusal(account.submit, wanted)
    assert (type(error), error.code) == (NotNow, "VENUE_CLOCK")
    assert len(venue.requests("newOrder")) == 1
    assert not placed(venue, wanted.client_id)


def test_an_order_with_an_old_stamp_is_not_sent(venue, account):
    account.rules(BTC)
    error = refusal(account.submit, ticket(account, stamp_ms=account.now_ms() - 5100))
    assert (type(error), error.code) == (NotNow, "VENUE_CLOCK")
    assert not venue.requests("newOrder")


def test_a_process_that_stood_still_after_signing_does_not_send(venue, monkeypatch):
    account = sign_in(venue, recv_window_ms=300)
    account.rules(BTC)
    sign = account._api.sign

    def freeze(*arguments: Any, **named: Any) -> Any:
        signed = sign(*arguments, **named)
        time.sleep(0.5)
        return signed

    monkeypatch.setattr(account._api, "sign", freeze)
    error = refusal(account.submit, ticket(account))
    assert (type(error), error.code) == (NotNow, "VENUE_CLOCK")
    assert not venue.requests("newOrder")


def test_an_answer_that_does_not_repeat_our_name_is_about_it(venue, account):
    wanted = limit(account)
    account.submit(wanted)
    venue.faults.arm("queryOrder", Fault(edit=lambda row: row | {"clientOrderId": ""}))
    assert account.order(BTC, "", wanted.client_id).client_id == wanted.client_id
    venue.faults.arm("queryOrder", Fault(edit=lambda row: row | {"clientOrderId": "other"}))
    assert refusal(account.order, BTC, "", wanted.client_id).code == "VENUE_BAD_DATA"


@pytest.mark.parametrize("seconds", [-10, 10])
def test_a_venue_with_another_time_is_traded_at_by_its_time(venue, seconds):
    venue.market.skew_ms = seconds * 1000
    account = sign_in(venue)
    assert abs(account.now_ms() - venue.market.now_ms()) < 1000
    assert account.submit(ticket(account)).state is VenueState.FILLED
    assert account.balances()


@pytest.mark.parametrize("seconds", [-10, 10])
def test_a_venue_whose_clock_is_set_is_asked_for_its_time_again(venue, seconds):
    account = sign_in(venue)
    account.submit(ticket(account))
    venue.market.skew_ms = seconds * 1000
    error = refusal(account.submit, ticket(account))
    assert (type(error), error.code) == (NotNow, "VENUE_CLOCK")
    assert account.submit(ticket(account)).state is VenueState.FILLED
    venue.market.skew_ms = 0
    assert refusal(account.balances).code == "VENUE_CLOCK"
    assert account.balances()


def test_a_venue_that_tells_no_time_dates_its_answers(venue, monkeypatch):
    venue.market.skew_ms = -30_000
    account = sign_in(venue)
    monkeypatch.setitem(account._api.has, "fetchTime", False)
    assert 0 <= venue.market.now_ms() - account.now_ms() < 2000
    assert account.submit(ticket(account)).state is VenueState.FILLED
    assert not venue.requests("time")
    asked = len(venue.asked)
    account.resync()
    account.now_ms()
    assert len(venue.asked) == asked + 1


def test_the_venues_time_is_never_ahead_of_it(venue, account):
    for _ in range(20):
        assert account.now_ms() <= venue.market.now_ms()
    asked = len(venue.requests("time"))
    account.resync()
    account.now_ms()
    assert len(venue.requests("time")) == asked + 1


# --- numbers -------------------------------------------------------------------------------


def test_numbers_are_exact_from_the_wire_on(venue, account):
    for symbol, amount, price, cost in (
        (PEPE, "123456789", "0.00000123", "151.85185047"),
        (ETH, "12.34567891", "3001", "37049.38240891"),
    ):
        bought = account.submit(ticket(account, symbol=symbol, amount=D(amount)))
        assert (bought.filled, bought.cost) == (D(amount), D(cost))
        assert bought.cost == venue.ledger.all_orders[int(bought.venue_id)].paid
        (trade,) = account.trades(symbol, 0, bought.venue_id)
        assert (trade.amount, trade.price, trade.cost) == (D(amount), D(price), D(cost))
        assert venue.requests("newOrder")[-1].query["quantity"] == amount
        assert account.price(symbol) == D(price)
    resting = account.submit(limit(account, "0.00000117", symbol=PEPE, amount=D("98765432")))
    assert venue.requests("newOrder")[-1].query["price"] == "0.00000117"
    assert resting.price == D("0.00000117")
    pepe, eth = account.rules(PEPE), account.rules(ETH)
    assert (pepe.amount_step, pepe.price_step) == (D(1), D("0.00000001"))
    assert (eth.amount_step, eth.price_step) == (D("0.00000001"), D(1))
    assert (eth.min_cost, eth.taker, eth.has_stops) == (D(5), D("0.001"), True)


def test_many_fills_add_up_to_the_order(venue, account):
    venue.ledger.split_market_orders([("0.333", "0"), ("0.333", "0.0003"), ("0.334", "0.0007")])
    for amount in ("0.12345", "0.00777", "0.00011"):
        report = account.submit(ticket(account, amount=D(amount)))
        trades = account.trades(BTC, 0, report.venue_id)
        assert len(trades) == 3
        assert sum(trade.amount for trade in trades) == report.filled == D(amount)
        assert sum(trade.cost for trade in trades) == report.cost
    mine = [trade for trade in venue.ledger.all_trades if trade.account == "us"]
    assert [
        (t.trade_id, t.amount, t.cost, t.fee, t.fee_currency) for t in account.trades(BTC, 0)
    ] == [(str(t.id), t.qty, t.quote_qty, t.fee, t.fee_asset) for t in mine]
    balances = account.balances()
    assert {name: tuple(balance) for name, balance in balances.items()} == {
        name: (free, free + held) for name, (free, held) in venue.ledger.balances("us").items()
    }


def test_numbers_that_json_writes_as_numbers_stay_exact(venue, account):
    account.rules(BTC)
    row = b'{"balances": [{"asset": "BTC", "free": 123456789.1234567891, "locked": 1e-8}]}'
    venue.faults.arm("account", Fault(body=row))
    assert account.balances()["BTC"] == (D("123456789.1234567891"), D("123456789.1234567991"))


def test_the_threads_decimals_are_left_as_they_were(venue, account):
    before = decimal.getcontext().copy()
    account.submit(limit(account))
    refusal(account.submit, ticket(account, amount=D("1e-30")))
    after = decimal.getcontext()
    assert (after.prec, after.rounding, after.traps) == (before.prec, before.rounding, before.traps)


@given(value=st.decimals(allow_nan=False, allow_infinity=False, places=12))
def test_a_number_is_read_as_it_is_written(value):
    assert ccxt_parsing.number(str(value)) == value
    assert ccxt_parsing.number(f"{value:f}") == value


@pytest.mark.parametrize("value", ["nan", "Infinity", "-inf", "12,5", "x", True, "0x10"])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(BadData):
        ccxt_parsing.number(value)


# --- orders --------------------------------------------------------------------------------


def test_a_market_buy_names_its_amount(venue, account):
    account.submit(ticket(account))
    query = venue.requests("newOrder")[0].query
    assert query["quantity"] == "0.01"
    assert "quoteOrderQty" not in query
    assert "price" not in query


def test_an_order_is_found_by_either_name(venue, account):
    wanted = limit(account)
    report = account.submit(wanted)
    assert report.client_id == wanted.client_id
    assert account.order(BTC, report.venue_id, "") == account.order(BTC, "", wanted.client_id)
    assert account.order(BTC, "", "no-such-order") is None
    assert account.order(BTC, "987654", "") is None
    assert [order.venue_id for order in account.open_orders()] == [report.venue_id]
    assert account.open_orders(ETH) == []
    assert len(venue.requests("newOrder")) == 1


def test_a_stop_rests_at_the_venue_and_fires(venue, account):
    stop = ticket(account, side=Side.SELL, type=OrderType.STOP_LOSS, stop_price=D("49000.5"))
    report = account.submit(stop)
    query = venue.requests("newOrder")[0].query
    assert (query["type"], query["stopPrice"]) == ("STOP_LOSS", "49000.5")
    assert (report.state, report.filled, report.type) == (VenueState.OPEN, 0, "stop_loss")
    assert account.open_orders()[0].type == "stop_loss"
    venue.ledger.set_price("BTC/USDT", "48000")
    assert account.order(BTC, "", stop.client_id).state is VenueState.FILLED


def test_a_stop_that_would_fire_at_once_is_refused(venue, account):
    stop = ticket(account, side=Side.SELL, type=OrderType.STOP_LOSS, stop_price=D("51000"))
    error = refusal(account.submit, stop)
    assert (type(error), error.code) == (NotPlaced, "ORDER_REFUSED")
    assert error.details == {"reason": "OrderImmediatelyFillable", "venue_code": "-2010"}


def test_a_market_without_stops_says_so(venue):
    venue.market.rules["BTCUSDT"].order_types = ("LIMIT", "MARKET", "STOP_LOSS_LIMIT")
    account = sign_in(venue)
    assert account.rules(BTC).has_stops is False
    stop = ticket(account, side=Side.SELL, type=OrderType.STOP_LOSS, stop_price=D("49000"))
    assert type(refusal(account.submit, stop)) is NotPlaced
    assert not venue.requests("newOrder")


def test_a_canceled_order_keeps_its_name(venue, account):
    by_id, by_name = limit(account), limit(account)
    report = account.submit(by_id)
    account.submit(by_name)
    account.cancel(BTC, report.venue_id, by_id.client_id)
    account.cancel(BTC, "", by_name.client_id)
    for wanted in (by_id, by_name):
        order = account.order(BTC, "", wanted.client_id)
        assert (order.state, order.client_id) == (VenueState.CANCELED, wanted.client_id)
    # Over already, and never known.
    account.cancel(BTC, report.venue_id, "")
    account.cancel(BTC, "", "no-such-order")
    assert account.open_orders() == []


@pytest.mark.parametrize(
    ("fault", "kind", "code"),
    [
        (Fault(reset=True), OutcomeUnknown, "OUTCOME_UNKNOWN"),
        (html(503), OutcomeUnknown, "OUTCOME_UNKNOWN"),
        (lost("html"), OutcomeUnknown, "OUTCOME_UNKNOWN"),
        (refused(-1006, "Execution status unknown."), OutcomeUnknown, "OUTCOME_UNKNOWN"),
        (rate_limited("3"), NotNow, "VENUE_RATE_LIMITED"),
        (refused(-1021, "Timestamp."), NotNow, "VENUE_CLOCK"),
        (refused(-2014, "API-key format invalid.", 401), SignInRefused, "CREDENTIALS_REFUSED"),
    ],
)
def test_a_cancel_that_failed_says_so(venue, account, fault, kind, code):
    report = account.submit(limit(account))
    venue.faults.arm("cancelOrder", Fault(**(vars(fault) | {"times": 1})))
    error = refusal(account.cancel, BTC, report.venue_id, "")
    assert (type(error), error.code) == (kind, code)
    assert len(venue.requests("cancelOrder")) == 1
    assert_tells_no_secret(told(error))


STATES = {
    "NEW": VenueState.OPEN,
    "PARTIALLY_FILLED": VenueState.OPEN,
    "PENDING_CANCEL": VenueState.OPEN,
    "FILLED": VenueState.FILLED,
    "CANCELED": VenueState.CANCELED,
    "REJECTED": VenueState.REJECTED,
    "EXPIRED": VenueState.EXPIRED,
    "EXPIRED_IN_MATCH": VenueState.EXPIRED,
    "PENDING_NEW": VenueState.OPEN,
}


@pytest.mark.parametrize(("status", "state"), STATES.items())
def test_every_state_of_the_venue_is_known(venue, account, status, state):
    wanted = limit(account)
    report = account.submit(wanted)
    done = {"executedQty": "0.01000000"} if status == "FILLED" else {}
    venue.faults.arm("queryOrder", Fault(edit=lambda row: row | {"status": status} | done))
    assert account.order(BTC, report.venue_id, "").state is state


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "limit"),
        ({"type": "market", "info": {"type": "TAKE_PROFIT"}}, "take_profit"),
        ({"stopLossPrice": "3"}, "stop_loss_limit"),
        ({"type": "market", "takeProfitPrice": "3"}, "take_profit"),
        ({"triggerPrice": "3"}, "trigger_limit"),
    ],
)
def test_a_stop_is_called_a_stop(changes, kind):
    assert ccxt_parsing.order_report(order_row(**changes), BTC).type == kind


@pytest.mark.parametrize(
    "words", [{"status": None}, {"status": "DREAMING"}, {"status": None, "info": {"status": "X"}}]
)
def test_an_order_listed_among_the_open_ones_is_open_whatever_the_venue_calls_it(words):
    [report], unreadable = ccxt_parsing.listed_orders([order_row(**words)], BTC)
    assert (report.venue_id, report.state, unreadable) == ("77", VenueState.OPEN, [])
    with pytest.raises(BadData):
        ccxt_parsing.order_report(order_row(**words), BTC)


def test_an_open_order_that_cannot_be_read_hides_no_other(venue, account, caplog):
    odd, plain = account.submit(limit(account)), account.submit(limit(account, "41000"))

    def edit(rows: Any) -> Any:
        spoilt = {"executedQty": "5"}
        return [row | (spoilt if str(row["orderId"]) == odd.venue_id else {}) for row in rows]

    venue.faults.arm("openOrders", Fault(edit=edit))
    assert [order.venue_id for order in account.open_orders(BTC)] == [plain.venue_id]
    assert odd.venue_id in caplog.text
    assert_tells_no_secret(caplog.text)


def test_markets_that_cannot_be_learnt_again_are_those_of_before(venue, account):
    account.rules(BTC)
    account._client._markets_at -= 3601
    venue.faults.arm("exchangeInfo", Fault(times=2, status=503, body=b"<html>"))
    before = len(venue.asked)
    for _ in range(3):
        assert account.rules(BTC).amount_step > 0
    assert len(venue.asked) == before + 1, "once a minute"
    account._client._tried_at -= 61
    assert account.price(BTC) > 0
    account._client._tried_at -= 61
    account.rules(BTC)
    asked = len(venue.asked)
    account._client._tried_at -= 61
    account.rules(BTC)
    assert len(venue.asked) == asked, "learnt, for an hour"


def test_an_empty_list_of_markets_is_no_news(venue, account):
    account.rules(BTC)
    account._client._markets_at -= 3601
    venue.faults.arm("exchangeInfo", Fault(edit=lambda said: said | {"symbols": []}))
    assert account.rules(BTC).amount_step > 0


def test_the_first_markets_must_be_learnt(venue, account):
    venue.faults.arm("exchangeInfo", Fault(status=503, body=b"<html>"))
    assert refusal(account.rules, BTC).code == "VENUE_UNREACHABLE"
    assert account.rules(BTC).amount_step > 0


def test_what_is_closed_and_not_filled_is_canceled():
    row = order_row(status="closed", filled="0.3")
    assert ccxt_parsing.order_report(row, BTC).state is VenueState.CANCELED


@pytest.mark.parametrize(
    "fault",
    [
        Fault(body=b"{}"),
        Fault(body=b"[]"),
        Fault(body=b""),
        Fault(body=b"null"),
        html(200),
        Fault(cut=True),
        Fault(edit=lambda row: row | {"status": "DREAMING"}),
        Fault(edit=lambda row: row | {"orderId": 1}),
        Fault(edit=lambda row: row | {"executedQty": "NaN"}),
        Fault(edit=lambda row: row | {"executedQty": "5"}),
        Fault(edit=lambda row: row | {"origQty": None}),
        Fault(edit=lambda row: row | {"symbol": "ETHUSDT"}),
        Fault(edit=lambda row: row | {"side": "HOLD"}),
        html(503),
        html(404),
        Fault(reset=True),
        refused(-1000, "An unknown error occurred."),
        refused(-1100, "Illegal characters."),
    ],
)
def test_a_broken_answer_is_never_taken_for_no_order(venue, account, fault):
    report = account.submit(limit(account))
    venue.faults.arm("queryOrder", Fault(**(vars(fault) | {"times": 1})))
    error = refusal(account.order, BTC, report.venue_id, "")
    assert isinstance(error, VenueError)
    assert_tells_no_secret(told(error))
    assert account.order(BTC, report.venue_id, "") is not None


@pytest.mark.parametrize(
    "body", [b"{}", b"", b"null", b"<html>", b'{"code": 0}', b"[1]", b"[null]"]
)
@pytest.mark.parametrize("endpoint", ["openOrders", "myTrades", "account", "ticker24hr"])
def test_a_broken_answer_is_never_taken_for_an_empty_one(venue, account, endpoint, body):
    account.rules(BTC)
    account.now_ms()
    calls = {
        "openOrders": lambda: account.open_orders(BTC),
        "myTrades": lambda: account.trades(BTC, account.now_ms() - 1000),
        "account": account.balances,
        "ticker24hr": lambda: account.price(BTC),
    }
    venue.faults.arm(endpoint, Fault(body=body))
    error = refusal(calls[endpoint])
    assert isinstance(error, VenueError)
    assert error.code in ("VENUE_BAD_DATA", "VENUE_ERROR", "VENUE_UNREACHABLE")
    calls[endpoint]()


def test_each_call_is_one_request(venue, account):
    account.rules(BTC)
    account.now_ms()
    report = account.submit(limit(account))
    calls: list[Callable[[], Any]] = [
        lambda: account.submit(ticket(account)),
        lambda: account.order(BTC, report.venue_id, ""),
        lambda: account.order(BTC, "", report.client_id),
        lambda: account.order(BTC, "", "none"),
        account.open_orders,
        lambda: account.trades(BTC, account.now_ms() - 60_000),
        lambda: account.trades(BTC, 0, report.venue_id),
        account.balances,
        account.permissions,
        lambda: account.price(BTC),
        lambda: account.cancel(BTC, report.venue_id, ""),
        lambda: account.cancel(BTC, "", report.client_id),
    ]
    for call in calls:
        before = len(venue.asked)
        call()
        assert len(venue.asked) == before + 1
    before = len(venue.asked)
    account.rules(BTC)
    assert len(venue.asked) == before


# --- trades --------------------------------------------------------------------------------


def test_trades_of_one_moment_are_all_there(venue, account):
    parts: list[tuple[Any, Any]] = [(D(1) / 2400, "0")] * 2400
    venue.ledger.split_market_orders(parts)
    report = account.submit(ticket(account, amount=D("0.024")))
    hers = venue.ledger.all_trades
    assert len(hers) == 2400
    moment = account.now_ms() - 60_000
    for trade in hers:
        trade.time_ms = moment
    for trade in hers[:3]:
        trade.time_ms -= 5
    expected = [str(trade.id) for trade in hers]
    since = moment - 1000
    for found in (
        account.trades(BTC, since),
        account.trades(BTC, since, report.venue_id),
        account.trades(BTC, 0),
    ):
        assert [trade.trade_id for trade in found] == expected
        assert sum(trade.amount for trade in found) == report.filled
    assert [t.trade_id for t in account.trades(BTC, moment)] == expected[3:]


def test_trades_of_several_days_are_all_there_once(venue, account):
    day = 86_400_000
    venue.ledger.duplicate_share = 0.5
    for _ in range(12):
        account.submit(ticket(account))
    for index, trade in enumerate(venue.ledger.all_trades):
        trade.time_ms = venue.market.now_ms() - (11 - index) * day // 2 - 1
    expected = [str(trade.id) for trade in venue.ledger.all_trades]
    now = account.now_ms()
    assert [t.trade_id for t in account.trades(BTC, now - 7 * day)] == expected
    assert [t.trade_id for t in account.trades(BTC, now - 2 * day + 60_000)] == expected[-4:]


def test_a_page_that_is_cut_at_its_beginning_loses_nothing(venue, account, monkeypatch):
    """Some answer the newest of a range, some the oldest."""
    monkeypatch.setattr("exchanges.adapters.ccxt_trades._BINANCE_PAGE", 4)
    for _ in range(19):
        account.submit(ticket(account))
    for index, trade in enumerate(venue.ledger.all_trades):
        trade.time_ms += index
    expected = [str(trade.id) for trade in venue.ledger.all_trades]
    fetch = account._api.fetch_my_trades

    def newest(symbol: str, since: int | None, limit: int, params: dict[str, Any]) -> Any:
        if since is None:
            return fetch(symbol, since, limit, params)
        return fetch(symbol, since, 1000, params)[-limit:]

    since = venue.ledger.all_trades[0].time_ms - 1000
    assert [t.trade_id for t in account.trades(BTC, since)] == expected
    monkeypatch.setattr(account._api, "fetch_my_trades", newest)
    assert [t.trade_id for t in account.trades(BTC, since)] == expected


def test_of_fees_in_two_currencies_the_first_is_told():
    row = {
        "id": "7",
        "order": "1",
        "symbol": "BTC/USDT",
        "side": "buy",
        "amount": "2",
        "price": "10.5",
        "cost": None,
        "timestamp": 1_700_000_000_000,
        "fees": [
            {"currency": "BNB", "cost": "0.1"},
            {"currency": "BTC", "cost": "9"},
            {"currency": "BNB", "cost": "0.02"},
        ],
    }
    trade = ccxt_parsing.trade(row, BTC)
    assert (trade.fee, trade.fee_currency, trade.cost) == (D("0.12"), "BNB", D("21.0"))
    assert ccxt_parsing.trade(row | {"fees": [], "fee": None}, BTC).fee == 0


# --- venues that cannot be asked by our names -----------------------------------------------


def order_row(**changes: Any) -> dict[str, Any]:
    return {
        "id": "77",
        "clientOrderId": "ours",
        "symbol": "BTC/USDT",
        "side": "buy",
        "status": "open",
        "amount": "1",
        "filled": "0",
        "cost": "0",
        "type": "limit",
        "price": "5",
        "timestamp": 1_700_000_000_000,
        "info": {},
    } | changes


def test_elsewhere_an_order_is_sought_among_the_open_and_then_the_closed(venue, monkeypatch):
    account = sign_in(venue, ccxt_id="gate")
    client, asked = account._client, []
    monkeypatch.setattr(client, "load_markets", lambda *_: None)
    rows: dict[str, list[dict[str, Any]]] = {"open": [order_row()], "closed": []}

    def listing(name: str) -> Any:
        def fetch(symbol: str | None) -> Any:
            asked.append(name)
            client._said = rows[name]
            return rows[name]

        return fetch

    monkeypatch.setattr(client, "ask", lambda request, **_: request())
    monkeypatch.setattr(account._api, "fetch_open_orders", listing("open"))
    monkeypatch.setattr(account._api, "fetch_closed_orders", listing("closed"))
    assert account.order(BTC, "", "ours").venue_id == "77"
    rows["open"], rows["closed"] = (
        [],
        [order_row(status="closed", filled="1", clientOrderId="t-ours")],
    )
    assert account.order(BTC, "", "ours").state is VenueState.FILLED
    assert account.order(BTC, "", "others") is None
    assert asked == ["open", "open", "closed", "open", "closed"]


def test_a_venue_that_forgets_our_names_is_not_traded_at(venue):
    account = sign_in(venue, ccxt_id="bitflyer")
    error = refusal(account.submit, ticket(account, stamp_ms=1))
    assert (type(error), error.code) == (NotPlaced, "ORDER_REFUSED")
    assert not venue.asked


# --- the account ---------------------------------------------------------------------------


def test_a_keys_permissions_are_told(venue, account):
    assert account.permissions() == Permissions(trade=True, withdraw=False)
    venue.ledger.accounts["us"].can_withdraw = True
    venue.ledger.accounts["us"].may_trade = False
    assert account.permissions() == Permissions(trade=False, withdraw=True)
    assert sign_in(venue, sandbox=True).permissions() == Permissions()
    venue.faults.arm("apiRestrictions", Fault(body=b"{}"))
    assert account.permissions() == Permissions()


def test_a_wrong_key_is_refused(venue):
    for keys in ({"apiKey": "nobody", "secret": SECRET}, {"apiKey": KEY, "secret": "wrong"}):
        account = sign_in(venue, keys=keys)
        for call in (account.balances, account.open_orders, account.permissions):
            assert type(refusal(call)) is SignInRefused
        error = refusal(account.submit, ticket(account))
        assert (type(error), error.code) == (NotPlaced, "CREDENTIALS_REFUSED")


@pytest.mark.parametrize("sandbox", [False, True])
def test_nothing_escapes_the_servers_address(venue, sandbox, monkeypatch):
    seen = []
    send = requests.Session.send

    def watched(self: Any, request: Any, **named: Any) -> Any:
        seen.append(request.url)
        return send(self, request, **named)

    monkeypatch.setattr(requests.Session, "send", watched)
    account = sign_in(venue, sandbox=sandbox)
    report = account.submit(limit(account))
    account.cancel(BTC, report.venue_id, "")
    account.balances()
    account.permissions()
    account.price(BTC)
    base = venue.sandbox_url if sandbox else venue.url
    assert len(seen) > 5
    assert all(url.startswith(base) for url in seen)
    assert {asked.source for asked in venue.asked} == {"sandbox" if sandbox else "production"}


def test_a_request_for_another_server_does_not_leave(venue, account):
    account.rules(BTC)
    urls = account._api.urls["api"]
    urls["private"] = urls["private"].replace("127.0.0.1", "127.0.0.2")
    error = refusal(account.submit, ticket(account))
    assert type(error) is NotPlaced
    assert not venue.requests("newOrder")


def test_an_answer_that_points_elsewhere_is_not_followed(venue, account):
    account.rules(BTC)
    away = Fault(status=307, headers={"Location": f"{venue.url}/api/v3/order/test"}, body=b"")
    venue.faults.arm("newOrder", away)
    assert type(refusal(account.submit, ticket(account))) is OutcomeUnknown
    assert not venue.requests("testOrder")


def test_a_venue_without_a_sandbox_is_not_entered():
    for name in ("kraken", "kucoin", "coinbase"):
        keys = {"apiKey": "k", "secret": "s", "password": "p"}
        with pytest.raises(InvalidInput) as caught:
            venue_account(Door(name, name), Keys(keys), True, 5000, 5.0, SystemClock())
        assert caught.value.code == "SANDBOX_UNSUPPORTED"


def test_only_credentials_are_taken():
    door, keys = Door("binance", "binance"), {"apiKey": KEY, "secret": SECRET}
    for wrong in ({"urls": "x"}, {"verbose": "1"}, {"fetch": "x"}, {"enableRateLimit": "0"}):
        with pytest.raises(InvalidInput) as caught:
            venue_account(door, Keys(keys | wrong), False, 5000, 5.0, SystemClock())
        assert caught.value.code == "EXCHANGE_CONFIG_KEY_NOT_ALLOWED"
        assert_tells_no_secret(told(caught.value))
    with pytest.raises(InvalidInput) as caught:
        venue_account(door, Keys({"apiKey": KEY}), False, 1, 1, SystemClock())
    assert caught.value.code == "CREDENTIALS_MISSING"
    assert_tells_no_secret(told(caught.value))
    with pytest.raises(InvalidInput):
        venue_account(Door("simulated", ""), Keys({}), False, 1, 1.0, SystemClock())


def test_every_venue_is_set_up_or_refused_without_a_network(monkeypatch):
    def no_network(*_: Any, **__: Any) -> Any:
        raise AssertionError("a request was made")

    monkeypatch.setattr(requests.Session, "request", no_network)
    values = dict.fromkeys(
        ("apiKey", "secret", "password", "uid", "privateKey", "token"), "0x" + "1" * 64
    )
    values["walletAddress"] = "0x" + "2" * 40
    ready: dict[bool, set[str]] = {False: set(), True: set()}
    refusals: set[str] = set()
    for sandbox in (False, True):
        for name in ccxt.exchanges:
            try:
                account: Account = venue_account(
                    Door(name, name), Keys(values), sandbox, 5000, 5.0, SystemClock()
                )
            except InvalidInput as error:
                refusals.add(error.code)
                continue
            ready[sandbox].add(name)
            api = account._api
            assert api.isSandboxModeEnabled is sandbox or api.id == "bitget"
            assert not api.verbose
            assert not api.logger.isEnabledFor(logging.CRITICAL)
            assert "maxRetriesOnFailure" not in api.options
            assert not api.options["adjustForTimeDifference"]
    assert refusals == {"SANDBOX_UNSUPPORTED", "CREDENTIALS_MISSING"}
    assert len(ready[False]) > 95
    assert {"binance", "bybit", "okx", "bitget", "gate"} <= ready[True]
    assert 40 < len(ready[True]) < 60


# --- secrets -------------------------------------------------------------------------------


def test_no_log_line_holds_what_signs_in(venue, caplog):
    caplog.set_level(logging.DEBUG)
    for name in ("ccxt", "ccxt.base.exchange", "urllib3", "urllib3.connectionpool", "requests"):
        logging.getLogger(name).setLevel(logging.DEBUG)
    account = sign_in(venue)
    try:
        report = account.submit(limit(account))
        account.order(BTC, "", report.client_id)
        account.cancel(BTC, report.venue_id, "")
        account.balances()
        account.trades(BTC, 0)
        for fault in (Fault(reset=True), html(502), Fault(cut=True), refused(-1, KEY), html(429)):
            venue.faults.arm("queryOrder", fault)
            refusal(account.order, BTC, report.venue_id, "")
    finally:
        for name in ("ccxt", "ccxt.base.exchange", "urllib3", "urllib3.connectionpool", "requests"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    assert "/api/v3/order" in caplog.text
    assert_tells_no_secret(caplog.text)
    assert_tells_no_secret("\n".join(str(vars(record)) for record in caplog.records))


def test_a_venue_that_repeats_a_secret_is_not_quoted(venue, account):
    account.rules(BTC)
    asked = "https://api.example.com/api/v3/order?timestamp=1&signature=" + "ab" * 32
    for words in (KEY, f"key {KEY} and {SECRET}", asked, "signature: " + "c" * 20, "d" * 64):
        venue.faults.arm("newOrder", refused(-2014, f"Wrong {words}", 401))
        text = told(refusal(account.submit, ticket(account)))
        assert_tells_no_secret(text)
        assert "Wrong" in text
        assert "example.com" not in text


def test_an_unreachable_venue_is_not_quoted(venue):
    account = sign_in(venue, base_url="http://127.0.0.1:9", timeout=1.0)
    for call in (account.balances, account.now_ms, lambda: account.price(BTC)):
        error = refusal(call)
        assert (type(error), error.code) == (VenueError, "VENUE_UNREACHABLE")
        assert_tells_no_secret(told(error))
        assert ":9" not in told(error).replace("error.py:9", "")


@given(st.text(min_size=5), st.text())
def test_a_redacted_text_never_holds_the_secret(secret, around):
    assert secret not in Redactor([secret])(f"{around}{secret}{around}").replace("***", "")


def test_a_refusal_counts_only_in_the_venues_own_words():
    judge = Judge("Venue", ["secret"])
    said = {"code": "1", "msg": "no"}
    for error in (
        ccxt.InsufficientFunds,
        ccxt.InvalidOrder,
        ccxt.AuthenticationError,
        ccxt.BadRequest,
    ):
        assert type(judge.submission(Failure(error(), True, 400, {}, said))) is NotPlaced
        assert type(judge.submission(Failure(error(), True, 200, {}, said))) is NotPlaced
        for unsure in (
            Failure(error(), True, 400, {}, None),
            Failure(error(), True, 502, {}, said),
            Failure(error(), True),
        ):
            assert type(judge.submission(unsure)) is OutcomeUnknown
    bare = ccxt.ExchangeError()
    assert type(judge.submission(Failure(bare, True, 200, {}, said))) is OutcomeUnknown
    assert type(judge.submission(Failure(bare, True, 400, {}, {"msg": "no"}))) is OutcomeUnknown


def error_classes(kind: type[Exception] = ccxt.BaseError) -> list[type[Exception]]:
    return [kind, *(found for inner in kind.__subclasses__() for found in error_classes(inner))]


@pytest.mark.parametrize("kind", error_classes(), ids=lambda kind: kind.__name__)
def test_every_class_of_error_has_a_meaning(kind):
    judge = Judge("Venue", [])
    for status, said in ((None, None), (400, json.loads("{}")), (200, []), (503, None)):
        failure = Failure(kind("text"), True, status, {}, said)
        assert isinstance(judge.submission(failure), (NotPlaced, NotNow, OutcomeUnknown))
        assert isinstance(judge.question(failure), VenueError)
        judge.cancellation(failure)


def test_reports_are_comparable_structures():
    report = ccxt_parsing.order_report(order_row(filled="0.5", cost="2.5"), None)
    assert report == OrderReport(
        "77",
        "ours",
        BTC,
        Side.BUY,
        VenueState.OPEN,
        D(1),
        D("0.5"),
        D("2.5"),
        "limit",
        D(5),
        1_700_000_000_000,
    )
