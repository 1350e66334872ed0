"""The records of runs over the API: lists that hold still, pages that agree, files that decode."""

from __future__ import annotations

import hashlib
import random
import uuid
from typing import Any

import pytest
from django.core.files.storage import storages
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runs import payloads, recorder
from runs import results as run_results
from runs.engine import artifacts
from runs.filters import ORDERINGS
from runs.models import Artifact, Run
from tests.runs.factory import make_run
from tests.site.api import API, desk, error, get, runs  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("runs")]

RETURNS = [None, -0.5, 0.0, 0.0, 0.1, 0.1 + 0.2, 1e-12, 7.25]


def many(count: int, **fields: Any) -> list[Run]:
    """Rows with figures that tie often, in one statement."""
    pattern = make_run()
    dice = random.Random(count)
    rows = [
        Run(
            public_id=uuid.uuid4(),
            mode=Run.Mode.BACKTEST,
            status=dice.choice(Run.Status.values),
            strategy_version=pattern.strategy_version,
            strategy_name=dice.choice(["BuyAndHold", "MacdTrend"]),
            exchange=pattern.exchange,
            symbols=dice.choice([["BTC/USDT"], ["ETH/USDT"], ["BTC/USDT", "ETH/USDT"]]),
            timeframe="1h",
            initial_cash=1000.0,
            request={},
            config=pattern.config,
            config_hash="0" * 64,
            total_return=dice.choice(RETURNS),
            sharpe_ratio=dice.choice(RETURNS),
            max_drawdown=dice.choice(RETURNS),
            **fields,
        )
        for _ in range(count)
    ]
    return Run.objects.bulk_create(rows)


def walk(client: Any, between: Any = lambda: None, **query: Any) -> list[dict[str, Any]]:
    """Every row of every page, in order; `between` happens after each page."""
    rows, cursor = [], {}
    while True:
        page = get(client, "/runs", **query, **cursor)
        assert len(page["runs"]) <= query.get("limit", 50)
        rows += page["runs"]
        if page["next_cursor"] is None:
            return rows
        cursor = {"cursor": page["next_cursor"]}
        between()


@pytest.mark.parametrize("order", ORDERINGS)
def test_pages_show_every_row_once_while_others_arrive(client, order):
    Run.objects.all().delete()
    many(120)
    field = ORDERINGS[order][0].lstrip("-")
    before = set(Run.objects.exclude(**{field: None}).values_list("public_id", flat=True))
    rows = walk(client, between=lambda: many(7), order=order, limit=11)
    seen = [uuid.UUID(row["run_id"]) for row in rows]
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


@pytest.mark.parametrize("order", ORDERINGS)
def test_each_order_is_the_one_it_says(client, order):
    many(40)
    rows = walk(client, order=order, limit=9)
    figure, reverse = {
        "newest": ("created_at", True),
        "oldest": ("created_at", False),
        "best_return": ("total_return", True),
        "worst_return": ("total_return", False),
        "best_sharpe": ("sharpe_ratio", True),
        "smallest_drawdown": ("max_drawdown", False),
    }[order]
    values = [row[figure] for row in rows]
    assert None not in values
    assert values == sorted(values, reverse=reverse)


FILTERS = [
    ("status", "failed", lambda r: r["status"] == "failed"),
    ("mode", "backtest", lambda r: r["mode"] == "backtest"),
    ("strategy_name", "MacdTrend", lambda r: r["strategy_name"] == "MacdTrend"),
    ("exchange", "simulated", lambda r: r["exchange"] == "simulated"),
    ("symbol", "ETH/USDT", lambda r: "ETH/USDT" in r["symbols"]),
]


@pytest.mark.parametrize(("name", "value", "holds"), FILTERS, ids=lambda v: str(v)[:12])
def test_each_filter_gives_all_rows_it_names_and_no_other(client, name, value, holds):
    many(60)
    everything, some = walk(client, limit=500), walk(client, limit=500, **{name: value})
    assert some == [row for row in everything if holds(row)] != []


def test_filters_combine_and_find_nothing_where_there_is_nothing(client):
    many(60)
    found = walk(client, status="failed", symbol="BTC/USDT", strategy_name="MacdTrend", limit=500)
    assert found
    for row in found:
        assert row["status"] == "failed"
        assert "BTC/USDT" in row["symbols"]
    for query in (
        {"mode": "paper"},
        {"symbol": "TC/USDT"},
        {"exchange": "nope"},
        {"symbol": "B/U"},
    ):
        assert walk(client, **query) == []


def test_a_list_of_a_thousand_runs_costs_few_queries(client):
    many(1_000)
    for query in ({"limit": 500}, {"limit": 500, "order": "best_sharpe"}, {"symbol": "BTC/USDT"}):
        with CaptureQueriesContext(
            connection,
        ) as spent:
            get(client, "/runs", **query)
        assert len(spent) <= 2, [q["sql"] for q in spent]
        assert "seal" not in spent[0]["sql"]


def test_one_run_costs_few_queries(client, runs):  # noqa: F811
    run_id = str(runs["completed"].public_id)
    for path in (f"/runs/{run_id}", f"/runs/{run_id}/trades", "/status/detailed", "/results"):
        with CaptureQueriesContext(connection) as spent:
            get(client, path)
        assert len(spent) <= 4, [q["sql"] for q in spent]


# --- a run and its tables --------------------------------------------------------------------


def test_a_run_says_what_was_asked_and_what_came_of_it(client, runs):  # noqa: F811
    run = runs["completed"]
    body = get(client, f"/runs/{run.public_id}")
    listed = next(
        r for r in get(client, "/runs", limit=500)["runs"] if r["run_id"] == str(run.public_id)
    )
    assert body.items() >= listed.items()
    assert body["config"]["symbols"] == ["BTC/USDT", "ETH/USDT"]
    assert body["config"]["stop_loss"] == 0.03
    assert body["performance_metrics"]["total_return"] == body["total_return"]
    assert body["result_hash"] == run.result_hash
    assert body["final_value"] == run.value


def pages(client: Any, run: Run, name: str, limit: int) -> list[dict[str, Any]]:
    rows, cursor = [], {}
    while True:
        page = get(client, f"/runs/{run.public_id}/{name}", limit=limit, **cursor)
        rows += page[name]
        if page["next_cursor"] is None:
            assert page["total"] == len(rows)
            return rows
        assert len(page[name]) == limit
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("limit", [7, 500, 10_000])
def test_pages_of_tables_together_are_the_results(client, runs, limit):  # noqa: F811
    run = runs["completed"]
    results = get(client, "/results", run_id=str(run.public_id))
    assert results["trades"]
    assert pages(client, run, "trades", limit) == results["trades"]
    assert pages(client, run, "orders", limit) == results["orders"]
    equity = pages(client, run, "equity", limit)
    assert [row["timestamp"] for row in equity] == sorted({row["timestamp"] for row in equity})
    whole = {row["timestamp"]: row for row in equity}
    assert all(whole[point["timestamp"]] == point for point in results["equity_curve"])


def test_a_page_beyond_the_end_is_empty(client, runs):  # noqa: F811
    page = get(client, f"/runs/{runs['completed'].public_id}/trades", cursor=2**31 - 1)
    assert page["trades"] == []
    assert page["next_cursor"] is None
    assert page["total"] > 0


@pytest.mark.parametrize("state", ["starting", "running", "failed", "stopped"])
def test_a_run_without_tables_has_empty_pages(client, runs, state):  # noqa: F811
    for name in ("trades", "orders", "equity"):
        page = get(client, f"/runs/{runs[state].public_id}/{name}")
        assert page == {name: [], "total": 0, "next_cursor": None}
    assert get(client, f"/runs/{runs[state].public_id}/artifacts") == {"artifacts": []}
    answer = client.get(f"{API}/runs/{runs[state].public_id}/artifacts/trades")
    assert error(answer, 404, "ARTIFACT_NOT_FOUND")["details"] == {"available": []}


def test_a_downsampled_curve_keeps_its_ends_and_extremes(client, runs):  # noqa: F811
    run = runs["completed"]
    whole = pages(client, run, "equity", 10_000)
    for path, most in (("/results", 1_000), ("/status/detailed", 200)):
        curve = get(client, path, run_id=str(run.public_id))["equity_curve"]
        assert len(curve) <= most < len(whole)
        values = [point["value"] for point in curve]
        assert (curve[0], curve[-1]) == (whole[0], whole[-1])
        assert max(values) == max(point["value"] for point in whole)
        assert min(values) == min(point["value"] for point in whole)
        assert max(p["drawdown"] for p in curve) == max(p["drawdown"] for p in whole)
        metrics = get(client, "/results", run_id=str(run.public_id))["performance_metrics"]
        assert max(p["drawdown"] for p in curve) == pytest.approx(metrics["max_drawdown"])


def test_trades_orders_and_figures_agree(client, runs):  # noqa: F811
    results = get(client, "/results", run_id=str(runs["completed"].public_id))
    trades, orders = results["trades"], results["orders"]
    metrics = results["performance_metrics"]
    assert metrics["total_trades"] + metrics["open_trades"] in (len(trades), len(trades) + len(
        results["positions"]))  # fmt: skip
    assert sum(t["fees"] for t in trades) == pytest.approx(metrics["total_fees"])
    assert sum(o["fee"] for o in orders) == pytest.approx(metrics["total_fees"])
    assert {o["trade_id"] for o in orders} == {t["trade_id"] for t in trades}
    symbols = runs["completed"].symbols
    for order in orders:
        created, symbol, _, side = (int(part) for part in order["order_id"].split("-"))
        assert (created, symbols[symbol]) == (order["created"], order["symbol"])
        assert ("buy", "sell")[side] == order["side"]
    assert len({o["order_id"] for o in orders}) == len(orders)
    assert results["final_value"] == results["equity_curve"][-1]["value"]
    for trade in trades:
        assert (trade["exit_time"] is None) == (trade["status"] == "open")
        assert trade["return"] is not None


def test_an_artifact_is_parquet_that_decodes_to_the_same(client, runs):  # noqa: F811
    run = runs["completed"]
    listed = get(client, f"/runs/{run.public_id}/artifacts")["artifacts"]
    assert [a["name"] for a in listed] == ["equity", "orders", "trades"]
    for entry in listed:
        answer = client.get(f"{API}/runs/{run.public_id}/artifacts/{entry['name']}")
        assert answer.status_code == 200
        assert answer["Content-Type"] == "application/vnd.apache.parquet"
        assert answer["ETag"] == f'"{entry["sha256"]}"'
        assert hashlib.sha256(answer.content).hexdigest() == entry["sha256"]
        assert len(answer.content) == entry["size"]
        table = artifacts.decode(entry["name"], answer.content)
        assert len(table) == entry["rows"]
        if entry["name"] == "equity":
            shown = pages(client, run, "equity", 10_000)
            assert table["equity"].tolist() == [row["value"] for row in shown]
            assert table["time"].tolist() == [row["timestamp"] for row in shown]


@pytest.mark.parametrize("name", ["nope", "trades.parquet", "..", "equity%00", "TRADES"])
def test_an_artifact_of_another_name_is_not_found(client, runs, name):  # noqa: F811
    found = error(
        client.get(f"{API}/runs/{runs['completed'].public_id}/artifacts/{name}"),
        404,
        "ARTIFACT_NOT_FOUND",
    )
    assert found["details"]["available"] == ["equity", "orders", "trades"]


@pytest.mark.parametrize("damage", ["lost", "spoilt"])
def test_a_file_that_is_lost_or_spoilt_is_said_and_the_figures_stay(client, runs, damage):  # noqa: F811
    run = runs["completed"]
    artifact = Artifact.objects.get(run=run, name="trades")
    storage, kept = storages["artifacts"], recorder.load(artifact)
    run_results._cached.cache_clear()
    storage.delete(artifact.path)
    if damage == "spoilt":
        with storage.open(artifact.path, "wb") as file:
            file.write(kept[:-7] + b"spoiled")
    try:
        run_id = str(run.public_id)
        error(client.get(f"{API}/results", {"run_id": run_id}), 404, "ARTIFACT_NOT_FOUND")
        for part in ("trades", "artifacts/trades"):
            error(client.get(f"{API}/runs/{run_id}/{part}"), 404, "ARTIFACT_NOT_FOUND")
        assert get(client, f"/runs/{run_id}")["total_return"] == run.total_return
        assert get(client, "/status", run_id=run_id)["value"] == run.value
        assert pages(client, run, "equity", 10_000)
    finally:
        storage.delete(artifact.path)
        assert recorder.store(kept) == artifact.sha256


def test_results_say_how_many_rows_there_are(client, runs):  # noqa: F811
    results = get(client, "/results", run_id=str(runs["completed"].public_id))
    for name in ("trades", "orders"):
        assert results[f"{name}_total"] == len(results[name]) > 2
    assert results["warnings"] == runs["completed"].outcome["warnings"]


def test_long_results_are_cut_and_say_where_the_rest_is(client, runs, monkeypatch):  # noqa: F811
    run_id = str(runs["completed"].public_id)
    whole = get(client, "/results", run_id=run_id)
    monkeypatch.setattr(payloads, "RESULT_ROWS", 2)
    cut = get(client, "/results", run_id=run_id)
    for name in ("trades", "orders"):
        assert cut[name] == whole[name][:2]
        assert cut[f"{name}_total"] == whole[f"{name}_total"] == len(whole[name])
        added = [w for w in cut["warnings"] if f"/runs/{run_id}/{name}" in w]
        assert len(added) == 1
        assert f"2 of {len(whole[name])}" in added[0]
    assert len(cut["warnings"]) == len(whole["warnings"]) + 2
    monkeypatch.setattr(payloads, "RESULT_ROWS", whole["trades_total"])
    exact = get(client, "/results", run_id=run_id)
    assert exact["trades"] == whole["trades"]
    assert not any("trades" in warning for warning in exact["warnings"])


def test_events_are_in_order_and_continue_where_one_left_off(client, runs):  # noqa: F811
    path = f"/runs/{runs['completed'].public_id}/events"
    events = get(client, path)["events"]
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert events[0]["kind"] == "run.created"
    assert events[-1]["kind"] == "run.completed"
    for since in range(len(events) + 1):
        assert get(client, path, since=since)["events"] == events[since:]
        assert get(client, path, since=since, limit=1)["events"] == events[since : since + 1]
    assert get(client, path, since=2**31 - 1)["events"] == []


def test_a_failed_and_a_stopped_run_end_with_an_event_that_says_so(client, runs):  # noqa: F811
    failed = get(client, f"/runs/{runs['failed'].public_id}/events")["events"][-1]
    assert failed["kind"] == "run.failed"
    assert failed["data"]["code"] == "VENUE_UNREACHABLE"
    stopped = get(client, f"/runs/{runs['stopped'].public_id}/events")["events"][-1]
    assert stopped["kind"] == "run.stopped"


@pytest.mark.parametrize("part", ["", "/trades", "/orders", "/equity", "/events", "/artifacts"])
def test_an_unknown_run_is_not_found(client, part):
    for run_id in (uuid.uuid4(), "nope", 1, "0" * 32, "x" * 5_000):
        found = error(client.get(f"{API}/runs/{run_id}{part}"), 404, "RUN_NOT_FOUND")
        assert len(found["details"]["run_id"]) <= 64
