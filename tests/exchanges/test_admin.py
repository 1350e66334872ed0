from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from exchanges import queries, services
from exchanges.market_store import SeriesKey
from exchanges.models import CandleSeries, Exchange, Feed, Revision
from exchanges.ports import Market
from runs.models import Run
from tests.exchanges.tools import BTC, HOUR, T0, make_bars
from tests.runs.factory import make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client, candles_dir, django_user_model):
    services.sync_exchanges()
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


def queries_of(client, path: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return len(captured)


def test_the_lists_cost_the_same_however_many_rows(staff):
    binance = Exchange.objects.get(name="binance")
    CandleSeries.objects.create(exchange=binance, symbol="BTC/USDT", timeframe="1h")
    path = "/admin/exchanges/candleseries/"
    staff.get(path)
    few = queries_of(staff, path)
    CandleSeries.objects.bulk_create(
        CandleSeries(exchange=exchange, symbol=f"A{n}/USDT", timeframe="1h", first_ms=T0)
        for exchange in (binance, Exchange.objects.get(name="kraken"))
        for n in range(40)
    )
    assert queries_of(staff, path) == few
    assert queries_of(staff, "/admin/exchanges/exchange/") < 15


def test_the_operator_may_change_the_address_and_the_switch_only(staff):
    binance = Exchange.objects.get(name="binance")
    services.remember_markets(binance, [Market(BTC, None, None)])
    path = f"/admin/exchanges/exchange/{binance.pk}/change/"
    assert staff.get(path).status_code == 200
    answer = staff.post(
        path, {"base_url": "http://127.0.0.1:9000", "title": "Mine", "taker": "0.5"}
    )
    assert answer.status_code == 302
    binance.refresh_from_db()
    assert (binance.base_url, binance.enabled) == ("http://127.0.0.1:9000", False)
    assert (binance.title, binance.taker, binance.markets) == ("Binance", 0.001, {})


def test_the_address_cannot_change_under_candles_and_the_form_says_what_to_run(staff):
    binance = Exchange.objects.get(name="binance")
    queries.store().write(SeriesKey("binance", BTC, HOUR), make_bars(range(5)))
    services.sync_series()
    path = f"/admin/exchanges/exchange/{binance.pk}/change/"
    answer = staff.post(path, {"base_url": "http://127.0.0.1:9000/", "enabled": "on"})
    assert answer.status_code == 200
    (error,) = answer.context["adminform"].form.errors["base_url"]
    assert (
        "manage.py add_exchange binance --ccxt binance --url http://127.0.0.1:9000 --drop-candles"
        in error
    )
    binance.refresh_from_db()
    assert binance.base_url == ""
    assert staff.post(path, {"base_url": ""}).status_code == 302
    binance.refresh_from_db()
    assert not binance.enabled


def test_what_is_history_can_be_looked_at_only(staff):
    series = CandleSeries.objects.create(
        exchange=Exchange.objects.get(name="binance"), symbol="BTC/USDT", timeframe="1h", rows=7
    )
    path = f"/admin/exchanges/candleseries/{series.pk}/change/"
    assert staff.get(path).status_code == 200
    assert staff.post(path, {"rows": 8}).status_code == 403
    assert staff.get("/admin/exchanges/candleseries/add/").status_code == 403
    assert staff.post(f"/admin/exchanges/candleseries/{series.pk}/delete/").status_code == 403
    assert staff.get("/admin/exchanges/exchange/add/").status_code == 403


@pytest.mark.parametrize("url", ["ftp://x", "nope", "http://user:secret@host", "http://host/?x=1"])
def test_an_address_that_is_none_is_refused_in_the_form(staff, url):
    binance = Exchange.objects.get(name="binance")
    path = f"/admin/exchanges/exchange/{binance.pk}/change/"
    assert staff.post(path, {"base_url": url, "enabled": "on"}).status_code == 200
    binance.refresh_from_db()
    assert binance.base_url == ""


def test_feeds_show_at_a_glance_how_they_are_and_can_be_changed_by_nobody(staff):
    binance = Exchange.objects.get(name="binance")
    now = timezone.now()
    states = {
        "AAA/USDT": {"asked_at": now},
        "BBB/USDT": {"asked_at": now, "failures": 3, "error_code": "VENUE_UNREACHABLE"},
        "CCC/USDT": {"asked_at": now, "failures": 3, "stale_since": now},
        "DDD/USDT": {"asked_at": now - timedelta(hours=1), "stale_since": now},
    }
    closed = HOUR.floor(queries.clock().now_ms())
    for symbol, fields in states.items():
        feed = Feed.objects.create(
            exchange=binance,
            symbol=symbol,
            timeframe="1h",
            from_ms=T0,
            known_until_ms=closed - 7 * HOUR.ms,
            **fields,
        )
    page = staff.get("/admin/exchanges/feed/")
    own = admin.site.get_model_admin(Feed)
    shown = {row.symbol[0]: own.state(row) for row in page.context["cl"].result_list}
    assert shown == {"A": "fresh", "B": "failing", "C": "stale", "D": "idle"}
    text = page.content.decode()
    assert "VENUE_UNREACHABLE, 3 in a row" in text
    assert own.lag(feed) in (7, 8)
    path = f"/admin/exchanges/feed/{feed.pk}/change/"
    assert staff.get(path).status_code == 200
    assert staff.post(path, {"symbol": "X/Y"}).status_code == 403
    assert staff.get("/admin/exchanges/feed/add/").status_code == 403


def test_revisions_tell_what_was_accepted_and_what_was_told(staff):
    binance = Exchange.objects.get(name="binance")
    feed = Feed.objects.create(
        exchange=binance, symbol="BTC/USDT", timeframe="1h", from_ms=T0, known_until_ms=T0
    )
    for accepted in (None, [1.0, 2.0, 0.5, 1.5, 10.0]):
        revision = Revision.objects.create(
            feed=feed,
            time=T0,
            accepted=accepted,
            told=[1.0, 2.0, 0.5, 1.25, 10.0],
            seen_at=timezone.now(),
        )
    text = staff.get("/admin/exchanges/revision/").content.decode()
    assert "passed over" in text
    assert "1  2  0.5  1.5  10" in text
    assert "1  2  0.5  1.25  10" in text
    assert staff.get(f"/admin/exchanges/revision/{revision.pk}/change/").status_code == 200
    assert queries_of(staff, "/admin/exchanges/revision/") < 12


def test_the_address_stays_while_runs_trade_on_bars_of_it(staff):
    binance = Exchange.objects.get(name="binance")
    feed = Feed.objects.create(
        exchange=binance, symbol=BTC, timeframe="1m", from_ms=T0, known_until_ms=T0
    )
    run = make_run(mode="paper", status="running")
    run.feeds.add(feed)
    path = f"/admin/exchanges/exchange/{binance.pk}/change/"
    there = {"base_url": "http://127.0.0.1:9000", "enabled": "on"}
    answer = staff.post(path, there)
    (error,) = answer.context["adminform"].form.errors["base_url"]
    assert "active runs trade on bars of binance" in error
    assert Feed.objects.exists()
    Run.objects.update(status="stopped", finished_at=timezone.now())
    assert staff.post(path, there).status_code == 302
    assert not Feed.objects.exists()
