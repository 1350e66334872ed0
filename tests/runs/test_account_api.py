"""Accounts, orders by hand, balances and positions over the API, with a venue at the other end."""

# ruff: noqa: F811

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cracktrader_site.api import keys
from cracktrader_site.api.models import AuditEntry
from exchanges.models import Account, Credential
from runs.models import Discrepancy, LiveSymbol, Protection, Run, VenueOrder
from runs.trading import desk as trading_desk
from runs.trading import discrepancies, funds
from runs.trading.tending import Tender
from tests.runs.lives import Wire, agree, desk, intend, over, until, wire  # noqa: F401
from tests.runs.papers import rehearse, slices
from tests.runs.test_kill_switch import account_of, tended
from tests.site.api import API, error, strict_json
from tests.site.test_schema import as_json_schema, schema, validate  # noqa: F401
from tests.venue import Fault

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

State = VenueOrder.State
LIMIT = {"type": "limit", "amount": "0.01", "price": "40000"}


@pytest.fixture(autouse=True)
def hasty(monkeypatch: Any) -> None:
    monkeypatch.setattr(trading_desk, "PATIENCE", 0.1)
    funds._ways.clear()


@dataclass
class Caller:
    """Somebody with a key, and a live run of its own."""

    client: Client
    key: str
    owner: str
    run: Run
    wire: Wire

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        headers |= {"Authorization": f"Bearer {self.key}"}
        content = {} if body is None else {"data": body, "content_type": "application/json"}
        return getattr(self.client, method)(API + path, headers=headers, **content)

    def get(self, path: str, **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        answer = self.client.get(API + path, query, headers=headers)
        assert answer.status_code == 200, answer.content
        return strict_json(answer.content)

    def order(self, status: int = 200, **changes: Any) -> Any:
        body = {
            "run_id": str(self.run.public_id),
            "symbol": "BTC/USDT",
            "side": "buy",
            "type": "market",
            "amount": "0.01",
            "confirm_live": True,
        }
        body = {name: value for name, value in (body | changes).items() if value != "-"}
        answer = self.ask("post", "/orders", body)
        assert answer.status_code == status, answer.content
        return answer.json() if status == 200 else answer

    @property
    def account_id(self) -> str:
        return str(account_of(self.run).public_id)

    def tender(self) -> Tender:
        return self.wire.tender(self.run)


Make = Callable[..., Caller]


@pytest.fixture
def somebody(wire: Wire, client: Client, settings: Any) -> Make:
    # However slow this machine is, the venue takes what is sent.
    settings.RECV_WINDOW = 10_000

    def make(*scopes: str, name: str = "me", **changes: Any) -> Caller:
        key, text = keys.create(name, scopes or ("read", "live"), "command")
        run = wire.started(**changes)
        Run.objects.filter(pk=run.pk).update(owner=key.prefix)
        run.refresh_from_db()
        return Caller(client, text, key.prefix, run, wire)

    return make


@pytest.fixture
def me(somebody: Make) -> Caller:
    return somebody()


@pytest.fixture
def stranger(somebody: Make, me: Caller) -> Caller:
    """Somebody with a paper run only, and every scope."""
    other = somebody(name="stranger", symbols=["ETH/USDT"])
    Run.objects.filter(pk=other.run.pk).update(account=None, mode="paper")
    return other


# --- orders by hand --------------------------------------------------------------------------


def test_a_market_order_within_a_run_is_sent_filled_and_the_runs(me, validate):
    with tended(me.tender()):
        order = me.order()
    validate("post", "/orders", 200, order)
    assert (order["status"], order["purpose"], order["order_id"][:7]) == (
        "filled",
        "manual",
        "manual-",
    )
    assert (order["filled"], order["exact"]["filled"]) == (0.01, "0.01")
    assert (order["average"], order["exact"]["cost"]) == (50_000, "500")
    assert order["exact"]["fees"] == {"BTC": "0.00001"}
    row = VenueOrder.objects.get()
    assert (row.run_id, row.owner, row.late_ms) == (me.run.pk, me.owner, row.created_ms + 60_000)
    detail = me.get(f"/orders/{order['client_order_id']}")
    validate("get", "/orders/{order_id}", 200, detail)
    assert detail["executions"][0]["exact"] == {
        "amount": "0.01", "price": "50000", "cost": "500", "fee": "0.00001",
    }  # fmt: skip
    agree(me.wire, account_of(me.run))


def test_an_order_on_an_account_belongs_to_no_run(me):
    with tended(me.tender()):
        order = me.order(run_id="-", account_id=me.account_id, **LIMIT)
    assert (order["status"], order["run_id"], order["account_id"]) == ("open", None, me.account_id)
    assert (order["price"], order["exact"]["price"]) == (40_000, "40000")
    assert [o.status for o in me.wire.ledger.orders("mine")] == ["NEW"]


def test_without_a_trader_it_answers_new_and_after_a_minute_it_is_not_sent(me):
    order = me.order()
    assert order["status"] == "new"
    VenueOrder.objects.update(late_ms=time.time_ns() // 1_000_000 - 10)
    row = VenueOrder.objects.get()
    until(me.tender(), lambda: over(row))
    assert (row.state, row.reason) == (State.CANCELED, "late")
    assert me.wire.ledger.orders("mine") == []


def test_what_a_guard_or_the_venue_refuses_says_why(me):
    Account.objects.update(max_order_value=Decimal(100))
    with tended(me.tender()):
        order = me.order()
        assert (order["status"], order["reason"]) == ("canceled", "max_order_value")
        Account.objects.update(max_order_value=None)
        tiny = me.order(amount="0.00001")
        assert (tiny["status"], tiny["reason"]) == ("canceled", "too_small")


@pytest.mark.parametrize("how", ["client_id", "header"])
def test_the_same_name_is_the_same_order_and_another_body_a_mismatch(me, how):
    body = {
        "run_id": str(me.run.public_id), "symbol": "BTC/USDT", "side": "buy",
        "confirm_live": True, **LIMIT,
    }  # fmt: skip
    name = {"client_id": "dip-1"} if how == "client_id" else {}
    header = {} if how == "client_id" else {"Idempotency-Key": "dip 1 / with spaces"}
    with tended(me.tender()):
        first = me.ask("post", "/orders", body | name, **header).json()
        again = me.ask("post", "/orders", body | name, **header).json()
        written = me.ask("post", "/orders", body | name | {"amount": 0.01}, **header)
    assert first["client_order_id"] == again["client_order_id"]
    if how == "client_id":
        # A header stands for the body as it is written, a name for the order it means.
        assert written.json()["client_order_id"] == first["client_order_id"]
    else:
        error(written, 400, "IDEMPOTENCY_MISMATCH")
    assert VenueOrder.objects.count() == len(me.wire.ledger.orders("mine")) == 1
    for other in ({"amount": "0.02"}, {"side": "sell"}, {"price": "40000.5"}):
        answer = me.ask("post", "/orders", body | name | other, **header)
        found = error(answer, 400, "IDEMPOTENCY_MISMATCH")
        assert found["details"]["order_id"] == first["client_order_id"]
    assert VenueOrder.objects.count() == 1


def test_many_at_once_under_one_name_are_one_order(me, monkeypatch):
    monkeypatch.setattr(trading_desk, "PATIENCE", 0.0)
    seen: list[str] = []

    def place() -> None:
        seen.append(Caller(Client(), me.key, me.owner, me.run, me.wire).order(client_id="one"))
        connections.close_all()

    threads = [threading.Thread(target=place) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({order["client_order_id"] for order in seen}) == 1
    assert len(seen) == 6
    assert VenueOrder.objects.count() == 1


def test_one_name_of_two_callers_on_one_account_is_two_orders(me, somebody, monkeypatch):
    monkeypatch.setattr(trading_desk, "PATIENCE", 0.0)
    other = somebody(name="other", symbols=["ETH/USDT"])
    mine = me.order(run_id="-", account_id=me.account_id, client_id="one")
    theirs = other.order(run_id="-", account_id=me.account_id, client_id="one", amount="0.02")
    assert mine["client_order_id"] != theirs["client_order_id"]
    error(me.ask("get", f"/orders/{theirs['client_order_id']}"), 404, "ORDER_NOT_FOUND")


def test_an_order_of_staff_within_a_run_is_the_runs_under_a_name_of_its_own(me, monkeypatch):
    monkeypatch.setattr(trading_desk, "PATIENCE", 0.0)
    mine = me.order(client_id="one")
    staff = Client()
    staff.force_login(User.objects.create_superuser("ann"))
    body = {
        "run_id": str(me.run.public_id), "symbol": "BTC/USDT", "side": "buy", "type": "market",
        "amount": "0.02", "confirm_live": True, "client_id": "one",
    }  # fmt: skip
    answers = [staff.post(f"{API}/orders", body, "application/json") for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].content
    names = {answer.json()["client_order_id"] for answer in answers}
    assert len(names) == 1
    seen = {row["client_order_id"] for row in me.get("/orders")["orders"]}
    assert seen == {mine["client_order_id"], *names}
    assert AuditEntry.objects.filter(action="order.placed", who="admin:ann").count() == 1


def test_real_orders_need_the_server_the_key_and_the_body(me, settings):
    settings.LIVE_TRADING = False
    found = error(me.order(403, confirm_live="-"), 403, "LIVE_TRADING_DISABLED")
    assert found["details"]["missing"] == ["CRACKTRADER_LIVE_TRADING=1", '"confirm_live": true']
    settings.LIVE_TRADING = True
    error(me.order(403, confirm_live=False), 403, "LIVE_TRADING_DISABLED")
    reader, text = keys.create("reader", ("read",), "command")
    error(Caller(me.client, text, reader.prefix, me.run, me.wire).order(403), 403)
    settings.AUTH = False
    error(me.order(403), 403, "LIVE_TRADING_DISABLED")
    assert VenueOrder.objects.count() == 0


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("amount", True, "INVALID_TYPE"),
        ("amount", None, "INVALID_TYPE"),
        ("amount", ["1"], "INVALID_TYPE"),
        ("amount", "1_000", "INVALID_NUMBER"),
        ("amount", "1e3", "INVALID_NUMBER"),
        ("amount", "٣", "INVALID_NUMBER"),
        ("amount", "NaN", "INVALID_NUMBER"),
        ("amount", "-1", "INVALID_NUMBER"),
        ("amount", "0." + "0" * 18 + "1", "INVALID_NUMBER"),
        ("amount", "1" * 400, "INVALID_NUMBER"),
        ("amount", 0, "INVALID_VALUE"),
        ("amount", "0.0", "INVALID_VALUE"),
        ("amount", -0.5, "INVALID_VALUE"),
        ("amount", 1e13, "INVALID_VALUE"),
        ("amount", 1e-300, "INVALID_VALUE"),
        ("amount", "-", "MISSING_FIELD"),
        ("price", "1", "INVALID_VALUE"),
        ("type", "limit", "INVALID_VALUE"),
        ("type", "stop_loss", "INVALID_VALUE"),
        ("side", "short", "INVALID_VALUE"),
        ("symbol", "ETH/USDT", "INVALID_SYMBOL"),
        ("symbol", "../x", "INVALID_SYMBOL"),
        ("client_id", "a\u202eb", "INVALID_VALUE"),
        ("confirm_live", "true", "INVALID_TYPE"),
        ("account_id", "x", "INVALID_VALUE"),
        ("leverage", 3, "UNKNOWN_FIELD"),
    ],
)
def test_a_body_that_is_wrong_places_nothing(me, field, value, code):
    answer = me.order(400, **{field: value})
    error(answer, 400, code)
    assert VenueOrder.objects.count() == 0


@pytest.mark.parametrize(
    ("sent", "exact"),
    [
        (0.1, "0.1"),
        (1, "1"),
        (1e-9, "0.000000001"),
        ("0.123456789012345678", "0.123456789012345678"),
        ("1.500", "1.5"),
    ],
)
def test_amounts_are_taken_to_the_last_digit(me, monkeypatch, sent, exact):
    monkeypatch.setattr(trading_desk, "PATIENCE", 0.0)
    assert me.order(amount=sent)["exact"]["amount"] == exact
    assert VenueOrder.objects.get().wanted == Decimal(exact)


@pytest.mark.parametrize("status", ["starting", "stopping", "stopped", "failed"])
def test_a_run_that_does_not_go_on_takes_no_order(me, status):
    Run.objects.update(status=status)
    found = error(me.order(400), 400, "RUN_NOT_ACTIVE")
    assert found["details"]["status"] == status


def test_a_paper_run_takes_no_order(me, stranger):
    error(stranger.order(400, symbol="ETH/USDT"), 400, "RUN_NOT_LIVE")


def test_another_callers_runs_accounts_and_orders_are_not_there(me, stranger, monkeypatch):
    monkeypatch.setattr(trading_desk, "PATIENCE", 0.0)
    mine = me.order()["client_order_id"]
    account = me.account_id
    error(stranger.order(404, run_id=str(me.run.public_id)), 404, "RUN_NOT_FOUND")
    error(stranger.order(404, run_id="-", account_id=account), 404, "ACCOUNT_NOT_FOUND")
    for method in ("get", "delete"):
        error(stranger.ask(method, f"/orders/{mine}"), 404, "ORDER_NOT_FOUND")
    for path in (f"/accounts/{account}", f"/balance?account_id={account}",
                 f"/positions?account_id={account}", f"/orders?account_id={account}",
                 f"/discrepancies?account_id={account}"):  # fmt: skip
        error(stranger.ask("get", path), 404, "ACCOUNT_NOT_FOUND")
    error(stranger.ask("post", f"/accounts/{account}/kill", {}), 404, "ACCOUNT_NOT_FOUND")
    release = stranger.ask("post", f"/accounts/{account}/release", {"confirm": True})
    error(release, 404, "ACCOUNT_NOT_FOUND")
    assert stranger.get("/accounts") == {"accounts": []}
    assert stranger.get("/orders")["orders"] == []
    for path in ("/balance", "/positions", "/orders"):
        answer = stranger.ask("get", f"{path}?run_id={me.run.public_id}")
        error(answer, 404, "RUN_NOT_FOUND")
    assert not account_of(me.run).is_killed


# --- cancels ---------------------------------------------------------------------------------


def test_an_order_is_taken_back_and_stays_so(me, validate):
    with tended(me.tender()):
        order = me.order(**LIMIT)
        path = f"/orders/{order['client_order_id']}"
        for _ in range(2):
            canceled = me.ask("delete", path)
            assert canceled.status_code == 200, canceled.content
            validate("delete", "/orders/{order_id}", 200, canceled.json())
            told = canceled.json()
            assert (told["status"], told["reason"]) == ("canceled", "by_hand")
    assert [o.status for o in me.wire.ledger.orders("mine")] == ["CANCELED"]
    assert VenueOrder.objects.filter(cancel_requested_at__isnull=False).count() == 1


def test_an_order_that_was_not_sent_yet_is_canceled_without_the_venue(me):
    order = me.order(**LIMIT)
    asked = me.ask("delete", f"/orders/{order['client_order_id']}").json()
    assert (asked["status"], asked["cancel_requested"]) == ("new", True)
    row = VenueOrder.objects.get()
    until(me.tender(), lambda: over(row))
    assert (row.state, row.attempt) == (State.CANCELED, 0)


def test_an_order_that_is_filled_is_not_open(me):
    with tended(me.tender()):
        order = me.order()
        answer = me.ask("delete", f"/orders/{order['client_order_id']}")
    assert error(answer, 400, "ORDER_NOT_OPEN")["details"]["status"] == "filled"


def test_a_stop_that_protects_a_position_is_not_canceled_by_hand(me):
    stop = intend(me.run, "sell", type="stop_loss", stop_price=Decimal(1), owner=me.owner)
    answer = me.ask("delete", f"/orders/{stop.client_id}")
    assert "valid" in error(answer, 400, "PROTECTIVE_ORDER")["details"]
    stop.refresh_from_db()
    assert stop.cancel_requested_at is None


@pytest.mark.parametrize("name", ["x", "0" * 32, "%00", "..%2Fx", "é" * 300])
def test_what_is_no_order_is_404(me, name):
    for method in ("get", "delete"):
        assert me.ask(method, f"/orders/{name}").status_code in (400, 404)


# --- lists -----------------------------------------------------------------------------------


def test_orders_come_newest_first_filtered_and_in_pages(me, validate):
    now = time.time_ns() // 1_000_000
    for n in range(7):
        intend(me.run, owner=me.owner, order_id=f"o{n}", created_ms=now + n)
    intend(me.run, "sell", owner=me.owner, order_id="sale", symbol="ETH/USDT")
    VenueOrder.objects.filter(order_id="o3").update(state=State.OPEN)
    intend(me.run, owner="another", order_id="theirs")
    seen, cursor = [], {}
    while True:
        page = me.get("/orders", limit=3, **cursor)
        validate("get", "/orders", 200, page)
        seen += [order["order_id"] for order in page["orders"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == ["sale", *(f"o{n}" for n in reversed(range(7)))]
    assert [o["order_id"] for o in me.get("/orders", status="open")["orders"]] == ["o3"]
    assert [o["order_id"] for o in me.get("/orders", symbol="ETH/USDT")["orders"]] == ["sale"]
    assert len(me.get("/orders", run_id=str(me.run.public_id))["orders"]) == 8
    assert len(me.get("/orders", account_id=me.account_id)["orders"]) == 8
    error(me.ask("get", "/orders?status=lost"), 400, "INVALID_VALUE")
    error(me.ask("get", "/orders?cursor=x"), 400, "INVALID_CURSOR")
    error(me.ask("get", "/orders?sort=x"), 400, "UNKNOWN_FIELD")


def test_the_lists_cost_as_many_queries_for_many_rows_as_for_one(
    me, wire, django_assert_max_num_queries
):
    def cost(path: str) -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            me.get(path)
        return len(seen)

    paths = ("/orders", "/accounts", "/discrepancies")
    buy = {"owner": me.owner, "state": State.FILLED, "filled": Decimal("0.1"), "cost": Decimal(1)}
    intend(me.run, order_id="first", **buy)
    account = account_of(me.run)
    for name in paths:
        me.get(name)
    discrepancies.tell(account, "foreign_order", me.run, "1", "BTC/USDT")
    one = {path: cost(path) for path in paths}
    for n in range(20):
        intend(me.run, order_id=f"o{n}", **buy)
        discrepancies.tell(account, "foreign_order", me.run, f"x{n}", "BTC/USDT")
    for n in range(5):
        other = Account.objects.create(
            exchange=wire.exchange, fingerprint=str(n), credential=Credential.objects.first()
        )
        run = wire.started(symbols=["ETH/USDT"])
        Run.objects.filter(pk=run.pk).update(owner=me.owner, account=other)
        intend(run, symbol="ETH/USDT", order_id="bought", **buy)
        VenueOrder.objects.filter(order_id=f"o{n}").update(account=other)
        LiveSymbol.objects.filter(run=run).delete()
    with django_assert_max_num_queries(6):
        assert len(funds.live_positions(Run.objects.filter(mode="live"))) == 6
    many = {path: cost(path) for path in paths}
    assert many == one
    assert len(me.get("/accounts")["accounts"]) == 6


def test_a_paper_runs_orders_are_told_in_the_same_words(me, validate):
    run = slices(rehearse(symbols=["BTC/USDT", "ETH/USDT"]))
    Run.objects.filter(pk=run.pk).update(owner=me.owner)
    query = {"run_id": str(run.public_id)}
    whole = me.get(f"/runs/{run.public_id}/orders", limit=10_000)["orders"]
    seen, cursor = [], {}
    while True:
        page = me.get("/orders", **query, limit=50, **cursor)
        validate("get", "/orders", 200, page)
        seen += page["orders"]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert [o["order_id"] for o in seen] == [o["order_id"] for o in whole]
    assert seen[0]["client_order_id"] is None
    eth = me.get("/orders", **query, symbol="ETH/USDT", limit=500)["orders"]
    assert 0 < len(eth) < len(whole)
    assert {o["symbol"] for o in eth} == {"ETH/USDT"}
    assert me.get("/orders", **query, status="canceled")["orders"] == []


# --- accounts --------------------------------------------------------------------------------


def test_an_account_says_how_it_stands(me, validate):
    row = me.get("/accounts")["accounts"][0]
    validate("get", "/accounts", 200, {"accounts": [row]})
    assert row == me.get(f"/accounts/{me.account_id}")
    assert (row["state"], row["exchange"], row["sandbox"]) == ("ok", "wire", False)
    assert (row["kill"], row["open_orders"], row["runs"]) == (None, 0, [str(me.run.public_id)])
    assert set(row["limits"].values()) == {None}
    intend(me.run, order_id="a")
    intend(me.run, order_id="b", state=State.UNKNOWN)
    Account.objects.update(
        failing_since=timezone.now(), error_code="VENUE_UNREACHABLE", error="no way",
        max_order_value=Decimal("99.5"),
    )  # fmt: skip
    row = me.get(f"/accounts/{me.account_id}")
    assert (row["state"], row["error"]) == ("failing", "VENUE_UNREACHABLE: no way")
    assert (row["open_orders"], row["unknown_orders"]) == (1, 1)
    assert row["limits"]["max_order_value"] == 99.5
    Account.objects.update(paused_until=timezone.now() + timedelta(seconds=60))
    row = me.get(f"/accounts/{me.account_id}")
    assert (row["state"], bool(row["paused_until"])) == ("paused", True)


def test_the_kill_switch_is_thrown_and_released_over_the_api(me, validate):
    path = f"/accounts/{me.account_id}"
    with tended(me.tender()):
        resting = me.order(**LIMIT)
        answer = me.ask("post", f"{path}/kill", {"steps": ["block", "cancel"], "reason": "odd"})
        assert answer.status_code == 200, answer.content
        told = answer.json()
        validate("post", "/accounts/{account_id}/kill", 200, told)
        assert (told["blocked"], told["unknown"], told["in_flight_resolved"]) == (True, [], 0)
        assert told["kill"]["steps"]["block"] == "done"
        refused = error(me.order(400), 400, "ACCOUNT_KILLED")
        assert refused["details"]["account_id"] == me.account_id
        end = time.monotonic() + 60
        while (row := me.get(path))["kill"]["under_way"] and time.monotonic() < end:
            time.sleep(0.02)
        validate("get", "/accounts/{account_id}", 200, row)
        assert row["state"] == "killed"
        assert row["kill"]["steps"] == {"block": "done", "cancel": "done"}
        assert (row["kill"]["killed_by"], row["kill"]["reason"]) == ("me", "odd")
        assert me.get(f"/orders/{resting['client_order_id']}")["status"] == "canceled"
        for body in ({}, {"confirm": False}):
            error(me.ask("post", f"{path}/release", body), 400, "INVALID_VALUE")
        released = me.ask("post", f"{path}/release", {"confirm": True})
        validate("post", "/accounts/{account_id}/release", 200, released.json())
        assert released.json()["kill"] is None
        assert me.order()["status"] == "filled"
    assert list(
        AuditEntry.objects.filter(action__startswith="account.killed").values_list("who", flat=True)
    ) == ["me"]


def test_releasing_needs_what_placing_an_order_needs_and_killing_does_not(me, settings):
    settings.LIVE_TRADING = False
    path = f"/accounts/{me.account_id}"
    assert me.ask("post", f"{path}/kill", {"steps": ["block"]}).status_code == 200
    answer = me.ask("post", f"{path}/release", {"confirm": True})
    error(answer, 403, "LIVE_TRADING_DISABLED")
    assert account_of(me.run).is_killed


@pytest.mark.parametrize(
    "body", [{"steps": []}, {"steps": ["sell"]}, {"steps": "block"}, {"step": ["block"]}, [],
             {"reason": 1}, {"steps": ["block"] * 4}, {"reason": "x" * 301}],
)  # fmt: skip
def test_a_kill_that_is_not_understood_throws_nothing(me, body):
    error(me.ask("post", f"/accounts/{me.account_id}/kill", body), 400)
    assert not account_of(me.run).is_killed


# --- balances --------------------------------------------------------------------------------


def test_a_live_runs_balance_is_what_the_venue_says(me, validate):
    me.wire.ledger.deposit("mine", "BTC", "0.12345678")
    with tended(me.tender()):
        me.order(**LIMIT)
    told = me.get("/balance")
    validate("get", "/balance", 200, told)
    assert (told["mode"], told["run_id"], told["sandbox"]) == (
        "live",
        str(me.run.public_id),
        False,
    )
    rows = {row["currency"]: row for row in told["balances"]}
    assert rows["USDT"]["exact"] == {"free": "99600", "used": "400", "total": "100000"}
    assert (rows["USDT"]["free"], rows["USDT"]["used"]) == (99_600, 400)
    assert rows["BTC"]["exact"]["total"] == "0.12345678"
    assert me.get("/balance", account_id=me.account_id)["balances"] == told["balances"]
    assert me.get("/balance", account_id=me.account_id)["run_id"] is None


def test_the_venue_is_asked_once_a_second_however_many_want_to_know(me, monkeypatch):
    me.get("/balance")
    # A second that lasts, however slow this machine is.
    monkeypatch.setattr(funds, "FRESH_SECONDS", 3600.0)
    way = funds._ways[account_of(me.run).pk]
    count, ask = [0], way.venue.balances

    def counted() -> Any:
        count[0] += 1
        return ask()

    way.venue.balances = counted
    for _ in range(5):
        me.get("/balance")
    assert count == [0]
    way.at -= funds.FRESH_SECONDS
    me.get("/balance")
    assert count == [1]


def test_a_venue_that_does_not_answer_is_no_fault_of_the_server(me):
    me.wire.server.faults.arm("account", Fault(reset=True, times=10))
    found = error(me.ask("get", "/balance"), 400, "VENUE_UNREACHABLE")
    assert found["details"]["retry_after_seconds"] >= 1
    assert found["details"]["cause"]


def test_a_venue_that_wants_fewer_requests_pauses_the_account(me):
    teapot = Fault(status=429, body=b'{"code":-1003,"msg":"Too many requests."}')
    me.wire.server.faults.arm("account", teapot)
    answer = me.ask("get", "/balance")
    error(answer, 429, "VENUE_RATE_LIMITED")
    assert int(answer["Retry-After"]) >= 1
    assert account_of(me.run).paused_until is not None
    error(me.ask("get", "/balance"), 429, "VENUE_RATE_LIMITED")


def test_a_key_that_the_venue_does_not_take_is_said_so(me):
    refused = Fault(status=401, body=b'{"code":-2015,"msg":"Invalid API-key, IP, or permissions."}')
    me.wire.server.faults.arm("account", refused)
    error(me.ask("get", "/balance"), 400, "CREDENTIALS_REFUSED")


def test_a_paper_runs_balance_and_positions_are_its_books(me, validate):
    run = slices(rehearse(strategy_name="BuyAndHold", strategy_params={}, stop_loss=0.9), 3)
    Run.objects.filter(pk=run.pk).update(owner=me.owner)
    told = me.get("/balance", run_id=str(run.public_id))
    validate("get", "/balance", 200, told)
    rows = {row["currency"]: row for row in told["balances"]}
    assert (told["mode"], told["sandbox"], told["total_value"]) == ("paper", None, run.value)
    assert rows["USDT"] == {
        "currency": "USDT", "free": run.cash, "used": 0, "total": run.cash, "exact": None,
    }  # fmt: skip
    held = me.get("/positions", run_id=str(run.public_id))
    validate("get", "/positions", 200, held)
    (position,) = held["positions"]
    assert rows["BTC"]["total"] == position["size"] > 0
    assert position["stop"] == pytest.approx(position["entry_price"] * 0.1)
    assert (position["stop_at"], position["target"]) == ("simulated", None)


def test_without_a_run_there_is_nothing_and_that_is_an_answer(wire, client, validate):
    _, text = keys.create("new", ("read",), "command")
    headers = {"Authorization": f"Bearer {text}"}
    told = client.get(f"{API}/balance", headers=headers).json()
    validate("get", "/balance", 200, told)
    assert (told["mode"], told["balances"], told["total_value"]) == (None, [], 0)
    assert client.get(f"{API}/positions", headers=headers).json() == {"positions": []}


def test_run_and_account_are_not_named_both(me):
    for path in ("/balance", "/positions"):
        answer = me.ask("get", f"{path}?run_id={me.run.public_id}&account_id={me.account_id}")
        error(answer, 400, "INVALID_VALUE")


# --- positions -------------------------------------------------------------------------------


def test_a_live_position_is_told_to_the_last_digit_with_its_levels(me, validate):
    bought = intend(me.run, protect={"stop_loss": 0.1, "take_profit": 0.5})
    tender = me.tender()
    until(tender, lambda: over(bought))
    until(tender, lambda: Protection.objects.filter(at_venue=True).exists())
    for query in ({}, {"account_id": me.account_id}):
        held = me.get("/positions", **query)
        validate("get", "/positions", 200, held)
        (position,) = held["positions"]
        assert position["exact"] == {"size": "0.0997002", "stop": "45000", "target": "75000"}
        assert (position["entry_price"], position["stop"]) == (50_000, 45_000)
        assert (position["stop_at"], position["target_at"]) == ("venue", "desk")
        assert position["run_id"] == str(me.run.public_id)


# --- discrepancies ---------------------------------------------------------------------------


def test_discrepancies_are_listed_and_resolved(me, stranger, validate):
    account = account_of(me.run)
    discrepancies.tell(account, "missing_order", me.run, "77", "BTC/USDT", {"amount": "1"})
    (row,) = me.get("/discrepancies")["discrepancies"]
    validate("get", "/discrepancies", 200, me.get("/discrepancies"))
    assert (row["kind"], row["subject"], row["run_id"]) == (
        "missing_order",
        "77",
        str(me.run.public_id),
    )
    path = f"/discrepancies/{row['id']}/resolve"
    error(stranger.ask("post", path, {"action": "ignore"}), 404, "DISCREPANCY_NOT_FOUND")
    error(me.ask("post", path, {"action": "forget"}), 400, "INVALID_VALUE")
    for wrong in ("x", "0", "9" * 30, "-1"):
        answer = me.ask("post", f"/discrepancies/{wrong}/resolve", {"action": "ignore"})
        error(answer, 404, "DISCREPANCY_NOT_FOUND")
    resolved = me.ask("post", path, {"action": "ignore"}).json()
    validate("post", "/discrepancies/{discrepancy_id}/resolve", 200, resolved)
    assert (resolved["resolution"], resolved["resolved_by"]) == ("ignore", "me")
    error(me.ask("post", path, {"action": "ignore"}), 400, "DISCREPANCY_RESOLVED")
    assert me.get("/discrepancies")["discrepancies"] == []
    (kept,) = me.get("/discrepancies", open="false", run_id=str(me.run.public_id))["discrepancies"]
    assert kept["id"] == row["id"]
    assert stranger.get("/discrepancies", open="false")["discrepancies"] == []
    assert Discrepancy.objects.count() == 1
