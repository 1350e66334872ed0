"""The page of a new run, as a browser asks for it."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cracktrader_site.ui.forms import RunForm
from exchanges.models import Credential, Exchange
from runs.models import Run
from tests.ui.prepared import prepared_desk  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

NEW, PARTS, LOOK = "/ui/new", "/ui/new/form", "/ui/new/outlook"
DATES = {"start_date": "2024-01-01T00:00", "end_date": "2024-02-01T00:00"}
FIELDS = (
    *RunForm.base_fields,
    "MovingAverageCross.fast_period",
    "TestStrategy.slow",
    ".x",
    "again",
    "strategy",
)


@pytest.fixture(scope="module", autouse=True)
def prepared(prepared_desk):  # noqa: F811
    """Strategies and venues, for all tests of the module."""


@pytest.fixture(autouse=True)
def candles(settings, tmp_path):
    settings.CANDLES_DIR = tmp_path / "candles"


class Controls(HTMLParser):
    """The form's controls by name, as a browser would send them, and its mistakes by field."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.sent: dict[str, str] = {}
        self.ids: set[str] = set()
        self.labels: set[str] = set()
        self.visible: dict[str, str] = {}
        self.mistakes: dict[str, str] = {}
        self._select, self._mistake = "", ""
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        said = dict(attrs)
        if "id" in said:
            self.ids.add(said["id"])
        if tag == "label" and "for" in said:
            self.labels.add(said["for"])
        if tag == "p" and said.get("class") == "mistake":
            self._mistake = said.get("id", "?")
        name = said.get("name", "")
        if "form" in said or not name or name == "update":
            pass
        elif tag == "select":
            self._select = name
            self.visible[name] = said["id"]
        elif tag == "input" and said.get("type") in ("radio", "checkbox"):
            if "checked" in said:
                self.sent[name] = said.get("value", "on")
        elif tag in ("input", "textarea"):
            self.sent[name] = said.get("value") or ""
            if said.get("type") != "hidden":
                self.visible[name] = said["id"]
        if tag == "option" and self._select and "selected" in said:
            self.sent[self._select] = said["value"]

    def handle_data(self, data):
        if self._mistake:
            name = self._mistake.removeprefix("id_").removesuffix("_error")
            self.mistakes[name] = data
            self._mistake = ""

    def handle_endtag(self, tag):
        if tag == "select":
            self._select = ""


def opened(client: Client, **query: str) -> dict[str, str]:
    """What a browser would send of the page without a change."""
    html = client.get(NEW, query).content.decode()
    return {n: t for n, t in Controls(html).sent.items() if n != "csrfmiddlewaretoken"}


def login(client: Client, *permissions: str) -> None:
    user = User.objects.create_user("trader", password="x", is_staff=True)
    codenames = [permission.partition(".")[2] for permission in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)


# --- the page --------------------------------------------------------------------------------


def test_every_field_has_its_label(client):
    for mode in ("backtest", "paper", "replay"):
        found = Controls(client.get(NEW, {"mode": mode}).content.decode())
        assert found.visible
        assert set(found.visible.values()) <= found.labels


def test_the_page_as_it_opens_starts_a_backtest(client):
    answer = client.post(NEW, opened(client))
    run = Run.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == reverse("ui:run", args=[run.public_id])
    assert (run.mode, run.strategy_name, run.symbols) == (
        "backtest",
        "MovingAverageCross",
        ["BTC/USDT"],
    )


def test_the_same_page_sent_twice_starts_one_run(client):
    sent = opened(client)
    assert client.post(NEW, sent)["Location"] == client.post(NEW, sent)["Location"]
    assert Run.objects.count() == 1


def test_a_page_sent_again_with_other_values_asks_first(client):
    sent = opened(client)
    client.post(NEW, sent)
    answer = client.post(NEW, sent | {"initial_cash": "77"})
    assert answer.status_code == 200
    html = answer.content.decode()
    assert "has started" in html
    assert reverse("ui:run", args=[Run.objects.get().public_id]) in html
    client.post(NEW, Controls(html).sent)
    assert Run.objects.count() == 2


@pytest.mark.parametrize(("mode", "replay"), [("paper", False), ("replay", True)])
def test_paper_and_replay_start(client, mode, replay):
    answer = client.post(NEW, opened(client, mode=mode))
    assert answer.status_code == 302
    run = Run.objects.get()
    assert run.mode == "paper"
    assert (run.replay is not None) is replay


def test_a_refused_start_shows_what_is_wrong_and_keeps_what_was_typed(client):
    typed = opened(client) | {
        "symbols": "NO/SUCH",
        "stop_loss": "250",
        "MovingAverageCross.fast_period": "many",
    }
    answer = client.post(NEW, typed)
    assert answer.status_code == 200
    found = Controls(answer.content.decode())
    assert found.mistakes.keys() == {"symbols", "stop_loss", "MovingAverageCross.fast_period"}
    assert typed.items() <= found.sent.items()
    assert "id_MovingAverageCross.fast_period_error" in found.ids
    assert not Run.objects.exists()


def test_update_draws_the_form_for_another_strategy_and_starts_nothing(client):
    sent = opened(client) | {"strategy_name": "DonchianBreakout", "update": "1"}
    found = Controls(client.post(NEW, sent).content.decode())
    assert found.sent["DonchianBreakout.entry_period"] == "20"
    assert found.sent["key"] == sent["key"]
    assert not Run.objects.exists()


# --- by link ---------------------------------------------------------------------------------


def test_a_link_may_name_strategy_mode_and_market(client):
    found = opened(client, strategy="MacdTrend", mode="replay", symbols="ETH/USDT", timeframe="4h")
    assert found["strategy_name"] == "MacdTrend"
    assert found["mode"] == "replay"
    assert (found["symbols"], found["timeframe"]) == ("ETH/USDT", "4h")


def test_a_run_again_has_its_values_and_another_mode_where_one_is_named(client):
    typed = {"symbols": "SOL/USDT", "MovingAverageCross.slow_period": "55", "stop_loss": "4"}
    client.post(NEW, opened(client) | typed | DATES)
    run = Run.objects.get()
    again = opened(client, again=str(run.public_id))
    assert (typed | DATES).items() <= again.items()
    assert client.post(NEW, again)["Location"] != reverse("ui:run", args=[run.public_id])
    paper = opened(client, again=str(run.public_id), mode="paper")
    assert paper["mode"] == "paper"
    assert paper["MovingAverageCross.slow_period"] == "55"


@pytest.mark.parametrize("again", ["00000000-0000-4000-8000-000000000000", "x", "\0", ""])
def test_a_run_that_is_not_there_is_not_found(client, again):
    assert client.get(NEW, {"again": again}).status_code == (404 if again else 200)


def test_a_link_agrees_to_nothing(client, settings):
    settings.AUTH = settings.LIVE_TRADING = True
    login(client, "runs.view_run", "runs.add_run", "exchanges.change_account")
    query = {"mode": "live", "confirm_live": "on", "was": "live", "key": "a" * 32}
    found = opened(client, **query)
    assert found["mode"] == "live"
    assert "confirm_live" not in found
    assert found["key"] != "a" * 32
    assert found["initial_cash"] == ""


# --- parts -----------------------------------------------------------------------------------


def test_parts_keep_what_was_typed_and_agree_to_nothing(client):
    sent = opened(client) | {"strategy_name": "MacdTrend", "fee": "0.2", "confirm_live": "on"}
    found = Controls(client.get(PARTS, sent).content.decode())
    assert found.sent["fee"] == "0.2"
    assert found.sent["MacdTrend.fast_period"] == "12"
    assert found.sent["MovingAverageCross.fast_period"] == "10"
    assert "confirm_live" not in found.sent


def test_the_outlook_and_the_code_follow_the_form(client):
    html = client.get(LOOK, opened(client) | DATES | {"stop_loss": "5"}).content.decode()
    assert "744 bars" in html
    assert "&quot;stop_loss&quot;: 0.05" in html
    assert 'id="snippets" hx-swap-oob="true"' in html


def test_suggestions_are_those_of_the_venue(client):
    html = client.get("/ui/new/symbols", {"exchange": "simulated", "symbol": "et"}).content.decode()
    assert re.findall(r'value="([^"]+)"', html)[:2] == ["ETC/USDT", "ETH/USDT"]
    assert client.get("/ui/new/symbols", {"exchange": "x", "symbol": "\0"}).status_code == 200


def test_pages_ask_the_database_little(client, django_assert_max_num_queries):
    sent = opened(client)
    with django_assert_max_num_queries(14):
        client.get(NEW)
    with django_assert_max_num_queries(5):
        client.get(PARTS, sent)
    with django_assert_max_num_queries(14):
        client.get(LOOK, sent)


# --- who may what ----------------------------------------------------------------------------


def test_who_is_not_signed_in_is_asked_to(client, settings):
    settings.AUTH = True
    for path in (NEW, PARTS, LOOK, "/ui/new/symbols"):
        assert client.get(path)["Location"].startswith("/ui/login")
    assert client.post(NEW, {}).status_code == 302
    assert client.post("/ui/first").status_code == 302
    assert not Run.objects.exists()


def test_who_may_only_look_sees_why_the_button_is_off_and_is_refused(client, settings):
    settings.AUTH = True
    login(client, "runs.view_run")
    html = client.get(NEW).content.decode()
    assert re.search(r'<button[^>]*type="submit" disabled aria-describedby="refusal"', html)
    assert "lacks the permission to start a backtest" in html
    answer = client.post(NEW, opened(client))
    assert answer.status_code == 403
    assert client.post("/ui/first").status_code == 403
    assert not Run.objects.exists()


def test_live_is_shut_and_says_what_it_lacks(client):
    html = client.get(NEW).content.decode()
    assert re.search(r'value="live" id="id_mode_live" disabled', html)
    assert "CRACKTRADER_LIVE_TRADING=1" in html


def test_a_live_form_says_what_is_risked_and_starts_nothing_unconfirmed(client, settings):
    settings.AUTH = settings.LIVE_TRADING = True
    login(client, "runs.view_run", "runs.add_run", "exchanges.change_account")
    venue = Exchange.objects.get(name="binance")
    Credential.objects.create(name="mine", exchange=venue, fingerprint="f" * 64, sealed=b"x")
    sent = opened(client, mode="live", exchange="binance") | {
        "account": "mine",
        "initial_cash": "500",
    }
    html = client.get(LOOK, sent).content.decode()
    assert "Real orders on mine at binance: up to 500 USDT." in html
    assert "Bearer $CRACKTRADER_API_KEY" in html
    found = Controls(client.post(NEW, sent).content.decode())
    assert found.mistakes == {"confirm_live": "Tick this: no real order is placed without it"}
    assert (found.sent["account"], found.sent["initial_cash"]) == ("mine", "500")
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("exchange", "why"),
    [
        ("simulated", "Simulated invents its prices: choose a venue that takes orders."),
        ("kraken", "No credential of Kraken is stored here yet."),
        ("binance", ""),
    ],
)
def test_live_cannot_be_started_where_no_account_can_be_chosen(client, settings, exchange, why):
    settings.AUTH = settings.LIVE_TRADING = True
    login(client, "runs.view_run", "runs.add_run", "exchanges.change_account")
    venue = Exchange.objects.get(name="binance")
    Credential.objects.create(name="mine", exchange=venue, fingerprint="f" * 64, sealed=b"x")
    html = client.get(NEW, {"mode": "live", "exchange": exchange}).content.decode()
    button = re.search(r'<button class="button danger" type="submit"[^>]*>', html)
    assert button is not None
    assert (" disabled" in button[0]) == bool(why)
    assert (f'<p class="small" id="refusal">{why}</p>' in html) == bool(why)
    assert ("credentials add NAME" in html) == (exchange == "kraken")


def test_the_built_in_venue_is_chosen_knowingly(client):
    assert ">Simulated (invented)</option>" in client.get(NEW).content.decode()
    html = client.get(LOOK, opened(client)).content.decode()
    assert "will be made first: this venue invents its prices" in html
    assert "to download" not in html


def test_a_session_sees_its_own_run_under_its_name(client, settings):
    settings.AUTH = True
    login(client, "runs.view_run", "runs.add_run")
    client.post(NEW, opened(client))
    assert Run.objects.get().owner == f"user:{User.objects.get().pk}"


# --- the first backtest ----------------------------------------------------------------------


def test_the_first_backtest_is_one_however_often_it_is_asked_for(client):
    first, second = client.post("/ui/first"), client.post(reverse("ui:first"))
    run = Run.objects.get()
    assert first["Location"] == second["Location"] == reverse("ui:run", args=[run.public_id])
    engine = run.config["engine"]
    assert run.config["exchange"] == "simulated"
    assert (engine["end_ms"] - engine["start_ms"]) // 86_400_000 in (365, 366)
    shown = client.get(first["Location"]).content.decode()
    assert "backtest on Simulated (invented prices)" in shown


def test_the_first_backtest_is_not_started_by_a_link(client):
    assert client.get("/ui/first").status_code == 405


# --- whatever is sent ------------------------------------------------------------------------

odd = ["", "0", "-1", "1e999", "nan", "live", "replay", "paper", "backtest", "gate", "MacdTrend"]
odd += ["[[[", "\0", "2024-01-01T00:00", "9999-12-31", "BTC/USDT,ETH/BTC", "BTC/USDT", "1m", "1w"]
texts = st.text(max_size=12) | st.sampled_from(odd)
sendings = st.dictionaries(st.sampled_from(FIELDS) | st.text(max_size=8), texts, max_size=8)


@settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(sendings)
def test_nothing_that_is_sent_breaks_the_page(client, typed):
    query = urlencode(typed, errors="replace")
    for path in (NEW, PARTS, LOOK):
        assert client.get(f"{path}?{query}").status_code in (200, 404)
    sent = client.post(NEW, query, content_type="application/x-www-form-urlencoded")
    assert sent.status_code in (200, 302, 403)
