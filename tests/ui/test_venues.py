"""The pages of venues."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from cracktrader_site.ui import asking
from exchanges import adapters
from exchanges.clock import SystemClock
from exchanges.domain import Timeframe
from exchanges.models import CandleSeries, Exchange, Feed
from exchanges.services import sync_exchanges
from runs.models import Run
from tests.runs.factory import make_run
from tests.venue import Fault, SpotMarket, VenueServer

EVIL = "<script>alert('x')</script>"
LIST = reverse("ui:venues")

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture(autouse=True)
def venues(db: None, settings: Any, tmp_path: Any) -> None:
    settings.CANDLES_DIR = tmp_path / "candles"
    sync_exchanges()


@pytest.fixture
def wire(settings: Any) -> Iterator[VenueServer]:
    settings.VENUE_TIMEOUT = 1
    adapters._client.cache_clear()
    with VenueServer(SpotMarket(("BTC/USDT", "ETH/USDT"))) as server:
        Exchange.objects.create(
            name="wire", title="Binance", ccxt_id="binance", base_url=server.url,
            timeframes=["1m", "1h"], common=True, credentials=["apiKey", "secret"],
        )  # fmt: skip
        yield server


def words(text: str) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)))


def names(text: str) -> list[str]:
    return re.findall(r'href="/ui/venues/([^"/]+)"', text)


def feed(exchange: str = "simulated", **fields: Any) -> Feed:
    """One that a paper run of this moment waits for."""
    hour = Timeframe.parse("1h").ms
    known = SystemClock().now_ms() // hour * hour
    now = timezone.now()
    values = {
        "exchange": Exchange.objects.get(name=exchange),
        "symbol": "BTC/USDT",
        "timeframe": "1h",
        "from_ms": known - hour,
        "known_until_ms": known,
        "asked_at": now,
        "answered_at": now,
    }
    made = Feed.objects.create(**values | fields)
    run = make_run(mode=Run.Mode.PAPER, status=Run.Status.RUNNING, cursor_ms=known)
    run.feeds.add(made)
    return made


# --- all of them -----------------------------------------------------------------------------


def test_the_built_in_venue_comes_first_and_then_the_common_ones(client):
    shown = names(client.get(LIST).content.decode())
    assert shown[0] == "simulated"
    assert {"binance", "kraken", "okx"} < set(shown)
    assert len(shown) < 20 < len(names(client.get(LIST, {"all": "1"}).content.decode()))


def test_a_venue_in_use_is_shown_though_it_is_not_common(client):
    rare = Exchange.objects.filter(common=False).first()
    assert rare.name not in names(client.get(LIST).content.decode())
    CandleSeries.objects.create(exchange=rare, symbol="BTC/USDT", timeframe="1h", rows=7)
    assert rare.name in names(client.get(LIST).content.decode())


def test_a_search_is_over_all_of_them_by_name_and_title(client):
    assert names(client.get(LIST, {"q": "KRAK"}).content.decode()) == ["kraken", "krakenfutures"]
    assert "coinbase" in names(client.get(LIST, {"q": "Coinbase Adv"}).content.decode())
    part = client.get(LIST, {"q": "krak"}, headers={"HX-Request": "true", "HX-Target": "venues"})
    assert "<html" not in part.content.decode()
    assert names(part.content.decode()) == ["kraken", "krakenfutures"]


@pytest.mark.parametrize("asked", ["no such venue", EVIL, "'", "%", "x" * 5000])
def test_a_search_without_a_hit_says_what_to_do(client, asked):
    text = client.get(LIST, {"q": asked}).content.decode()
    assert "No venue has that in its name" in text
    assert "<script>alert" not in text


def test_what_no_name_can_hold_is_not_searched_for(client):
    assert names(client.get(LIST, {"q": "k\0ra\x1bk"}).content.decode()) == [
        "kraken",
        "krakenfutures",
    ]


def test_the_list_takes_the_same_queries_however_many_there_are(client, django_assert_num_queries):
    with django_assert_num_queries(4):
        client.get(LIST)
    for n in range(5):
        feed(symbol=f"A{n}/USDT")
    Exchange.objects.filter(ccxt_id__in=["kraken", "okx"]).update(
        markets={"BTC/USDT": [None, None]}, markets_fetched_at=timezone.now()
    )
    with django_assert_num_queries(4):
        text = client.get(LIST, {"all": "1"}).content.decode()
    assert "5 fresh" in text


def test_a_feed_in_trouble_shows_on_the_list_and_with_its_error(client):
    feed(stale_since=timezone.now() - timedelta(hours=3), failures=7,
         error_code="VENUE_UNREACHABLE", error=f"no answer {EVIL}")  # fmt: skip
    assert "1 of 1 in trouble" in client.get(LIST).content.decode()
    text = client.get(reverse("ui:venue", args=["simulated"])).content.decode()
    assert "stale" in text
    assert "VENUE_UNREACHABLE: no answer &lt;script&gt;" in text


def test_bars_behind_are_counted_and_an_idle_feed_has_none(client):
    hour = Timeframe.parse("1h").ms
    found = feed()
    Feed.objects.update(known_until_ms=found.known_until_ms - 3 * hour)
    url = reverse("ui:venue", args=["simulated"])
    row = re.search(r"BTC/USDT 1h</th>(.*?)</tr>", client.get(url).content.decode(), re.S)[1]
    assert words(row).split()[0] == "fresh"
    assert '<td class="right">3</td>' in row
    Feed.objects.update(asked_at=timezone.now() - timedelta(hours=1))
    row = re.search(r"BTC/USDT 1h</th>(.*?)</tr>", client.get(url).content.decode(), re.S)[1]
    assert words(row).split()[0] == "idle"
    assert '<td class="right">\N{EN DASH}</td>' in row


# --- one of them -----------------------------------------------------------------------------


def test_credentials_are_named_and_base_urls_and_names_are_texts(client):
    Exchange.objects.filter(name="binance").update(title=EVIL, note=EVIL)
    text = client.get(reverse("ui:venue", args=["binance"])).content.decode()
    assert "apiKey, secret" in words(text).replace(" ,", ",")
    assert "<script>alert" not in text


def test_an_unknown_venue_is_not_found(client):
    assert client.get(reverse("ui:venue", args=["nowhere"])).status_code == 404
    assert client.get(f"/ui/venues/{EVIL}").status_code == 404


def test_symbols_are_found_by_a_part_of_them_and_a_long_list_is_cut(client):
    many = {f"C{n:04}/USDT": [None, None] for n in range(300)}
    Exchange.objects.filter(name="kraken").update(
        markets=many, markets_fetched_at=timezone.now() - timedelta(days=3)
    )
    url = reverse("ui:venue", args=["kraken"])
    text = client.get(url).content.decode()
    assert "The first 60 of 300" in text
    assert "older than a day" in text
    part = client.get(url, {"q": "c0299"}, headers={"HX-Request": "true", "HX-Target": "symbols"})
    assert words(part.content.decode()).split() == ["C0299/USDT"]
    none = client.get(url, {"q": EVIL}).content.decode()
    assert "None of its 300 markets" in none
    assert "<script>alert" not in none.lower()


# --- asking for markets ----------------------------------------------------------------------


def test_the_venue_is_asked_for_its_markets_from_the_page(client, wire):
    url = reverse("ui:venue_markets", args=["wire"])
    assert client.get(url).status_code == 405
    text = client.post(url, follow=True).content.decode()
    assert "wire names 2 markets" in text
    assert "BTC/USDT" in text
    assert set(Exchange.objects.get(name="wire").markets) == {"BTC/USDT", "ETH/USDT"}


@pytest.mark.parametrize("fault", [Fault(times=99, hang=20.0), Fault(times=99, status=503),
                                   Fault(times=99, body=b"<html>", status=200)])  # fmt: skip
def test_a_venue_that_hangs_or_fails_is_said_and_its_markets_stay(client, wire, fault):
    Exchange.objects.filter(name="wire").update(markets={"OLD/USDT": [None, None]})
    wire.faults.arm("*", fault)
    began = timezone.now()
    text = client.post(reverse("ui:venue_markets", args=["wire"]), follow=True).content.decode()
    assert timezone.now() - began < timedelta(seconds=10)
    assert "The markets stay as they were" in text
    assert "(VENUE_" in text
    assert set(Exchange.objects.get(name="wire").markets) == {"OLD/USDT"}


def test_no_more_than_two_pages_wait_for_venues(client, wire):
    url = reverse("ui:venue_markets", args=["wire"])
    with asking.VENUES, asking.VENUES:
        text = client.post(url, follow=True).content.decode()
    assert "The markets stay as they were: Other venues are being asked" in text
    assert "wire names 2 markets" in client.post(url, follow=True).content.decode()


def test_a_venue_that_is_switched_off_is_not_asked(client, wire):
    Exchange.objects.filter(name="wire").update(enabled=False)
    answer = client.post(reverse("ui:venue_markets", args=["wire"]), follow=True)
    text = answer.content.decode()
    assert "EXCHANGE_DISABLED" in text
    assert "Ask the venue" not in text


def test_who_may_only_look_asks_no_venue(client, settings, wire):
    settings.AUTH = True
    reader = User.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(reader)
    text = client.get(reverse("ui:venue", args=["wire"])).content.decode()
    assert "Ask the venue" not in text
    assert "Edit in the admin" not in text
    assert client.post(reverse("ui:venue_markets", args=["wire"])).status_code == 403
    assert Client().get(LIST).status_code == 302
