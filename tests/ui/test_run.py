"""A run's page, of runs that were really computed or stepped."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from runs import drift, formats, leases, payloads, recorder, services
from runs import results as run_results
from runs.models import Heartbeat, Run
from tests.runs.finished import finished, start
from tests.runs.papers import HOUR, Venue, begin, desk, fresh, rehearse, slices, venue  # noqa: F401
from tests.ui.run_pages import ask, page, part

pytestmark = [pytest.mark.usefixtures("desk"), pytest.mark.django_db(transaction=True)]


def test_a_finished_backtest_says_what_it_came_to(client):
    run = finished(symbols=["BTC/USDT", "ETH/USDT"], stop_loss=0.03)
    text = unescape(page(client, run))
    for shown in (
        formats.signed_percent(run.total_return),
        formats.money(run.value),
        formats.signed_percent(run.metrics["benchmark_return"]),
        f"{run.trade_count:,}",
        run.result_hash,
        str(run.public_id),
        "fast_period",
        "2024-01-01 00:00 to 2024-03-01 00:00 UTC",
        reverse("runs-detail", args=[run.public_id]),
        f"/ui/new?again={run.public_id}",
        f"/admin/runs/run/{run.pk}/change/",
        "curl -X POST http://testserver/api/v1/run/backtest",
        '"start_date": "2024-01-01T00:00:00Z"',
    ):
        assert shown in text
    for metric in formats.metric_rows(run.metrics):
        described = f'id="metric-{metric.name}">{metric.formula}<'
        assert described in text
        assert f'aria-describedby="metric-{metric.name}"' in text
    assert f'data-figure="/ui/runs/{run.public_id}/candles.json"' in text
    assert "data-live" not in text
    months = part(client, run, "months")
    assert re.search(r'class="right (gain|loss)-\d">[+-]\d', months)
    assert "2024" in months
    assert "run.completed" in part(client, run, "events")
    orders = part(client, run, "orders", side="sell")
    assert "stop loss" in orders
    assert "<td>buy" not in orders


def test_a_backtest_that_waits_says_why(client):
    run = start()
    assert "no worker of this desk answers" in part(client, run, "top")
    Heartbeat.objects.create(
        name="h", cluster="jobs", host="h", pid=1, workers=2,
        started_at=timezone.now(), seen_at=timezone.now(),
    )  # fmt: skip
    assert "It waits for a free worker." in part(client, run, "top")
    for _ in range(3):
        services.send(run.pk)
    assert "3 tasks are in the queue" in part(client, run, "top")


def test_a_backtest_under_way_shows_how_far_and_then_becomes_its_finished_page(client):
    run = start()
    claimed = leases.claim(run.pk)
    assert claimed is not None
    Run.objects.filter(pk=run.pk).update(progress=0.42, stage="reading candles")
    text = part(client, run, "top")
    assert 'value="42"' in text
    assert "reading candles" in text
    assert 'hx-trigger="moved, every 1s"' in text
    recorder.stop(claimed[0], "enough")
    answer = ask(client, run, "top")
    assert answer["HX-Refresh"] == "true"
    assert "data-live" not in page(client, run)


# --- files -----------------------------------------------------------------------------------


def test_its_tables_are_there_to_keep(client):
    run = finished()
    base = f"/ui/runs/{run.public_id}"
    csv = b"".join(client.get(f"{base}/trades.csv").streaming_content).decode()
    assert len(csv.splitlines()) == run.trade_count + 1
    artifact = run.artifacts.get(name="orders")
    answer = client.get(f"{base}/sealed/orders.parquet")
    assert b"".join(answer.streaming_content) == recorder.load(artifact)
    assert "attachment" in answer["Content-Disposition"]
    report = client.get(f"{base}/report.html")
    assert "attachment" in report["Content-Disposition"]
    assert run.strategy_name in report.content.decode()
    assert client.get(f"{base}/nothing.parquet").status_code == 404
    assert client.get(f"{base}/nothing.csv").status_code == 404


@pytest.mark.parametrize("spoil", ["gone", "garbage"])
def test_lost_and_damaged_files_are_said_to_be(client, spoil):
    run = finished()
    for artifact in run.artifacts.all():
        storages["artifacts"].delete(artifact.path)
        if spoil == "garbage":
            storages["artifacts"].save(artifact.path, ContentFile(b"PAR1 no parquet"))
    run_results._cached.cache_clear()
    page(client, run)
    for name in ("trades", "orders", "months"):
        assert "missing from the artifact storage, or damaged" in part(client, run, name)
    for name in (
        "equity.json",
        "candles.json",
        "trades.csv",
        "trades.parquet",
        "sealed/trades.parquet",
    ):
        answer = client.get(f"/ui/runs/{run.public_id}/{name}")
        assert answer.status_code == 404, name
    assert client.get(f"/ui/runs/{run.public_id}/report.html").status_code in (200, 404)


def test_the_page_asks_the_database_little_however_much_there_is(client):
    run = finished(start_date="2024-01-01T00:00:00Z", end_date="2024-01-10T00:00:00Z")
    long = finished(symbols=["BTC/USDT", "ETH/USDT"])
    counts = []
    for one in (run, long):
        page(client, one)
        with CaptureQueriesContext(connection) as asked:
            page(client, one)
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 6
    for name, most in (("trades", 3), ("orders", 3), ("events", 3), ("top", 3), ("months", 3)):
        with CaptureQueriesContext(connection) as asked:
            ask(client, long, name)
        assert len(asked) <= most, name


# --- paper -----------------------------------------------------------------------------------

BRISK = {"strategy_params": {"fast_period": 2, "slow_period": 5}}


def test_a_paper_run_shows_what_it_holds_and_what_it_is_about_to_do(client, venue):  # noqa: F811
    run, held, waiting = slices(begin(**BRISK)), [], []
    for n in range(1, 60):
        run = venue.close(run, run.config["engine"]["start_ms"] + n * HOUR + 2_000)
        held, waiting = payloads.positions(run), payloads.pending_orders(run)
        if held and waiting:
            break
    assert held
    assert waiting
    text = part(client, run, "standing")
    for shown in (
        f"{held[0]['unrealized_pnl']:+,.2f}",
        formats.price(held[0]["size"]),
        formats.price(waiting[0]["amount"]),
        "fresh",
        "waits for the next bar",
    ):
        assert shown in text
    top = part(client, run, "top")
    assert f"next closes {formats.moment(run.cursor_ms + HOUR)[11:]}" in top
    assert formats.money(run.value - run.cash) in top
    assert 'hx-trigger="moved"' in top
    assert "Stop and sell all" in top
    # The newest trade comes first.
    numbers = re.findall(r'<th scope="row"[^>]*>#(\d+)<', part(client, run, "trades"))
    assert numbers[0] == str(run.trade_count - 1)


def test_the_events_of_a_long_run_come_in_pages(client):
    run = slices(rehearse(**BRISK))
    seen, before = [], None
    for _ in range(100):
        query = {} if before is None else {"before": before}
        text = part(client, run, "events", **query)
        seen += [int(n) for n in re.findall(r"\n?#(\d+) \d{4}-", text)]
        found = re.search(r"before=(\d+)", text)
        if found is None:
            break
        before = int(found[1])
    told = run.events.exclude(kind="equity").exclude(data={}).order_by("-seq")
    assert seen == list(told.values_list("seq", flat=True))
    assert "No such" not in part(client, run, "events", before="x'--")


def test_how_far_a_run_has_drifted_is_said_at_its_end_and_on_request(client, venue):  # noqa: F811
    run = slices(begin(**BRISK))
    assert "NO_DRIFT" in part(client, run, "drift", now="")
    for n in range(1, 30):
        run = venue.close(run, run.config["engine"]["start_ms"] + n * HOUR + 2_000)
    assert "Compare with a backtest now" in part(client, run, "drift")
    text = part(client, run, "drift", now="")
    assert "identical" in text
    services.request_stop(run)
    run = slices(run)
    assert "every 5s" in part(client, run, "drift")
    drift.keep(run.pk)
    text = part(client, run, "drift")
    assert "identical" in text
    assert "every 5s" not in text
