"""The wire-level look-alike trades as Binance Spot does, seen through the real ccxt client."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from decimal import Decimal as D
from itertools import chain
from typing import Any

import ccxt  # noqa: TID251
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exchanges.adapters.ccxt_client import redirect
from exchanges.domain import Symbol
from tests.exchanges.tools import NOW
from tests.venue import (
    Chaos,
    Fault,
    Ledger,
    RemoteVenue,
    SpotMarket,
    SymbolRules,
    VenueRefusal,
    VenueServer,
    lost,
    rate_limited,
    refused,
)
from tests.venue.faults import LOSSES, html
from tests.venue.prices import Prices

BTC = "BTC/USDT"
KEY, SECRET = "key-of-main", "secret-of-main"
MONEY = {"USDT": "10000", "BTC": "1"}


@pytest.fixture
def venue() -> Iterator[VenueServer]:
    with VenueServer() as server:
        server.ledger.open_account("main", KEY, SECRET, balances=MONEY)
        server.ledger.set_price(BTC, "50000")
        yield server


def client(url: str, key: str = KEY, secret: str = SECRET, **config: Any) -> Any:
    api = ccxt.binance({"apiKey": key, "secret": secret, "enableRateLimit": False, **config})
    api.has["fetchCurrencies"] = False
    api.options["fetchMarkets"] = {"types": ["spot"]}
    api.options["fetchMargins"] = False
    api.options["fetchOpenOrders"] = {"warnWithoutSymbol": False}
    redirect(api, url)
    return api


@pytest.fixture
def api(venue: VenueServer) -> Any:
    api = client(venue.url, timeout=2000)
    api.load_markets()
    return api


def market(api: Any, side: str = "buy", amount: float = 0.01, client_id: str = "one") -> Any:
    return api.create_order(BTC, "market", side, amount, None, {"clientOrderId": client_id})


def limit(api: Any, side: str, amount: float, price: float, client_id: str = "limit") -> Any:
    return api.create_order(BTC, "limit", side, amount, price, {"clientOrderId": client_id})


def stop(api: Any, price: float, amount: float = 0.5, client_id: str = "stop") -> Any:
    more = {"stopLossPrice": price, "clientOrderId": client_id}
    return api.create_order(BTC, "market", "sell", amount, None, more)


def ask(api: Any, client_id: str = "one") -> Any:
    return api.fetch_order(None, BTC, {"clientOrderId": client_id})


def within(seconds: float, condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if found := condition():
                return found
        except ccxt.OrderNotFound:
            pass
        time.sleep(0.01)
    raise AssertionError("never")


# --- orders ---


def test_a_market_buy_fills_at_the_price_and_pays_its_fee_in_the_coin_bought(venue, api):
    order = market(api)
    assert (order["status"], order["filled"], order["average"]) == ("closed", 0.01, 50_000)
    assert order["fee"] == {"currency": "BTC", "cost": 0.00001}
    assert venue.ledger.position("main", "BTC") == D("1.00999")
    assert venue.ledger.position("main", "USDT") == D("9500")
    (trade,) = api.fetch_my_trades(BTC)
    assert (trade["order"], trade["takerOrMaker"]) == (order["id"], "taker")
    assert ask(api)["id"] == order["id"] == api.fetch_order(order["id"], BTC)["id"]
    venue.ledger.check()


def test_a_market_sale_pays_its_fee_in_what_it_gets(venue, api):
    assert market(api, "sell")["fee"] == {"currency": "USDT", "cost": 0.5}
    assert venue.ledger.balances("main")["USDT"] == (D("10499.5"), D(0))
    venue.ledger.check()


def test_a_third_coin_pays_the_fee_while_there_is_enough_of_it(venue, api):
    account = venue.ledger.accounts["main"]
    account.fee_coin = "BNB"
    venue.ledger.prices.functions["BNBUSDT"] = lambda ms: D(500)
    venue.ledger.deposit("main", "BNB", "0.0015")
    assert market(api)["fee"] == {"currency": "BNB", "cost": 0.001}
    assert market(api, "sell", client_id="two")["fee"]["currency"] == "USDT"
    assert venue.ledger.position("main", "BNB") == D("0.0005")
    venue.ledger.check()


def test_a_market_order_for_a_sum_of_money_buys_what_it_can(venue, api):
    order = api.create_market_buy_order_with_cost(BTC, 999)
    assert (order["filled"], order["cost"]) == (0.01998, 999)


def test_a_market_order_may_trade_in_parts_at_worse_and_worse_prices(venue, api):
    venue.ledger.split_market_orders([("0.5", "0"), ("0.5", "0.001")])
    order = market(api, amount=0.02)
    assert [t["price"] for t in order["trades"]] == [50_000, 50_050]
    assert order["cost"] == 1000.5
    assert len(api.fetch_my_trades(BTC, params={"orderId": order["id"]})) == 2
    venue.ledger.check()


def test_a_limit_order_locks_money_rests_and_fills_at_its_own_price(venue, api):
    order = limit(api, "buy", 0.1, 49_000)
    assert (order["status"], api.fetch_balance()["USDT"]) == (
        "open",
        {"free": 5100.0, "used": 4900.0, "total": 10_000.0},
    )
    assert [o["clientOrderId"] for o in api.fetch_open_orders()] == ["limit"]
    venue.ledger.set_price(BTC, "48000")
    assert api.fetch_open_orders(BTC) == []
    (trade,) = api.fetch_my_trades(BTC)
    assert (trade["price"], trade["takerOrMaker"]) == (49_000, "maker")
    assert venue.ledger.balances("main")["USDT"] == (D(5100), D(0))
    venue.ledger.check()


def test_a_limit_order_that_crosses_trades_at_the_better_price(venue, api):
    assert limit(api, "buy", 0.01, 51_000)["average"] == 50_000
    assert venue.ledger.position("main", "USDT") == D(9500)


def test_a_limit_order_fills_in_parts_and_a_cancel_frees_the_rest(venue, api):
    order = limit(api, "sell", 0.5, 60_000)
    venue.ledger.fill(int(order["id"]), "0.2")
    seen = ask(api, "limit")
    assert (seen["status"], seen["filled"], seen["remaining"]) == ("open", 0.2, 0.3)
    canceled = api.cancel_order(order["id"], BTC)
    assert (canceled["status"], canceled["filled"]) == ("canceled", 0.2)
    assert canceled["clientOrderId"] != "limit"
    assert canceled["info"]["origClientOrderId"] == "limit"
    assert venue.ledger.balances("main")["BTC"] == (D("0.8"), D(0))
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        api.cancel_order(order["id"], BTC)
    venue.ledger.check()


def test_an_order_is_canceled_by_its_client_id(venue, api):
    limit(api, "buy", 0.1, 40_000)
    assert api.cancel_order(None, BTC, {"clientOrderId": "limit"})["status"] == "canceled"
    assert ask(api, "limit")["status"] == "canceled"
    assert api.fetch_orders(BTC)[0]["clientOrderId"] == "limit"


def test_a_stop_waits_locked_and_falls_through_a_gap_to_the_price_of_then(venue, api):
    order = stop(api, 45_000)
    assert (order["info"]["type"], order["status"], order["stopPrice"]) == (
        "STOP_LOSS",
        "open",
        45_000,
    )
    assert venue.ledger.balances("main")["BTC"] == (D("0.5"), D("0.5"))
    venue.ledger.set_price(BTC, "45000.01")
    assert ask(api, "stop")["info"]["isWorking"] is False
    venue.ledger.set_price(BTC, "41000")
    seen = ask(api, "stop")
    assert (seen["status"], seen["average"]) == ("closed", 41_000)
    venue.ledger.check()


def test_a_canceled_stop_never_fires(venue, api):
    order = stop(api, 45_000)
    api.cancel_order(order["id"], BTC)
    venue.ledger.set_price(BTC, "41000")
    assert venue.ledger.trades("main") == []


@pytest.mark.parametrize(
    ("params", "kind", "price", "at"),
    [
        ({"stopLossPrice": 45_000}, "STOP_LOSS_LIMIT", "44500", 44_500),
        ({"stopLossPrice": 45_000}, "STOP_LOSS_LIMIT", "43000", None),
        ({"takeProfitPrice": 55_000}, "TAKE_PROFIT_LIMIT", "56000", 56_000),
    ],
)
def test_a_stop_with_a_limit_fires_and_then_keeps_to_it(venue, api, params, kind, price, at):
    limit_price = 44_000 if "stopLossPrice" in params else 54_000
    order = api.create_order(BTC, "limit", "sell", 0.1, limit_price, params)
    assert order["info"]["type"] == kind
    venue.ledger.set_price(BTC, price)
    seen = api.fetch_order(order["id"], BTC)
    assert (seen["average"], seen["info"]["isWorking"]) == (at, True)
    assert seen["status"] == ("closed" if at else "open")
    venue.ledger.check()


def test_a_take_profit_sells_at_market_when_the_price_is_there(venue, api):
    order = api.create_order(BTC, "market", "sell", 0.1, None, {"takeProfitPrice": 55_000})
    assert order["info"]["type"] == "TAKE_PROFIT"
    venue.ledger.set_price(BTC, "57000")
    assert api.fetch_order(order["id"], BTC)["average"] == 57_000


def test_a_stop_that_nobody_can_pay_for_when_it_fires_expires(venue, api):
    more = {"triggerPrice": 55_000}
    order = api.create_order(BTC, "market", "buy", 0.18, None, more)
    assert venue.ledger.balances("main")["USDT"] == (D(100), D(9900))
    venue.ledger.set_price(BTC, "60000")
    assert api.fetch_order(order["id"], BTC)["status"] == "expired"
    assert venue.ledger.balances("main")["USDT"] == (D(10_000), D(0))
    venue.ledger.check()


def test_a_venue_without_stop_orders_says_so_in_its_markets(venue):
    venue.market.rules["BTCUSDT"].order_types = ("LIMIT", "MARKET")
    api = client(venue.url)
    with pytest.raises(ccxt.InvalidOrder, match="triggerPrice parameter is not allowed"):
        stop(api, 45_000)


def test_trades_are_paged_by_id_and_time(venue, api):
    for number in range(5):
        market(api, amount=0.001, client_id=f"n{number}")
    ids = [t["id"] for t in api.fetch_my_trades(BTC)]
    assert ids == sorted(ids)
    assert len(ids) == 5
    assert [t["id"] for t in api.fetch_my_trades(BTC, limit=2)] == ids[-2:]
    page = api.fetch_my_trades(BTC, limit=2, params={"fromId": ids[1]})
    assert [t["id"] for t in page] == ids[1:3]
    assert api.fetch_my_trades(BTC, since=api.milliseconds() + 60_000) == []
    assert len(api.fetch_my_trades(BTC, since=api.milliseconds() - 60_000)) == 5


def test_prices_are_told_by_every_ticker(venue, api):
    assert api.fetch_ticker(BTC)["last"] == 50_000
    assert api.fetch_last_prices([BTC])[BTC]["price"] == 50_000
    assert api.fetch_bids_asks([BTC])[BTC]["bid"] == 50_000
    assert set(api.fetch_tickers()) == {BTC, "ETH/USDT"}


def test_without_a_pinned_price_orders_trade_at_the_minutes_close():
    with VenueServer(SpotMarket(now_ms=NOW)) as venue:
        api = client(venue.url, "k", "s")
        venue.ledger.open_account("a", "k", "s", balances={"USDT": "1000000"})
        api.nonce = lambda: NOW
        row = api.fetch_ohlcv(BTC, "1m", limit=1)[-1]
        assert market(api)["average"] == row[4]


# --- refusals ---


def test_a_client_id_is_refused_while_open_and_taken_again_afterwards(venue, api):
    limit(api, "buy", 0.01, 40_000, "again")
    with pytest.raises(ccxt.InvalidOrder, match="Duplicate order sent"):
        market(api, client_id="again")
    api.cancel_order(None, BTC, {"clientOrderId": "again"})
    market(api, client_id="again")
    market(api, client_id="again")
    assert len(venue.ledger.by_client_id("again")) == 3
    assert venue.ledger.repeated_client_ids() == ["again"]
    assert ask(api, "again")["status"] == "closed"


@pytest.mark.parametrize(
    ("order", "error", "text"),
    [
        (("market", "buy", "1", None), ccxt.InsufficientFunds, "-2010|insufficient"),
        (("limit", "sell", "2", "60000"), ccxt.InsufficientFunds, "insufficient"),
        (("limit", "buy", "0.00001", "40000"), ccxt.BadRequest, "NOTIONAL"),
        (("limit", "buy", "0.000015", "40000"), ccxt.InvalidOrder, "LOT_SIZE|lot size"),
        (("limit", "buy", "0.01", "40000.005"), ccxt.InvalidOrder, "price"),
        (("limit", "buy", "0.0100000001", "40000"), ccxt.BadRequest, "-1111"),
    ],
)
def test_what_the_venue_refuses_has_the_class_that_ccxt_gives_it(venue, api, order, error, text):
    api.amount_to_precision = api.price_to_precision = lambda symbol, value: str(value)
    kind, side, amount, price = order
    with pytest.raises(error, match=text) as raised:
        api.create_order(BTC, kind, side, amount, price)
    assert raised.type is error
    assert venue.ledger.accepted == []
    assert len(venue.ledger.refused) == 1


def test_unknown_orders_symbols_and_closed_markets_are_refused(venue, api):
    with pytest.raises(ccxt.OrderNotFound, match="-2013"):
        ask(api, "nobody")
    with pytest.raises(ccxt.BadSymbol, match="-1121"):
        api.private_get_mytrades({"symbol": "NOPE"})
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        stop(api, 50_000)
    venue.market.rules["BTCUSDT"].status = "HALT"
    with pytest.raises(ccxt.MarketClosed):
        market(api)


def test_strangers_bad_signatures_and_weak_keys_are_refused(venue, api):
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        client(venue.url, key="nobody").fetch_balance()
    with pytest.raises(ccxt.AuthenticationError, match="-1022"):
        client(venue.url, secret="wrong").fetch_balance()
    venue.ledger.accounts["main"].may_trade = False
    reader = client(venue.url)
    with pytest.raises(ccxt.AuthenticationError, match="-2015"):
        market(reader)
    assert reader.fetch_balance()["BTC"]["free"] == 1
    assert reader.sapi_get_account_apirestrictions()["enableSpotAndMarginTrading"] is False
    with pytest.raises(ccxt.DDoSProtection, match="-2015"):
        market(reader)


def test_a_key_that_can_withdraw_is_told(venue, api):
    venue.ledger.accounts["main"].can_withdraw = True
    assert api.sapi_get_account_apirestrictions()["enableWithdrawals"] is True


def test_a_request_is_taken_within_its_window_only(venue, api):
    api.options["recvWindow"] = 500
    signed = api.milliseconds()
    api.nonce = lambda: signed
    venue.keys.now_ms = lambda: signed + 500
    market(api, client_id="in-time")
    venue.keys.now_ms = lambda: signed + 501
    with pytest.raises(ccxt.InvalidNonce, match="outside of the recvWindow"):
        market(api, client_id="late")
    venue.keys.now_ms = lambda: signed - 999
    market(api, client_id="ahead")
    venue.keys.now_ms = lambda: signed - 1000
    with pytest.raises(ccxt.InvalidNonce, match="1000ms ahead"):
        market(api, client_id="far-ahead")
    assert [p.client_id for p in venue.ledger.accepted] == ["in-time", "ahead"]
    assert [(p.client_id, p.code) for p in venue.ledger.refused] == [
        ("late", -1021),
        ("far-ahead", -1021),
    ]


def test_a_frozen_request_that_arrives_late_is_refused(venue, api):
    api.options["recvWindow"] = 100
    venue.faults.arm("newOrder", Fault(hang=0.2))
    with pytest.raises(ccxt.InvalidNonce):
        market(api)
    assert venue.ledger.orders("main") == []


def test_a_clock_that_is_wrong_is_wrong_everywhere(venue, api):
    venue.market.skew_ms = -5000
    assert api.fetch_time() < api.milliseconds() - 4000
    with pytest.raises(ccxt.InvalidNonce):
        market(api)
    api.load_time_difference()
    api.options["adjustForTimeDifference"] = True
    assert market(api)["timestamp"] < time.time() * 1000 - 4000


def test_orders_in_haste_and_bans_come_with_a_time_to_wait(venue, api):
    venue.ledger.order_limit = (2, 10.0)
    market(api, amount=0.001, client_id="a")
    market(api, amount=0.001, client_id="b")
    with pytest.raises(ccxt.DDoSProtection, match="-1015"):
        market(api, amount=0.001, client_id="c")
    assert 1 <= int(api.last_response_headers["Retry-After"]) <= 10
    venue.ban(30, status=418)
    with pytest.raises(ccxt.DDoSProtection, match="418"):
        api.fetch_balance()
    assert 29 <= int(api.last_response_headers["Retry-After"]) <= 30
    venue.ban(0)
    assert api.fetch_balance()


# --- accounts and doors ---


def test_sandbox_and_production_are_told_apart_by_path_and_by_key(venue):
    venue.ledger.open_account("toy", "toy", "s", realm="sandbox", balances={"USDT": "1000"})
    toy = client(venue.sandbox_url, "toy", "s")
    toy.set_sandbox_mode(True)
    market(toy)
    assert [(p.account, p.source) for p in venue.ledger.accepted] == [("toy", "sandbox")]
    assert {asked.source for asked in venue.asked} == {"sandbox"}
    with pytest.raises(ccxt.AuthenticationError):
        client(venue.url, "toy", "s").fetch_balance()
    with VenueServer(sandbox=True) as other:
        other.ledger.open_account("toy", "toy", "s", realm="sandbox")
        assert client(other.url, "toy", "s").fetch_balance()["USDT"]["free"] == 0


def test_accounts_do_not_see_each_other(venue, api):
    venue.ledger.open_account("other", "k2", "s2", balances={"USDT": "1000"})
    market(api, client_id="shared")
    stranger = client(venue.url, "k2", "s2")
    with pytest.raises(ccxt.OrderNotFound):
        ask(stranger, "shared")
    assert stranger.fetch_my_trades(BTC) == []
    market(stranger, client_id="shared")
    assert venue.ledger.repeated_client_ids() == []
    assert len(venue.ledger.by_client_id("shared")) == 2


def test_a_hand_trades_besides(venue, api):
    order = limit(api, "buy", 0.1, 49_000)
    done = venue.ledger.hand_fill("main", BTC, "sell", "0.1", price="48000")
    resting = venue.ledger.hand_order("main", BTC, "sell", "0.1", type="LIMIT", price="60000")
    assert api.fetch_order(order["id"], BTC)["status"] == "open"
    assert api.fetch_my_trades(BTC)[0]["price"] == 48_000
    assert {o["id"] for o in api.fetch_open_orders(BTC)} == {order["id"], str(resting.id)}
    assert done.client_id.startswith("web_")
    assert [p.source for p in venue.ledger.accepted] == ["production", "hand", "hand"]
    assert venue.ledger.prices.now("BTCUSDT") == 50_000
    venue.ledger.check()


# --- faults ---

_HEARD = {
    "reset": ccxt.NetworkError,
    "502": ccxt.ExchangeNotAvailable,
    "504": ccxt.RequestTimeout,
    "-1007": ccxt.RequestTimeout,
    "-1006": ccxt.OperationFailed,
    "cut": ccxt.NetworkError,
    "hang": ccxt.RequestTimeout,
}


@pytest.mark.parametrize("how", LOSSES)
def test_an_order_whose_answer_is_lost_is_in_the_books(venue, api, how):
    api.timeout = 200
    venue.faults.arm("newOrder", lost(how, seconds=0.5 if how == "hang" else 0.0))
    if how in _HEARD:
        with pytest.raises(_HEARD[how]) as raised:
            market(api)
        assert raised.type is _HEARD[how]
    else:
        assert market(api)["id"] is None
    assert ask(api)["status"] == "closed"
    assert len(venue.ledger.by_client_id("one")) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(reset=True), ccxt.NetworkError),
        (html(503), ccxt.ExchangeNotAvailable),
        (rate_limited("3"), ccxt.DDoSProtection),
        (refused(-1003, "Too many requests."), ccxt.RateLimitExceeded),
        (refused(-1000, "An unknown error occurred."), ccxt.OperationFailed),
    ],
)
def test_an_order_that_is_turned_away_is_in_no_books(venue, api, fault, error):
    venue.faults.arm("newOrder", fault)
    with pytest.raises(error):
        market(api)
    assert venue.ledger.all_orders == {}
    with pytest.raises(ccxt.OrderNotFound):
        ask(api)


def test_a_cancel_whose_answer_is_lost_has_worked(venue, api):
    order = limit(api, "buy", 0.1, 40_000)
    venue.faults.arm("cancelOrder", lost("504"))
    with pytest.raises(ccxt.RequestTimeout):
        api.cancel_order(order["id"], BTC)
    assert ask(api, "limit")["status"] == "canceled"


def test_a_new_order_is_invisible_for_a_while(venue, api):
    venue.ledger.late_orders_ms = (300, 300)
    order = limit(api, "sell", 0.1, 60_000)
    with pytest.raises(ccxt.OrderNotFound):
        ask(api, "limit")
    venue.ledger.fill(int(order["id"]), "0.05")
    assert api.fetch_open_orders(BTC) == api.fetch_orders(BTC) == api.fetch_my_trades(BTC) == []
    assert within(2, lambda: ask(api, "limit"))["filled"] == 0.05
    assert len(api.fetch_my_trades(BTC)) == len(api.fetch_orders(BTC)) == 1


def test_trades_may_come_later_than_the_status(venue, api):
    venue.ledger.late_trades_ms = (300, 300)
    market(api)
    assert ask(api)["status"] == "closed"
    assert api.fetch_my_trades(BTC) == []
    within(2, lambda: api.fetch_my_trades(BTC))


def test_a_trade_may_be_listed_twice(venue, api):
    venue.ledger.duplicate_share = 1.0
    market(api)
    first, second = api.fetch_my_trades(BTC)
    assert first == second
    assert len(venue.ledger.trades("main")) == 1


def test_a_cancel_may_come_after_the_fill(venue, api):
    order = limit(api, "sell", 0.1, 60_000)
    venue.ledger.race_next_cancel()
    with pytest.raises(ccxt.OrderNotFound, match="-2011"):
        api.cancel_order(order["id"], BTC)
    assert ask(api, "limit")["status"] == "closed"
    order = stop(api, 45_000)
    venue.ledger.race_next_cancel(share="0.5")
    canceled = api.cancel_order(order["id"], BTC)
    assert (canceled["status"], canceled["filled"]) == ("canceled", 0.25)
    venue.ledger.check()


def test_a_crossing_limit_order_may_find_too_little(venue, api):
    venue.ledger.cut_next_fill("0.004")
    order = limit(api, "buy", 0.01, 50_000)
    assert (order["filled"], ask(api, "limit")["filled"]) == (0.004, 0.004)
    assert venue.ledger.balances("main")["USDT"][1] == 300
    venue.ledger.set_price(BTC, "49999")
    assert ask(api, "limit")["status"] == "closed"
    venue.ledger.check()


def test_a_market_order_may_fill_in_part_and_expire_or_go_on(venue, api):
    venue.ledger.cut_next_fill("0.004")
    expired = market(api, client_id="thin")
    assert (expired["status"], expired["filled"]) == ("expired", 0.004)
    venue.ledger.cut_next_fill("0.004", rest="open")
    going = market(api, client_id="slow")
    assert (going["status"], going["filled"]) == ("open", 0.004)
    venue.ledger.fill(int(going["id"]), price="50100")
    assert ask(api, "slow")["cost"] == 500.6
    venue.ledger.check()


def test_chaos_loses_its_share_of_answers_and_never_an_order(venue, api):
    chaos = Chaos(
        seed=12, lose=0.3, refuse=0.2, fail_reads=0.1, visibility_ms=(0, 30), duplicates=0.5,
        split=0.5, races=0.5,
    )  # fmt: skip
    venue.unleash(chaos)
    heard = refused_ = 0
    for number in range(60):
        try:
            heard += market(api, "buy", 0.001, f"c{number}")["id"] is not None
        except ccxt.BaseError:
            refused_ += 1
    lost_ = sum(count for how, count in chaos.dealt.items() if how.startswith("lost"))
    turned_away = sum(count for how, count in chaos.dealt.items() if how.startswith("refused"))
    assert heard == 60 - lost_ - turned_away
    assert len(venue.ledger.accepted) == heard + lost_
    assert min(lost_, turned_away) > 3
    assert any(t.listed == 2 for t in venue.ledger.trades("main"))
    venue.unleash(None)
    assert market(api, client_id="calm")["id"]
    venue.ledger.check()


def test_chaos_of_one_seed_is_always_the_same(venue):
    def series() -> list[str]:
        chaos = Chaos(seed=5, lose=0.5, refuse=0.5)
        faults = [chaos.fault("newOrder", venue.ledger) for _ in range(30)]
        return [str(fault) for fault in faults]

    assert series() == series()
    assert len(set(series())) > 3


# --- the record ---


def test_every_post_is_recorded_with_the_venues_own_time(venue, api):
    before = time.monotonic()
    market(api, client_id="r1")
    with pytest.raises(ccxt.InsufficientFunds):
        market(api, amount=5, client_id="r2")
    (yes,), (no,) = venue.ledger.accepted, venue.ledger.refused
    assert before < yes.at < time.monotonic()
    assert abs(yes.wall - time.time()) < 5
    assert (yes.client_id, yes.symbol, yes.side, yes.qty) == ("r1", "BTCUSDT", "BUY", D("0.01"))
    assert 0 <= yes.server_ms - yes.signed_ms < 2000
    assert (no.client_id, no.code, no.order_id) == ("r2", -2010, 0)


def test_the_busiest_second_rolls(venue):
    with ThreadPoolExecutor(4) as pool:
        sent = [pool.submit(venue.ledger.hand_order, "main", BTC, "buy", "0.001") for _ in range(8)]
    assert all(one.result().status == "FILLED" for one in sent)
    assert venue.ledger.busiest("main") == 8
    moments = [p.at for p in venue.ledger.accepted]
    assert venue.ledger.busiest("main", max(moments) - min(moments)) == 7
    assert venue.ledger.busiest("nobody") == 0


def test_clients_in_parallel_and_in_chaos_leave_books_that_add_up(venue, api):
    venue.ledger.deposit("main", "USDT", 100_000)
    venue.unleash(Chaos(seed=4, lose=0.2, refuse=0.1, races=0.5, split=0.5, duplicates=0.3))

    def trade(worker: int) -> None:
        own = client(venue.url)
        own.set_markets_from_exchange(api)
        for number in range(12):
            name = f"w{worker}-{number}"
            for send in (
                lambda name=name: market(own, "buy", 0.002, name),
                lambda name=name: limit(own, "sell", 0.001, 60_000, f"{name}-l"),
                lambda name=name: own.cancel_order(None, BTC, {"clientOrderId": f"{name}-l"}),
            ):
                with suppress(ccxt.BaseError):
                    send()

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(trade, worker) for worker in range(4)]:
            done.result()
    ledger = venue.ledger
    ledger.check()
    assert ledger.repeated_client_ids() == []
    assert len(ledger.orders("main")) == len(ledger.accepted) > 50
    assert {order.status for order in ledger.orders("main")} >= {"FILLED", "CANCELED"}


# --- a process of its own ---


def test_a_venue_in_another_process_is_led_by_its_control_endpoints():
    with RemoteVenue("--seed", "3", "--symbols", "BTC/USDT,ADA/USDT") as venue:
        venue.do("account", name="main", key=KEY, secret=SECRET, balances=MONEY, fee="0.002")
        venue.do("price", symbol=BTC, price="50000")
        api = client(venue.url)
        venue.do("lost", endpoint="newOrder", how="502")
        with pytest.raises(ccxt.ExchangeNotAvailable):
            market(api)
        venue.do("chaos", seed=1, lose=1.0, lose_by=["504"], visibility_ms=[0, 20])
        with pytest.raises(ccxt.RequestTimeout):
            market(api, client_id="two")
        venue.do("chaos")
        venue.do("hand_fill", account="main", symbol=BTC, side="sell", qty="0.5")
        venue.do("change", account="main", can_withdraw=True)
        assert api.sapi_get_account_apirestrictions()["enableWithdrawals"] is True
        venue.do("check")
        books = venue.dump()
        assert [o["source"] for o in books["orders"]] == ["production", "production", "hand"]
        assert books["accounts"]["main"]["BTC"] == {"free": "0.51996000", "locked": "0.00000000"}
        assert books["trades"][0]["fee"] == "0.00002"
        assert venue.do("counts")["asked"]["newOrder"] == 2
        with pytest.raises(RuntimeError, match="insufficient"):
            venue.do("hand_order", account="main", symbol=BTC, side="sell", qty="9")
        with pytest.raises(RuntimeError, match="no such command"):
            venue.do("nothing")


# --- the books add up, whatever happens ---

_PRICE = st.integers(1500, 5000)
_ORDER = st.tuples(
    st.sampled_from(["MARKET", "LIMIT", "STOP_LOSS", "TAKE_PROFIT", "STOP_LOSS_LIMIT"]),
    st.sampled_from(["BUY", "SELL"]),
    st.integers(50, 3000),
    _PRICE,
    _PRICE,
)
_EVENT = st.one_of(
    st.tuples(st.just("fill"), st.integers(0, 9), st.integers(1, 2000)),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("race"), st.integers(1, 3000)),
    st.tuples(st.just("cut"), st.integers(0, 3000), st.sampled_from(["expire", "open"])),
    st.tuples(st.just("parts"), st.sampled_from([0, 1])),
)
_ROUND = st.tuples(_ORDER, st.tuples(st.just("price"), _PRICE), _ORDER, _EVENT)
_STEPS = st.lists(_ROUND, min_size=2, max_size=12)


def _step(ledger: Ledger, step: tuple[Any, ...]) -> None:
    """Amounts in thousandths of a coin, prices in tenths."""
    what, *rest = step
    resting = ledger.open_orders("a")
    if what == "price":
        ledger.set_price("ETHUSDT", D(rest[0]) / 10)
    elif what == "fill" and resting:
        ledger.fill(resting[rest[0] % len(resting)].id, D(rest[1]) / 1000)
    elif what == "cancel" and resting:
        ledger.cancel(resting[rest[0] % len(resting)])
    elif what == "race":
        ledger.race_next_cancel(D(rest[0]) / 1000)
    elif what == "cut":
        ledger.cut_next_fill(D(rest[0]) / 1000, rest[1])
    elif what == "parts":
        ledger.split_market_orders([("0.3", "0"), ("0.7", "0.013")] if rest[0] else None)
    elif what.isupper():
        side, qty, price, stop_price = rest
        ledger.hand_order(
            "a",
            "ETHUSDT",
            side,
            D(qty) / 1000,
            type=what,
            price=D(price) / 10 if "LIMIT" in what else 0,
            stop_price=D(stop_price) / 10 if what not in ("MARKET", "LIMIT") else 0,
        )


@settings(max_examples=200, deadline=None)
@given(_STEPS, st.sampled_from([None, "BNB"]))
def test_money_is_neither_made_nor_lost(steps, fee_coin):
    rules = {"ETHUSDT": SymbolRules.usual(Symbol("ETH/USDT"))}
    market_ = SpotMarket(("ETH/USDT",), now_ms=NOW)
    market_.rules = rules
    ledger = Ledger(rules, Prices(market_))
    ledger.prices.functions["BNBUSDT"] = lambda ms: D(333)
    money = {"USDT": "1500", "ETH": "5", "BNB": "0.002"}
    ledger.open_account("a", "k", "s", balances=money, fee_coin=fee_coin)
    ledger.set_price("ETHUSDT", "300")
    for step in chain.from_iterable(steps):
        with suppress(VenueRefusal):
            _step(ledger, step)
        ledger.check()
    for order in ledger.open_orders("a"):
        with suppress(VenueRefusal):
            ledger.cancel(order)
    assert ledger.open == {}
    assert all(locked == 0 for _, locked in ledger.balances("a").values())
    ledger.check()
