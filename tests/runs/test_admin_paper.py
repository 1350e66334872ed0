"""Paper runs in the admin: while they go on, and however they ended."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from exchanges.domain import CracktraderError, Symbol
from exchanges.models import Feed
from runs import charts, descriptions, formats, leases, payloads, recorder, services
from runs.fields import iso
from runs.models import EquityPoint, Order, Run
from tests.runs.factory import make_run
from tests.runs.papers import HOUR, T0, Venue, begin, desk, fresh, rehearse, slices, venue  # noqa: F401

pytestmark = [pytest.mark.usefixtures("desk"), pytest.mark.django_db(transaction=True)]

BOTH = ["BTC/USDT", "ETH/USDT"]
PAST = {"start_date": iso(T0 - 400 * HOUR), "end_date": iso(T0)}
BRISK = {"strategy_params": {"fast_period": 2, "slow_period": 5}, "symbols": BOTH}


@pytest.fixture
def admin(client, django_user_model):
    client.force_login(django_user_model.objects.create_superuser("root"))
    return client


def page(client: Any, run: Run) -> str:
    answer = client.get(reverse("admin:runs_run_change", args=[run.pk]))
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def figure(client: Any, run: Run, name: str, **query: Any) -> dict[str, Any]:
    answer = client.get(reverse(f"admin:runs_run_{name}", args=[run.pk]), query)
    assert answer.status_code == 200
    return dict(answer.json())


def live(venue: Venue, bars: int, **changes: Any) -> Run:  # noqa: F811
    """A run on bars as they close, `bars` of which it has stepped."""
    run = slices(begin(**BRISK | changes))
    for n in range(1, bars + 1):
        run = venue.close(run, run.config["engine"]["start_ms"] + n * HOUR + 2_000)
    assert run.status == "running", run.error
    return run


def state_of(run: Run) -> dict[str, str]:
    return {label: value for label, value, _ in descriptions.state(run, payloads.health(run))}


def counted(client: Any, path: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(path).status_code == 200
    return len(queries)


# --- a run that goes on ----------------------------------------------------------------------


def test_a_page_says_where_the_run_stands(admin, venue):  # noqa: F811
    run = live(venue, 30)
    text = page(admin, run)
    assert state_of(run)["Stepped until (UTC)"] == "2024-01-02 07:00"
    assert state_of(run)["Next bar (UTC)"] == "closes 2024-01-02 08:00"
    assert state_of(run)["At the moment"] == "waits for the next bar"
    for shown in (
        "2024-01-02 07:00",
        "closes 2024-01-02 08:00",
        "waits for the next bar",
        "2024-01-02 06:00",
    ):
        assert shown in text
    assert re.search(r">\s*fresh\s*<", text)
    assert "data-active" in text
    assert "live.js" in text


def test_positions_and_pending_orders_are_those_of_the_api(admin, venue):  # noqa: F811
    run, held, waiting = live(venue, 0), [], []
    for n in range(1, 60):
        run = venue.close(run, run.config["engine"]["start_ms"] + n * HOUR + 2_000)
        held, waiting = payloads.positions(run), payloads.pending_orders(run)
        if held and waiting:
            break
    assert held
    assert waiting
    text = page(admin, run)
    assert f"{held[0]['unrealized_pnl']:+,.2f}" in text
    assert f"{held[0]['size']:,.8g}" in text
    assert waiting[0]["amount"] is not None
    assert f"{waiting[0]['amount']:,.8g}" in text
    assert "estimates from the newest close" in text


def test_charts_are_drawn_from_what_was_stepped_so_far(admin, venue):  # noqa: F811
    run = live(venue, 30)
    curve = figure(admin, run, "equity")["data"][0]
    points = list(EquityPoint.objects.filter(run=run).values_list("time", "equity"))
    assert curve["x"] == [time for time, _ in points]
    # A picture has no use for more than nine digits.
    assert curve["y"] == pytest.approx([equity for _, equity in points], rel=1e-8)
    drawn = figure(admin, run, "candles", symbol="ETH/USDT")
    candles, entries = drawn["data"][:2]
    feed = Feed.objects.get(symbol="ETH/USDT")
    seen = feed.bars.filter(time__gte=run.config["engine"]["start_ms"], time__lt=run.cursor_ms)
    assert list(zip(candles["x"], candles["close"], strict=True)) == list(
        seen.values_list("time", "close")
    )
    bought = Order.objects.filter(run=run, symbol="ETH/USDT", side="buy", status="filled")
    assert entries["x"] == list(bought.order_by("number").values_list("time_ms", flat=True)) != []


def test_what_is_drawn_of_a_run_does_not_change_when_its_books_are_closed(venue):  # noqa: F811
    run = live(venue, 40)
    before = [charts.to_json(charts.candles(run, Symbol(symbol))) for symbol in BOTH]
    curve = charts.to_json(charts.equity(run))
    services.request_stop(run)
    run = slices(run)
    assert run.status == "stopped"
    assert [charts.to_json(charts.candles(run, Symbol(symbol))) for symbol in BOTH] == before
    assert charts.to_json(charts.equity(run)) == curve


def test_the_drawdown_of_a_run_that_goes_on_is_that_of_its_curve(venue):  # noqa: F811
    run = live(venue, 40)
    assert run.config["engine"].get("max_drawdown") is None
    equity = list(run.points.order_by("time").values_list("equity", flat=True))
    falls = [1 - value / max(equity[: i + 1]) for i, value in enumerate(equity)]
    assert run.max_drawdown == pytest.approx(max(falls))
    assert run.max_drawdown > 1 - min(equity) / equity[0]


def test_trouble_with_a_market_is_on_the_page(admin, venue):  # noqa: F811
    run = live(venue, 3)
    Feed.objects.filter(symbol="ETH/USDT").update(
        stale_since=timezone.now(), failures=4, error_code="VENUE_UNREACHABLE", error="no <way>"
    )
    Run.objects.filter(pk=run.pk).update(late_bars=7)
    run = fresh(run)
    text = page(admin, run)
    for shown in ("DATA_STALE", "LATE_BARS: 7", "VENUE_UNREACHABLE: no <way>", "stale"):
        assert shown in text
    assert "no <way>" not in admin.get(f"/admin/runs/run/{run.pk}/change/").content.decode()
    listed = unescape(admin.get("/admin/runs/run/").content.decode())
    assert "7 late" in listed
    for value, found in (("late", 1), ("stale", 1), ("nonsense", 1)):
        answer = admin.get(f"/admin/runs/run/?bars={value}")
        assert len(answer.context["cl"].result_list) == found
    make_run()
    assert len(admin.get("/admin/runs/run/?bars=stale").context["cl"].result_list) == 1


def test_the_page_takes_as_many_queries_after_many_bars_as_after_few(admin, venue):  # noqa: F811
    run = live(venue, 8)
    path = reverse("admin:runs_run_change", args=[run.pk])
    few = counted(admin, path)
    for n in range(9, 60):
        run = venue.close(run, run.config["engine"]["start_ms"] + n * HOUR + 2_000)
    assert run.trade_count > 5
    assert counted(admin, path) <= few
    assert few <= 20


def test_the_list_takes_as_many_queries_for_many_paper_runs(admin):
    slices(rehearse(), 2)
    few = counted(admin, "/admin/runs/run/")
    for _ in range(4):
        slices(rehearse(), 2)
    assert counted(admin, "/admin/runs/run/") == few


def test_the_list_tells_replays_and_runs_that_are_behind(admin, venue):  # noqa: F811
    live(venue, 3)
    slices(rehearse(replay=PAST), 2)
    make_run()
    text = unescape(admin.get("/admin/runs/run/").content.decode())
    cells = [
        re.sub(r"<[^>]*>|\s+", " ", cell).strip()
        for cell in re.findall(r'class="field-(?:kind|behind)[^>]*>(.*?)</td>', text, re.DOTALL)
    ]
    told = {cell for cell in cells if cell}
    assert {"backtest", "replay", "paper", "on time", formats.NOTHING} <= told


# --- its ends --------------------------------------------------------------------------------


def test_a_finished_replay_shows_its_books_and_its_orders(admin):
    run = slices(rehearse(**BRISK))
    assert run.status == "completed"
    text = page(admin, run)
    for shown in (
        run.result_hash,
        "Sharpe ratio",
        "bars.parquet",
        "run.completed",
        "at full speed",
    ):
        assert shown in text
    assert f"All {run.orders.count()} orders" in text
    assert f"All {run.trade_count} trades" in text
    assert "live.js" not in text
    assert "Where it stands" not in text
    assert len(figure(admin, run, "candles")["data"][0]["x"]) >= 500


def test_a_run_that_failed_before_its_first_bar_shows_why(admin):
    run = begin(**BRISK)
    lease, _ = leases.claim(run.id)
    recorder.fail(lease, CracktraderError("NO_CANDLES", "There is no candle"))
    text = page(admin, run)
    for shown in ("NO_CANDLES: There is no candle", "It holds nothing.", "No order waits."):
        assert shown in text
    assert "data-figure" not in text
    assert figure(admin, run, "equity")["data"] == []
    assert figure(admin, run, "candles")["data"][0]["x"] == []


def test_a_run_nobody_has_begun_has_a_page(admin):
    run = begin(**BRISK)
    text = page(admin, run)
    assert "not begun" in text
    assert "waits for a worker" in text
    assert figure(admin, run, "equity")["data"] == []


def test_every_ended_run_draws_and_lists_what_it_did(admin, venue):  # noqa: F811
    run = live(venue, 30)
    services.request_stop(run)
    run = slices(run)
    text = page(admin, run)
    assert "stopped: stop requested" in text
    assert "Positions at the end" in text
    trades = admin.get(reverse("admin:runs_run_trades", args=[run.pk]))
    assert len(trades.context["trades"]) == run.trade_count > 0


# --- stopping --------------------------------------------------------------------------------


def test_stop_and_sell_asks_to_flatten_and_stop_at_once_takes_it_back(admin, venue):  # noqa: F811
    run = live(venue, 5)
    path = reverse("admin:runs_run_stop", args=[run.pk])
    text = page(admin, run)
    assert 'name="flatten"' in text
    assert text.count("data-confirm") == 2
    admin.post(path, {"flatten": "1"})
    run = fresh(run)
    assert (run.status, run.flatten) == ("stopping", True)
    assert "Stop at once" in page(admin, run)
    admin.post(path)
    run = slices(run)
    assert (run.status, run.flatten) == ("stopped", False)


def test_a_reader_has_no_buttons(client, django_user_model, venue):  # noqa: F811
    run = live(venue, 3)
    reader = django_user_model.objects.create_user("reader", is_staff=True)
    reader.user_permissions.add(Permission.objects.get(codename="view_run"))
    client.force_login(reader)
    text = page(client, run)
    assert 'data-live="actions"' in text
    assert f"/admin/runs/run/{run.pk}/stop/" not in text
    assert client.post(f"/admin/runs/run/{run.pk}/stop/", {"flatten": "1"}).status_code == 403
    assert fresh(run).flatten is False


def test_run_again_rehearses_the_same_range(admin):
    run = slices(rehearse(), 2)
    admin.post(reverse("admin:runs_run_again", args=[run.pk]))
    again = Run.objects.exclude(pk=run.pk).get()
    assert (again.mode, again.config) == ("paper", run.config)


# --- orders and the dashboard ----------------------------------------------------------------


def test_orders_are_looked_at_and_never_touched(admin, django_assert_max_num_queries):
    run = slices(rehearse(), 4)
    base = "/admin/runs/order/"
    with django_assert_max_num_queries(10):
        listed = admin.get(f"{base}?q={run.public_id}&status__exact=filled")
    assert len(listed.context["cl"].result_list) == run.orders.filter(status="filled").count() > 0
    order = run.orders.first()
    shown = admin.get(f"{base}{order.pk}/change/")
    assert order.order_id in shown.content.decode()
    assert 'name="_save"' not in shown.content.decode()
    assert admin.post(f"{base}{order.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_dashboard_counts_paper_runs_and_stale_markets(admin, venue, settings):  # noqa: F811
    settings.UNFOLD = settings.UNFOLD | {"DASHBOARD_CALLBACK": "runs.admin.dashboard.context"}
    live(venue, 2)
    slices(rehearse(replay=PAST), 2)
    Feed.objects.filter(symbol="BTC/USDT").update(stale_since=timezone.now() - timedelta(hours=1))
    markets = {
        label: (count, url)
        for label, count, url, _ in admin.get("/admin/").context["desk"]["markets"]
    }
    assert markets["Active paper"][0] == 2
    assert markets["Stale feeds"][0] == 1
    paper, feeds = (admin.get(url) for _, url in markets.values())
    assert len(paper.context["cl"].result_list) == 2
    assert len(feeds.context["cl"].result_list) == 1
