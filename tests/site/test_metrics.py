"""GET /metrics: true figures in Prometheus's own format, cheap, and for those alone who may."""

from __future__ import annotations

import json
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from cracktrader_site import metrics
from cracktrader_site.api import keys
from exchanges.models import Account, Credential, Exchange
from runs import gauges
from runs.models import Delivery, Heartbeat, Run, VenueOrder, Webhook
from tests.runs.factory import make_run

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "s3cr3t-of-the-scraper-0123456789"


def scrape(client: Client, **headers: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200, answer.content
    return samples(answer.content.decode())


def samples(text: str) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(found: dict[Any, float], name: str, **labels: str) -> float:
    return found[f"cracktrader_{name}", frozenset(labels.items())]


@pytest.fixture(autouse=True)
def _nothing_remembered():
    gauges._remembered.clear()


def test_the_figures_are_the_databases(client, db):
    make_run(status=Run.Status.RUNNING, mode=Run.Mode.PAPER)
    make_run(status=Run.Status.STARTING, created_at=timezone.now() - timedelta(seconds=90))
    make_run(status=Run.Status.FAILED)
    now = timezone.now()
    for number, seen in enumerate((now, now - timedelta(minutes=5))):
        Heartbeat.objects.create(
            name=f"m{number}", cluster="jobs", host=f"m{number}", pid=1, workers=4,
            started_at=now, seen_at=seen,
        )  # fmt: skip
    found = scrape(client)
    assert value(found, "database_up") == 1
    assert value(found, "runs_active", mode="paper", status="running") == 1
    assert value(found, "runs_active", mode="live", status="running") == 0
    assert value(found, "runs_ended", status="failed") == 1
    assert 90 <= value(found, "run_waiting_seconds") < 100
    assert value(found, "workers", machine="m0", cluster="jobs") == 4
    assert value(found, "workers", machine="m1", cluster="jobs") == 0
    assert 290 < value(found, "worker_heartbeat_seconds", machine="m1", cluster="jobs") < 310
    # A desk of which no cluster for live runs ever answered is in error.
    assert value(found, "health_status", check="workers") == 2
    assert value(found, "process_resident_memory_bytes") > 10e6


def test_what_trades_at_venues_is_counted(client, db):
    venue = Exchange.objects.create(name="wire")
    credential = Credential.objects.create(exchange=venue, name="mine", sealed=b"")
    account = Account.objects.create(
        exchange=venue, credential=credential, killed_at=timezone.now()
    )
    VenueOrder.objects.create(
        account=account, order_id="o", client_id="c", symbol="BTC/USDT", side="buy",
        purpose="entry", created_ms=0, state=VenueOrder.State.UNKNOWN,
        created_at=timezone.now() - timedelta(seconds=40),
    )  # fmt: skip
    found = scrape(client)
    assert value(found, "accounts_killed") == 1
    assert value(found, "orders_in_doubt") == 1
    assert 40 <= value(found, "order_in_doubt_seconds") < 50


def test_alerts_that_wait_are_counted(client, db):
    run = make_run()
    event = run.events.create(seq=99, kind="run.failed")
    hook = Webhook.objects.create(name="h", url="http://x.invalid", sealed_secret=b"")
    Delivery.objects.create(webhook=hook, event=event)
    assert value(scrape(client), "webhooks_pending") == 1


def test_requests_are_counted_by_route_and_not_by_what_stands_in_it(client, db):
    before = samples(client.get("/metrics").content.decode())
    for number in range(3):
        assert client.get(f"/api/v1/runs/{number}").status_code == 404
    client.generic("BREW", "/api/v1/status")
    after = scrape(client)
    labels = {"method": "GET", "route": "api/v1/runs/<run_id>", "status": "4xx"}
    name = "http_request_seconds_count"
    key = (f"cracktrader_{name}", frozenset(labels.items()))
    assert after[key] - before.get(key, 0) == 3
    assert value(after, name, method="other", route="api/v1/status", status="4xx") >= 1
    routes = {dict(labels).get("route", "") for _, labels in after}
    assert not [route for route in routes if re.search(r"[\\^$(]|<\w+:", route)]


def test_a_histograms_buckets_add_up():
    requests = metrics.Requests()
    for seconds in (0.0005, 0.003, 0.003, 99.0):
        requests.note("GET", "x", 200, seconds)
    requests.note("GET", "x", 429, 0.001)
    times, throttled = requests.collect()
    ok = {s.labels.get("le"): s.value for s in times.samples if s.labels["status"] == "2xx"}
    assert (ok["0.001"], ok["0.0025"], ok["0.005"], ok["10.0"], ok["+Inf"]) == (1, 1, 3, 3, 4)
    assert throttled.samples[0].value == 1


def test_whoever_is_a_stranger_reads_nothing(client, db, settings):
    settings.AUTH, settings.METRICS_TOKEN = True, TOKEN
    _, reader = keys.create("reader", ["read"], "test")
    _, trader = keys.create("trader", ["live"], "test")
    for wrong in ("", "Bearer", "Bearer x", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe9"):
        answer = client.get("/metrics", headers={"Authorization": wrong} if wrong else {})
        assert answer.status_code == 401, wrong
        assert answer["WWW-Authenticate"] == "Bearer"
        assert json.loads(answer.content)["error"]["code"] == "NOT_AUTHENTICATED"
    answer = client.get("/metrics", headers={"Authorization": f"Bearer {trader}"})
    assert answer.status_code == 403
    for right in (TOKEN, reader):
        assert scrape(client, Authorization=f"Bearer {right}")
    settings.METRICS_TOKEN = ""
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_other_sites_pages_and_other_hosts_read_nothing(client, db):
    assert client.get("/metrics", headers={"Origin": "https://evil.example"}).status_code == 403
    assert client.get("/metrics", headers={"Host": "evil.example"}).status_code == 400
    assert client.post("/metrics", headers={"Host": "localhost"}).status_code in (403, 405)


def test_a_database_that_does_not_answer_is_told_as_such(client, db, monkeypatch):
    def broken() -> Any:
        raise OperationalError("disk I/O error")
        yield

    monkeypatch.setattr(gauges, "read", broken)
    monkeypatch.setattr("django.db.connection.close", lambda: None)
    found = scrape(client)
    assert value(found, "database_up") == 0
    assert value(found, "process_cpu_seconds_total") > 0
    assert not any(name == "cracktrader_runs_active" for name, _ in found)


def test_a_scrape_takes_a_fixed_number_of_queries(client, db, django_assert_max_num_queries):
    def scraped() -> int:
        gauges._remembered.clear()
        with django_assert_max_num_queries(40) as counted:
            client.get("/metrics")
        return len(counted)

    first = scraped()
    for _ in range(20):
        make_run(mode=Run.Mode.PAPER, status=Run.Status.RUNNING, cursor_ms=1_700_000_000_000)
    assert scraped() <= first


def test_what_grows_for_ever_is_counted_once_a_minute(client, db, django_assert_max_num_queries):
    scrape(client)
    make_run(status=Run.Status.FAILED)
    assert value(scrape(client), "runs_ended", status="failed") == 0


def test_counting_costs_a_request_less_than_30_microseconds(rf: RequestFactory):
    request, answer = rf.get("/"), HttpResponse()
    request.resolver_match = None
    counting = metrics.Counting(lambda request: answer)
    best = min(_seconds(counting, request) for _ in range(5))
    assert best < 30e-6, best


def _seconds(counting: Any, request: Any, times: int = 2_000) -> float:
    began = time.perf_counter()
    for _ in range(times):
        counting(request)
    return (time.perf_counter() - began) / times


# --- what is deployed beside it --------------------------------------------------------------


def names() -> set[str]:
    """Of all metrics there are, whether they have samples now or not."""
    found = set()
    for family in metrics.REGISTRY.collect():
        found.add(family.name)
        ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count")}
        found |= {family.name + end for end in ends.get(family.type, ())}
    return found


def test_every_metric_of_the_alerts_the_dashboard_and_the_docs_is_there(db):
    rules = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert all({"alert", "expr", "labels", "annotations"} <= rule.keys() for rule in alerts)
    board = json.loads((ROOT / "deploy/grafana/dashboard.json").read_text())
    asked = [t["expr"] for panel in board["panels"] for t in panel.get("targets", [])]
    page = (ROOT / "docs/monitoring.md").read_text()
    there = names()
    for text in (*(rule["expr"] for rule in alerts), *asked, page):
        used = set(re.findall(r"\bcracktrader_[a-z_]+\b", text))
        assert used <= there, used - there
    documented = set(re.findall(r"`(cracktrader_[a-z_]+)`", page))
    ours = {n for n in there if not n.endswith(("_bucket", "_sum", "_count"))}
    plain = {n for n in ours if f"{n}_total" not in ours and "_process_" not in n}
    assert plain <= documented, plain - documented
