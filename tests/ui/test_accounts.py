"""The pages of accounts, with a venue at the other end; what is done there, and by whom."""

# ruff: noqa: F811

from __future__ import annotations

import html
import re
import time
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from cracktrader_site.api.models import AuditEntry
from cracktrader_site.ui import asking
from exchanges.models import Account
from runs.models import Discrepancy, Run, VenueOrder
from runs.trading import desk as trading_desk
from runs.trading import discrepancies, funds, queries
from tests.runs.lives import KEY, SECRET, Wire, desk, intend, over, until, wire  # noqa: F401
from tests.runs.test_kill_switch import account_of, tended
from tests.venue import Fault

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

EVIL = "<script>alert('x')</script>"
LIST = reverse("ui:accounts")
LIMIT = {"type": "limit", "limit_price": Decimal(40_000), "wanted": Decimal("0.01"), "share": None}


@pytest.fixture(autouse=True)
def hasty(monkeypatch: Any) -> None:
    monkeypatch.setattr(trading_desk, "PATIENCE", 0.1)
    funds._ways.clear()


@pytest.fixture
def run(wire: Wire, settings: Any) -> Run:
    settings.RECV_WINDOW = 10_000
    return wire.started()


@pytest.fixture
def account(run: Run) -> Account:
    return account_of(run)


def staff(*permissions: str) -> Client:
    user = User.objects.create_user(permissions[0] if permissions else "none", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def trader(wire: Wire) -> Client:
    """Who may look, and act on accounts."""
    return staff("view_run", "change_account")


@pytest.fixture
def reader(wire: Wire) -> Client:
    return staff("view_run")


def url(name: str, account: Account, *more: Any) -> str:
    return reverse(f"ui:{name}", args=[account.public_id, *more])


def page(client: Client, account: Account) -> str:
    answer = client.get(url("account", account))
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def words(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)))


def told(account: Account, run: Run | None, **fields: Any) -> Discrepancy:
    theirs = {"amount": "0.01", "price": "100", "side": "buy", "client_order_id": EVIL}
    discrepancies.tell(account, "foreign_order", run, "77", "BTC/USDT", {}, theirs | fields)
    return Discrepancy.objects.get()


# --- looking ---------------------------------------------------------------------------------


def test_without_live_trading_the_list_says_how_it_is_switched_on(client, settings, db):
    settings.AUTH = settings.LIVE_TRADING = False
    text = client.get(LIST).content.decode()
    assert "Live trading is off" in text
    for step in ("CRACKTRADER_LIVE_TRADING=1", "credentials new-key", "createsuperuser"):
        assert step in text
    assert text.count("<li>") - text.count('<li><a href="/ui') == 3


def test_with_live_trading_off_accounts_are_listed_still_and_nothing_can_be_done(
    client, settings, account
):
    settings.AUTH = settings.LIVE_TRADING = False
    text = client.get(LIST).content.decode()
    assert "Live trading is off" in text
    assert str(account) in text
    text = page(client, account)
    assert "Throw the kill switch" not in text
    assert f"manage.py kill {account.public_id}" in text
    for name in ("account_kill", "account_release"):
        answer = client.post(url(name, account), {"name": str(account), "confirm": "1"})
        assert answer.status_code == 403
    account.refresh_from_db()
    assert not account.is_killed


def test_the_list_takes_the_same_queries_however_many_accounts(
    trader, wire, account, django_assert_num_queries
):
    # Session, user, its permissions, the accounts, and three of what is on them.
    with django_assert_num_queries(8):
        trader.get(LIST)
    for n in range(6):
        Account.objects.create(
            exchange=wire.exchange, fingerprint=f"{n}" * 64, credential=account.credential
        )
    with django_assert_num_queries(8):
        assert trader.get(LIST).content.decode().count('class="card account') == 7


def test_the_page_waits_for_no_venue_and_takes_bounded_queries(
    trader, wire, run, account, django_assert_max_num_queries
):
    wire.server.faults.arm("*", Fault(times=99, hang=30.0))
    for n in range(12):
        intend(run, order_id=f"manual-{n}", purpose="manual", **LIMIT)
    asked = len(wire.server.asked)
    with django_assert_max_num_queries(22):
        text = page(trader, account)
    assert len(wire.server.asked) == asked
    assert text.count("Take this order back") == 12
    assert "Asking the venue" in text


def test_balances_are_asked_of_the_venue_and_show_no_secret(trader, account):
    text = trader.get(url("account_balances", account)).content.decode()
    assert "USDT 100,000 0" in words(text)
    for shown in (text, page(trader, account), trader.get(LIST).content.decode()):
        assert KEY not in shown
        assert SECRET not in shown


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault(times=99, hang=30.0), "VENUE_UNREACHABLE"),
        (Fault(times=99, status=503), "VENUE_UNREACHABLE"),
        (Fault(times=99, status=429, headers={"Retry-After": "7"},
               body=b'{"code":-1003,"msg":"Too many requests."}'), "VENUE_RATE_LIMITED"),
        (Fault(times=99, status=401, body=b'{"code":-2015,"msg":"Invalid API-key."}'),
         "CREDENTIALS_REFUSED"),
    ],
)  # fmt: skip
def test_a_venue_that_hangs_or_refuses_is_said_in_place_of_balances(
    trader, wire, account, fault, code
):
    wire.server.faults.arm("*", fault)
    began = time.monotonic()
    answer = trader.get(url("account_balances", account))
    assert time.monotonic() - began < 25
    assert answer.status_code == 200
    assert code in answer.content.decode()


def ask_anew(account: Account) -> None:
    funds._ways[account.pk].at -= funds.FRESH_SECONDS


def test_while_the_venue_is_asked_there_is_what_it_said_last(trader, account, settings):
    settings.ORDER_TIMEOUT = 60.0
    where = url("account_balances", account)
    funds._ways[account.pk] = way = funds._Way()
    with way.lock:
        text = trader.get(where).content.decode()
    assert "being asked already" in words(text)
    assert "<table" not in text
    assert f'hx-get="{where}" hx-trigger="load delay:2s" hx-target="#balances"' in text
    trader.get(where)
    ask_anew(account)
    with way.lock:
        began = time.monotonic()
        text = trader.get(where).content.decode()
    assert time.monotonic() - began < 30
    assert "USDT 100,000 0" in words(text)
    assert "As the venue last said" in text
    assert "load delay:2s" in text
    text = trader.get(where).content.decode()
    assert "USDT 100,000 0" in words(text)
    assert "load delay" not in text
    assert "last said" not in text


def test_a_venue_that_fails_leaves_what_it_said_last(trader, wire, account):
    where = url("account_balances", account)
    trader.get(where)
    ask_anew(account)
    wire.server.faults.arm("*", Fault(times=99, status=503))
    text = trader.get(where).content.decode()
    assert "VENUE_UNREACHABLE" in text
    assert "USDT 100,000 0" in words(text)
    assert "As the venue last said" in text
    assert "load delay" not in text


def test_no_more_than_two_pages_wait_for_venues(trader, wire, account):
    where = url("account_balances", account)
    asked = len(wire.server.asked)
    with asking.VENUES, asking.VENUES:
        text = trader.get(where).content.decode()
    assert "Other venues are being asked" in text
    assert "load delay:2s" in text
    assert len(wire.server.asked) == asked
    assert "USDT 100,000 0" in words(trader.get(where).content.decode())


def test_holdings_orders_and_stops_are_shown_and_a_stop_is_not_for_canceling(
    trader, wire, run, account
):
    bought = intend(run)
    until(wire.tender(run), lambda: over(bought))
    stop = intend(
        run, "sell", order_id="stop-1", purpose="stop_loss", type="stop_loss",
        stop_price=Decimal(45_000), wanted=bought.filled,
    )  # fmt: skip
    text = page(trader, account)
    shown = words(text)
    assert "BTC/USDT " + str(run.public_id)[:8] in shown
    assert "protects a position" in shown
    assert url("account_cancel", account, stop.client_id) not in text


def test_no_name_or_reason_becomes_a_tag(trader, run, account):
    told(account, run)
    kill = {"name": str(account), "reason": EVIL}
    trader.post(url("account_kill", account), kill)
    for text in (page(trader, account), trader.get(LIST).content.decode()):
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert" in text


@pytest.mark.parametrize("name", ["account", "account_now", "account_balances"])
def test_an_account_there_is_not_is_not_found(trader, name):
    missing = Account(public_id="00000000-0000-4000-8000-000000000000")
    assert trader.get(url(name, missing)).status_code == 404


def test_the_part_that_is_asked_for_again_is_the_part_alone(reader, account):
    text = reader.get(url("account_now", account), headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in text
    assert "Open orders" in text
    assert "kill" not in text.lower()


# --- the kill switch -------------------------------------------------------------------------


def test_the_switch_is_thrown_by_the_accounts_name_and_released(trader, account):
    text = page(trader, account)
    assert f'data-must-be="{account}"' in text
    assert "Release</button>" not in text
    said = trader.post(
        url("account_kill", account),
        {"name": f" {account} ", "steps": ["cancel"], "reason": "odd\nfills"},
        follow=True,
    ).content.decode()
    assert "takes no order of this desk any more" in said
    assert re.search(r"Killed since .* by admin:view_run", words(said))
    account.refresh_from_db()
    assert account.kill["steps"] == ["block", "cancel"]
    assert "\n" not in account.kill["reason"]
    trader.post(url("account_release", account))
    account.refresh_from_db()
    assert account.is_killed, "without its confirmation nothing is released"
    said = trader.post(url("account_release", account), {"confirm": "1"}, follow=True)
    assert "orders pass again" in said.content.decode()
    account.refresh_from_db()
    assert not account.is_killed
    entries = AuditEntry.objects.filter(action__startswith="account.", who="admin:view_run")
    assert set(entries.values_list("action", flat=True)) == {"account.killed", "account.released"}


def test_it_takes_back_what_rests_and_sells_what_runs_hold(trader, wire, run, account):
    bought = intend(run)
    tender = wire.tender(run)
    until(tender, lambda: over(bought))
    resting = intend(run, order_id="manual-1", purpose="manual", **LIMIT)
    until(tender, lambda: VenueOrder.objects.get(pk=resting.pk).state == "open")
    form = {"name": str(account), "steps": ["cancel", "flatten"]}
    trader.post(url("account_kill", account), form)
    until(tender, lambda: not Account.objects.get(pk=account.pk).kill["under_way"])
    text = words(page(trader, account))
    assert "cancel: done" in text
    assert "flatten: done" in text
    assert wire.ledger.orders("mine")[1].status == "CANCELED"
    assert VenueOrder.objects.get(side="sell").state == "filled"


@pytest.mark.parametrize("typed", ["", "wire", "WIRE", EVIL])
def test_another_name_throws_nothing(trader, account, typed):
    form = {"name": typed, "steps": ["cancel", "flatten"]}
    said = trader.post(url("account_kill", account), form, follow=True).content.decode()
    assert "Nothing was done" in said
    account.refresh_from_db()
    assert not account.is_killed


def test_a_release_wants_the_servers_yes_as_the_api_does(trader, settings, account):
    trader.post(url("account_kill", account), {"name": str(account)})
    settings.LIVE_TRADING = False
    said = trader.post(url("account_release", account), {"confirm": "1"}, follow=True)
    assert "LIVE_TRADING_DISABLED" in said.content.decode()
    account.refresh_from_db()
    assert account.is_killed


def test_who_may_only_look_does_nothing(reader, run, account):
    order = intend(run, order_id="manual-1", purpose="manual", **LIMIT)
    row = told(account, run)
    text = page(reader, account)
    assert 'method="post" action="/ui/accounts' not in text
    assert "Guards in the admin" not in text
    deeds = {
        url("account_kill", account): {"name": str(account)},
        url("account_release", account): {"confirm": "1"},
        url("account_cancel", account, order.client_id): {},
        url("account_resolve", account, row.pk): {"action": "ignore"},
    }
    for path, form in deeds.items():
        assert reader.post(path, form).status_code == 403
        assert Client().post(path, form).status_code == 302
    account.refresh_from_db()
    order.refresh_from_db()
    row.refresh_from_db()
    assert not account.is_killed
    assert order.cancel_requested_at is None
    assert row.resolved_at is None


def test_a_form_of_another_site_does_nothing(trader, account):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = trader.cookies
    answer = strict.post(url("account_kill", account), {"name": str(account)})
    assert answer.status_code == 403
    account.refresh_from_db()
    assert not account.is_killed


# --- orders and discrepancies ----------------------------------------------------------------


def test_an_order_is_taken_back_from_the_page(trader, wire, run, account, monkeypatch):
    # As long as a busy machine takes: what is asked for is done before the page says so.
    monkeypatch.setattr(trading_desk, "PATIENCE", 300.0)
    order = intend(run, order_id="manual-1", purpose="manual", **LIMIT)
    tender = wire.tender(run)
    until(tender, lambda: VenueOrder.objects.get(pk=order.pk).state == "open")
    with tended(tender):
        said = trader.post(url("account_cancel", account, order.client_id), follow=True)
    assert "is taken back" in said.content.decode()
    assert [o.status for o in wire.ledger.orders("mine")] == ["CANCELED"]
    entry = AuditEntry.objects.get(action="order.canceled")
    assert (entry.who, entry.target) == ("admin:view_run", order.client_id)
    with tended(tender):
        again = trader.post(url("account_cancel", account, order.client_id), follow=True)
    assert again.status_code == 200, "canceled is what it is"


def test_a_stop_is_refused_in_words_and_another_accounts_order_is_not_found(
    trader, wire, run, account
):
    stop = intend(run, "sell", order_id="s", purpose="stop_loss", type="stop_loss",
                  stop_price=Decimal(1), wanted=Decimal(1))  # fmt: skip
    said = trader.post(url("account_cancel", account, stop.client_id), follow=True)
    assert "PROTECTIVE_ORDER" in said.content.decode()
    other = Account.objects.create(
        exchange=wire.exchange, fingerprint="0" * 64, credential=account.credential
    )
    assert trader.post(url("account_cancel", other, stop.client_id)).status_code == 404
    assert trader.post(url("account_cancel", account, "nothing")).status_code == 404


def test_a_discrepancy_is_decided_and_a_deed_at_the_venue_is_confirmed(trader, run, account):
    row = told(account, run)
    text = page(trader, account)
    assert "buys nothing until this is decided" in text
    assert text.count('name="confirm"') == 1
    resolve = url("account_resolve", account, row.pk)
    said = trader.post(resolve, {"action": "close"}, follow=True).content.decode()
    assert "tick that you are sure" in said
    assert "UNKNOWN_ACTION" in trader.post(resolve, {"action": EVIL}, follow=True).content.decode()
    row.refresh_from_db()
    assert row.resolution == ""
    said = trader.post(resolve, {"action": "close", "confirm": "1"}, follow=True)
    assert "the trader does it in a moment" in said.content.decode()
    row.refresh_from_db()
    assert (row.resolution, row.resolved_by) == ("close", "admin:view_run")
    again = trader.post(resolve, {"action": "ignore"}, follow=True).content.decode()
    assert "DISCREPANCY_RESOLVED" in again


def test_another_accounts_discrepancy_is_not_decided_here(trader, wire, run, account):
    row = told(account, run)
    other = Account.objects.create(
        exchange=wire.exchange, fingerprint="0" * 64, credential=account.credential
    )
    path = url("account_resolve", other, row.pk)
    assert trader.post(path, {"action": "ignore"}).status_code == 404


def test_what_waits_for_somebody_is_counted(run, account):
    nothing = {"discrepancies": 0, "doubtful": 0, "killed": 0, "failing": 0}
    assert queries.alerts() == nothing
    row = told(account, run)
    intend(run, state="unknown")
    trading_desk.kill(account, ["block"], "me")
    found = queries.alerts()
    assert (found["discrepancies"], found["killed"]) == (1, 1)
    assert queries.alerts("somebody else") == nothing
    discrepancies.resolve(row, "ignore", "me")
    assert queries.alerts()["discrepancies"] == 0
