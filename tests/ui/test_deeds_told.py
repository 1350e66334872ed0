"""What is refused and counted by way of the desk is as it is by way of the API."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from cracktrader_site.api import refusals
from cracktrader_site.api.models import AuditEntry
from exchanges.models import Account, Credential, Exchange
from runs.models import Run
from tests.runs.factory import make_run
from tests.ui.prepared import prepared_desk  # noqa: F401 - a fixture
from tests.ui.test_visitors import staff

pytestmark = pytest.mark.django_db

BACKTEST = {
    "mode": "backtest",
    "strategy_name": "BuyAndHold",
    "exchange": "simulated",
    "symbols": "BTC/USDT",
    "timeframe": "1h",
    "start_date": "2024-01-01",
    "end_date": "2024-01-11",
    "initial_cash": "10000",
}
LIVE = BACKTEST | {"mode": "live", "was": "live", "confirm_live": "on", "exchange": "binance"}
TRADER = ("runs.view_run", "runs.add_run")


@pytest.fixture(scope="module", autouse=True)
def prepared(prepared_desk):  # noqa: F811
    """Strategies and venues, for all tests of the module."""


@pytest.fixture(autouse=True)
def told(settings: Any, monkeypatch: Any, tmp_path: Any) -> None:
    monkeypatch.setattr(refusals, "_told", {})
    settings.CRACKTRADER_HOME = tmp_path
    settings.AUTH = True


@pytest.fixture
def live() -> Run:
    venue = Exchange.objects.get(name="binance")
    credential = Credential.objects.create(exchange=venue, name="mine", sealed=b"")
    account = Account.objects.create(exchange=venue, credential=credential)
    return make_run(status=Run.Status.RUNNING, mode=Run.Mode.LIVE, account=account)


def trail() -> list[tuple[str, str, str]]:
    entries = AuditEntry.objects.exclude(action="login").order_by("id")
    return list(entries.values_list("who", "action", "target"))


def test_refused_live_deeds_are_told_to_the_audit_trail(live):
    client, account = staff(*TRADER), f"/ui/accounts/{live.account.public_id}"
    paths = [
        f"{account}/kill",
        f"{account}/release",
        f"{account}/orders/manual-1/cancel",
        f"{account}/discrepancies/1/resolve",
        f"/ui/runs/{live.public_id}/stop",
    ]
    for path in paths * 2:
        assert client.post(path, {"name": str(live.account)}).status_code == 403
    assert trail() == [("admin:ann", "live.refused", path) for path in paths]
    newest = AuditEntry.objects.order_by("id").last()
    assert newest.detail == {"code": "PERMISSION_DENIED", "method": "POST"}


def test_a_release_while_the_server_trades_nothing_is_told(live):
    client = staff(*TRADER, "exchanges.change_account")
    path = f"/ui/accounts/{live.account.public_id}/release"
    assert client.post(path, {"confirm": "1"}).status_code == 302
    assert trail() == [("admin:ann", "live.refused", path)]


@pytest.mark.parametrize("more", [(), ("exchanges.change_account",)])
def test_a_refused_live_start_is_told(more):
    client = staff(*TRADER, *more)
    assert client.post(reverse("ui:new"), LIVE).status_code == 403
    assert trail() == [("admin:ann", "live.refused", "/ui/new")]


def test_what_is_refused_of_others_is_not_told():
    assert staff("runs.view_run").post(reverse("ui:first")).status_code == 403
    assert trail() == []


def test_a_live_runs_stop_is_told_though_nobody_signed_in(live, settings):
    settings.AUTH = False
    assert Client().post(f"/ui/runs/{live.public_id}/stop").status_code == 302
    assert trail() == [("api", "live.stopped", str(live.public_id))]


@pytest.mark.parametrize("auth", [True, False])
def test_starts_by_the_desk_fall_under_the_limit_of_their_scope(auth, settings):
    settings.AUTH, settings.RATE_LIMIT_BACKTEST = auth, 3
    client = staff(*TRADER) if auth else Client(headers={"Sec-Fetch-Site": "same-origin"})
    answers = [client.post(reverse("ui:new"), BACKTEST) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [302, 302, 302, 429]
    assert "More than 3 requests" in answers[-1].content.decode()
    assert "try again in" in answers[-1].content.decode()
    assert Run.objects.count() == 3
    for path in (
        reverse("ui:first"),
        reverse("ui:run_verify", args=[Run.objects.first().public_id]),
    ):
        answer = client.post(path)
        assert answer.status_code == 429, path
        assert int(answer["Retry-After"]) > 0
    by_api = client.post("/api/v1/run/backtest", {}, content_type="application/json")
    assert by_api.status_code == 429
    assert client.post(reverse("ui:new"), BACKTEST | {"mode": "paper"}).status_code != 429


def test_no_limit_stands_before_the_kill_switch(live, settings):
    settings.RATE_LIMIT_LIVE = settings.RATE_LIMIT_PAGES = 1
    client, account = staff(*TRADER, "exchanges.change_account"), live.account.public_id
    said = []
    for _ in range(3):
        page = client.post(f"/ui/accounts/{account}/release", {"confirm": "1"}, follow=True)
        said += [str(message) for message in page.context["messages"]]
    assert "RATE_LIMITED" in said[-1]
    wrong = client.post(f"/ui/accounts/{account}/kill", {"name": "another"}, follow=True)
    assert "type the account" in str(next(iter(wrong.context["messages"])))
