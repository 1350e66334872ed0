"""The page of candles: what is held, and what is being downloaded."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from cracktrader_site.ui.pages.data import SERIES_A_PAGE
from exchanges import machines, queries, services
from exchanges.market_store import MarketStore, SeriesKey
from exchanges.models import CandleSeries, Download, Exchange
from exchanges.services import downloads
from exchanges.services.candles import refresh_series
from exchanges.services.fetching import execute
from tests.exchanges.tools import BTC, DAY_MS, HOUR, HOUR_MS, T0, make_bars

pytestmark = pytest.mark.django_db

HTMX = {"HTTP_HX_REQUEST": "true"}
BODY = {
    "exchange": "simulated",
    "symbols": "BTC/USDT",
    "timeframe": "1h",
    "start": "2024-01-01",
    "end": "2024-02-01",
}


@pytest.fixture(autouse=True)
def desk(settings, tmp_path, monkeypatch) -> None:
    settings.CANDLES_DIR = tmp_path / "candles"
    services.sync_exchanges()
    monkeypatch.setattr(downloads, "_send", lambda number: None)


def hold(symbol: Any = BTC, indices: Any = range(100), exchange: str = "simulated") -> CandleSeries:
    """A series of which the first 120 hours were asked for."""
    key = SeriesKey(exchange, symbol, HOUR)
    store = queries.store()
    store.write(key, make_bars(indices, symbol=symbol), covering=(T0, T0 + 120 * HOUR_MS))
    return refresh_series(Exchange.objects.get(name=exchange), key, store)


def ask(**changes: Any) -> Download:
    values = {"exchange_name": "simulated", "symbols": ["BTC/USDT"], "timeframe": "1h"}
    (download,) = downloads.start(**values | {"start_ms": T0, "end_ms": T0 + 31 * DAY_MS} | changes)
    return download


def text(answer: Any) -> str:
    """What a reader sees: no tags, single spaces."""
    words: list[str] = []
    parser = HTMLParser()
    parser.handle_data = words.append  # type: ignore[method-assign]
    parser.feed(answer.content.decode())
    # Of several machines each row says whose it is.
    return " ".join(" ".join(words).split()).replace(f" · on {machines.disk()} ", " ")


def page(client: Client, path: str = "/ui/data", **more: Any) -> str:
    answer = client.get(path, **more)
    assert answer.status_code == 200
    return text(answer)


# --- what is held ---


def test_an_empty_desk_says_what_to_do(client):
    shown = page(client)
    assert "No candles are held yet" in shown
    assert "Nothing was asked for yet" in shown


def test_the_list_opens_no_file_and_its_bars_come_after_it(client, monkeypatch):
    hold(indices=[*range(40), *range(50, 100)])
    with monkeypatch.context() as patch:
        patch.setattr(MarketStore, "_load", None)
        shown = page(client)
    assert "BTC/USDT 1h simulated reading … 2024-01-01 00:00 2024-01-05 03:00 90 1" in shown
    answer = client.get("/ui/data/series", **HTMX)
    assert "BTC/USDT 1h simulated 90 % 2024-01-01 00:00" in text(answer)
    assert 'aria-label="BTC/USDT: 90 % held, 0 bars to make, 1 gap of' in answer.content.decode()


def test_hundreds_of_series_cost_as_many_queries_as_one(client):
    def cost(path: str) -> int:
        with CaptureQueriesContext(connection) as captured:
            page(client, path)
        return len(captured)

    hold()
    paths = ("/ui/data", "/ui/data/series", "/ui/data?q=usdt&page=2")
    few = [cost(path) for path in paths]
    rows = [
        CandleSeries(
            exchange=exchange,
            symbol=f"A{n}/USDT",
            timeframe="1h",
            first_ms=T0,
            last_ms=T0,
            machine=machines.disk(),
        )
        for exchange in Exchange.objects.filter(name__in=("binance", "kraken"))
        for n in range(200)
    ]
    CandleSeries.objects.bulk_create(rows)
    assert [cost(path) for path in paths] == few
    assert max(few) <= 12
    shown = page(client, "/ui/data?page=2")
    assert shown.count("reading …") == SERIES_A_PAGE
    assert "401 series" in shown
    assert "page 2 of 17" in shown


def test_series_are_found_by_symbol_venue_and_timeframe(client):
    hold()
    binance = Exchange.objects.get(name="binance")
    CandleSeries.objects.create(exchange=binance, symbol="ETH/USDT", timeframe="4h")
    for words, found in (
        ("eth", "ETH"),
        ("binance 4h", "ETH"),
        ("simul", "BTC"),
        ("1h btc", "BTC"),
    ):
        shown = page(client, f"/ui/data?q={words}")
        assert [s for s in ("BTC", "ETH") if f"{s}/USDT " in shown.split("Held candles")[1]] == [
            found
        ]
    assert "No series has <b>x" in page(client, "/ui/data?q=<b>x")


def test_one_series_with_its_gaps_year_by_year(client):
    series = hold(indices=[*range(40), *range(50, 100)])
    path = f"/ui/data/series/{series.pk}"
    shown = page(client, path)
    assert "90 % held: 90 bars" in shown
    assert "10 that the venue does not have, in 1 gap" in shown
    assert "Largest gap: 2024-01-02 16:00 (10 bars)." in shown
    assert "2024 90 % 90 0 1" in shown
    found = re.search(r'href="(/ui/data\?exchange=[^"]+)"', client.get(path).content.decode())
    prefilled = client.get(found[1].replace("&amp;", "&")).content.decode()
    assert 'value="BTC/USDT"' in prefilled
    assert 'value="2024-01-05"' in prefilled
    assert client.get("/ui/data/series/999999").status_code == 404


def test_a_damaged_file_is_told_of(client, settings):
    series = hold()
    (file,) = settings.CANDLES_DIR.glob("*/*/*/*.arrow")
    file.write_bytes(b"ARROW1\0\0 and no more")
    page(client, f"/ui/data/series/{series.pk}")
    shown = page(client, f"/ui/data/series/{series.pk}")
    assert "Candles of 2024-01 could not be read and were set aside" in shown
    assert "1 damaged file" in page(client, "/ui/data/series")


def test_a_series_whose_files_are_gone_is_shown(client, settings):
    series = hold()
    queries.store().drop(SeriesKey("simulated", BTC, HOUR))
    assert "100 to make" in page(client, f"/ui/data/series/{series.pk}")
    series.first_ms = series.last_ms = None
    series.save()
    assert "Nothing is held of it" in page(client, f"/ui/data/series/{series.pk}")
    assert "nothing held" in page(client, "/ui/data/series")


# --- asking ---


def test_what_the_form_says_is_asked_for(client):
    answer = client.post("/ui/data/download", BODY | {"symbols": "btc/usdt, ETH/USDT"})
    assert (answer.status_code, answer["Location"]) == (302, "/ui/data#downloads")
    eth, btc = Download.objects.all()
    assert (btc.symbol, eth.symbol) == ("BTC/USDT", "ETH/USDT")
    assert (btc.start_ms, btc.end_ms) == (T0, T0 + 31 * DAY_MS)
    assert (
        "BTC/USDT 1h simulated 2024-01-01 00:00 to 2024-02-01 00:00 · 744 bars queued 0 %"
        in page(client)
    )


def test_each_says_how_many_bars_it_is(client):
    ask()
    assert "2024-01-01 00:00 to 2024-02-01 00:00 · 744 bars" in page(client)


def test_without_an_end_it_is_up_to_now(client):
    client.post("/ui/data/download", BODY | {"end": ""})
    assert timezone.now().timestamp() * 1000 - Download.objects.get().end_ms < 2 * HOUR_MS


def test_by_htmx_the_form_and_the_list_come_back(client):
    answer = client.post("/ui/data/download", BODY, **HTMX)
    content = answer.content.decode()
    assert content.lstrip().startswith('<form class="form" id="download-form"')
    assert 'id="downloads-list" hx-swap-oob="true" hx-get="/ui/data/downloads"' in content
    assert "BTC/USDT 1h: asked for." in text(answer)


def test_what_is_held_is_done_at_once(client):
    hold()
    answer = client.post("/ui/data/download", BODY | {"end": "2024-01-03"}, **HTMX)
    assert "BTC/USDT 1h: held already." in text(answer)
    assert "every 1s" not in answer.content.decode()


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"exchange": "nowhere"}, "exchange", "Select a valid choice"),
        ({"symbols": ""}, "symbols", "This field is required"),
        ({"symbols": "NO/SUCH"}, "symbols", "NO/SUCH is not supported. It has ADA/USDT,"),
        (
            {"symbols": "BTCUSDT"},
            "symbols",
            "'BTCUSDT' is not a spot symbol: did you mean BTC/USDT?",
        ),
        ({"symbols": "BTC/USDT; nonsense"}, "symbols", "'NONSENSE' is not a spot symbol"),
        ({"symbols": " , "}, "symbols", "between 1 and 20"),
        ({"timeframe": "7m"}, "timeframe", "no candles of '7m'. It has 1m, 3m"),
        ({"start": "yesterday"}, "start", "Enter a valid date"),
        ({"start": "2024-02-01"}, "start", "no closed bars"),
        ({"start": "0001-01-01", "timeframe": "1m", "end": ""}, "start", "more than the"),
        ({"end": "2024-02-30"}, "end", "Enter a valid date"),
    ],
)
@pytest.mark.parametrize("more", [{}, HTMX], ids=["page", "htmx"])
def test_an_error_stands_next_to_its_field(client, changes, field, said, more):
    answer = client.post("/ui/data/download", BODY | changes, **more)
    assert answer.status_code == (200 if more else 400)
    content = answer.content.decode()
    error = re.search(rf'id="download-{field}_error">([^<]*)<', content)
    assert error, content
    assert said in error[1].replace("&#x27;", "'")
    assert re.search(rf'aria-describedby="[^"]*download-{field}_error', content)
    assert not Download.objects.exists()


def test_too_many_are_refused_above_the_form(client, monkeypatch):
    monkeypatch.setattr(downloads, "MAX_ACTIVE", 1)
    ask(end_ms=T0 + DAY_MS)
    shown = text(client.post("/ui/data/download", BODY, **HTMX))
    assert "At most 1 downloads may be under way" in shown


def test_every_field_has_a_label(client):
    content = client.get("/ui/data").content.decode()
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', content))
    shown = set(re.findall(r'<(?:input|select)[^>]* id="([^"]+)"', content))
    assert shown
    assert shown <= labelled
    ids = re.findall(r' id="([^"]+)"', content)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r' list="([^"]+)"', content)) <= set(ids)


def test_the_venue_that_needs_no_network_is_chosen_until_there_was_another(client):
    content = client.get("/ui/data").content.decode()
    chosen = re.findall(r'<option value="(\w+)" selected>([^<]*)<', content)
    assert chosen == [("simulated", "Simulated (invented)"), ("1h", "1h")]
    ask(exchange_name="binance", timeframe="4h")
    content = client.get("/ui/data").content.decode()
    assert re.findall(r'<option value="(\w+)" selected>', content) == ["binance", "4h"]


def test_candles_of_the_built_in_venue_are_made_and_others_downloaded(client):
    for exchange, to_get in (("simulated", "make"), ("binance", "download")):
        series = hold(exchange=exchange)
        # Of a year that nobody asked for but its first days.
        MarketStore(queries.store().root).write(
            queries.series_key(series),
            make_bars(range(300, 310)),
            covering=(T0 + 300 * HOUR_MS, T0 + 310 * HOUR_MS),
        )
        series = refresh_series(series.exchange, queries.series_key(series), queries.store())
        shown = page(client, f"/ui/data/series/{series.pk}")
        assert f"180 to {to_get}" in shown
        assert f"To {to_get}" in shown


def test_what_is_offered_follows_the_venue(client):
    binance = Exchange.objects.get(name="binance")
    binance.markets = {"XMR/EUR": [0, 0], "ABC/USDT": [0, 0]}
    binance.save()
    hold(symbol="ZEC/BTC", exchange="binance")
    content = client.get("/ui/data/downloads/offers?exchange=binance&timeframe=4h").content.decode()
    offered = re.findall(r'<option value="([A-Z]+/[A-Z]+)"', content)
    assert offered == ["ZEC/BTC", "ABC/USDT", "XMR/EUR"]
    assert '<option value="4h" selected>' in content
    assert '<option value="1s"' in content
    content = client.get("/ui/data/downloads/offers?exchange=simulated").content.decode()
    assert '<option value="1s"' not in content
    assert client.get("/ui/data/downloads/offers?exchange=nowhere").status_code == 200


# --- watching ---


def polls(client: Client) -> Any:
    return client.get("/ui/data/downloads", **HTMX)


def test_the_list_asks_again_while_anything_is_under_way(client):
    download = ask()
    Download.objects.update(status="running", fraction=0.456, message="downloading BTC/USDT 1h")
    answer = polls(client)
    assert 'hx-trigger="every 1s"' in answer.content.decode()
    assert "running 45 % downloading BTC/USDT 1h" in text(answer)
    assert '<progress max="1" value="0.4560" aria-label="BTC/USDT 1h' in answer.content.decode()
    assert "HX-Trigger" not in answer
    execute(download.id)
    answer = polls(client)
    assert "every 1s" not in answer.content.decode()
    assert answer["HX-Trigger"] == '{"candles:moved": {}}'
    Download.objects.update(finished_at=timezone.now() - timedelta(seconds=9))
    assert "HX-Trigger" not in polls(client)


def test_a_failed_one_says_why_and_is_tried_again(client):
    ask()
    Download.objects.update(
        status="failed",
        error_code="VENUE_UNREACHABLE",
        error="<b>Nobody</b> answered",
        finished_at=timezone.now(),
    )
    failed = Download.objects.get()
    shown = page(client)
    assert "<b>Nobody</b> answered VENUE_UNREACHABLE" in shown
    assert "Try again" in shown
    answer = client.post(f"/ui/data/downloads/{failed.id}/again", **HTMX)
    assert "queued" in text(answer)
    assert Download.objects.count() == 2


def test_one_is_cancelled(client):
    download = ask()
    answer = client.post(f"/ui/data/downloads/{download.id}/cancel")
    assert (answer.status_code, answer["Location"]) == (302, "/ui/data#downloads")
    assert downloads.find(download.id).status == "cancelled"
    second = ask()
    downloads.claim(second.id)
    answer = client.post(f"/ui/data/downloads/{second.id}/cancel", **HTMX)
    assert "cancelling 0 %" in text(answer)
    assert f'id="cancel-{second.id}"' not in answer.content.decode()


def test_one_that_is_not_there_is_not_found(client):
    for what in ("cancel", "again"):
        assert client.post(f"/ui/data/downloads/4711/{what}").status_code == 404
        assert client.post(f"/ui/data/downloads/4711/{what}", **HTMX).status_code == 404
        assert client.get(f"/ui/data/downloads/4711/{what}").status_code == 405


def test_those_under_way_come_first_and_the_list_costs_the_same_however_long(client):
    def cost() -> int:
        with CaptureQueriesContext(connection) as captured:
            polls(client)
        return len(captured)

    old = ask(end_ms=T0 + DAY_MS)
    few = cost()
    simulated = Exchange.objects.get(name="simulated")
    Download.objects.bulk_create(
        Download(
            exchange=simulated,
            symbol=f"A{n}/USDT",
            timeframe="1h",
            start_ms=0,
            end_ms=n + 1,
            status="done",
            finished_at=timezone.now(),
        )
        for n in range(60)
    )
    assert cost() == few <= 3
    first = next(iter(queries.downloads()))
    assert first == old


# --- who may ---


@pytest.fixture
def staff(client, settings):
    settings.AUTH = True

    def sign_in(name: str, *permissions: str) -> Client:
        user = User.objects.create_user(name, password="x", is_staff=True)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        client.force_login(user)
        return client

    return sign_in


def test_strangers_are_sent_to_sign_in(client, settings):
    settings.AUTH = True
    for path in ("/ui/data", "/ui/data/series", "/ui/data/downloads"):
        assert client.get(path)["Location"].startswith("/ui/login?next=")
    assert client.post("/ui/data/download", BODY)["Location"].startswith("/ui/login")
    assert not Download.objects.exists()


def test_who_may_read_sees_all_and_changes_nothing(staff):
    download = ask(owner="user:99")
    reader = staff("reader", "view_run")
    shown = page(reader)
    assert "user:99" in shown
    assert "Download candles" not in shown
    assert "Cancel" not in shown
    assert reader.post("/ui/data/download", BODY).status_code == 403
    assert reader.post(f"/ui/data/downloads/{download.id}/cancel").status_code == 403
    assert reader.post(f"/ui/data/downloads/{download.id}/again").status_code == 403
    assert downloads.find(download.id).status == "queued"


def test_who_may_start_runs_starts_downloads_and_it_is_told_who(staff):
    starter = staff("ann", "view_run", "add_run")
    assert starter.post("/ui/data/download", BODY).status_code == 302
    assert Download.objects.get().owner == f"user:{User.objects.get().pk}"
