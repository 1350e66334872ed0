"""The reference, field for field: what it promises is there, in every state of a run."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection

from runs.examples import BACKTEST_BODY, PAPER_BODY
from runs.models import Run
from tests.site.api import API, desk, error, get, post, runs  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("runs")]

number, text, whole = (int, float), str, int
none = type(None)


class Moment:
    """ISO 8601 in UTC."""


STATUS: dict[str, Any] = {
    "run_id": (text, none),
    "status": text,
    "mode": (text, none),
    "start_time": (Moment, none),
    "end_time": (Moment, none),
    "runtime_seconds": (*number, none),
    "cash": (*number, none),
    "value": (*number, none),
    "pnl": (*number, none),
    "trade_count": whole,
    "error": (text, none),
}
DETAILED = STATUS | {
    "recent_trades": list,
    "equity_curve": list,
    "performance_metrics": dict,
    "health": dict,
}
RUN = {"run_id": (text, none), "status": text, "message": text}
RESULTS = {
    "run_id": text,
    "config": dict,
    "status": text,
    "start_time": (Moment, none),
    "end_time": (Moment, none),
    "trades": list,
    "equity_curve": list,
    "performance_metrics": dict,
    "final_value": (*number, none),
    "error": (text, none),
}
HEALTH = {"status": text, "checks": dict, "metrics": dict, "timestamp": Moment}
STATES = ["completed", "no_trades", "failed", "stopped", "running", "starting"]
WORDS = {"idle", "starting", "running", "stopping", "stopped", "completed", "failed"}


def has(body: dict[str, Any], fields: dict[str, Any]) -> None:
    missing = fields.keys() - body.keys()
    assert not missing, f"missing: {missing}"
    for name, kinds in fields.items():
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        value = body[name]
        if isinstance(value, bool):
            assert bool in kinds, name
        elif isinstance(value, str) and Moment in kinds:
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", value), (name, value)
            assert datetime.fromisoformat(value).tzinfo == UTC
        else:
            assert isinstance(value, kinds), (name, value)


def every_number(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [n for item in value.values() for n in every_number(item)]
    if isinstance(value, list):
        return [n for item in value for n in every_number(item)]
    return [value]


def test_health_has_its_fields_and_its_checks_are_real(client):
    body = get(client, "/health")
    has(body, HEALTH)
    shared = {"machines"} if connection.vendor == "postgresql" else set()
    assert body["checks"].keys() == shared | {
        "database", "queue", "workers", "disk", "candle_store", "feed", "clock"
    }  # fmt: skip
    # No worker runs beside this test, and health does not claim one does.
    assert body["status"] == body["checks"]["workers"]["status"] == "error"
    for metric in ("queue_depth", "queue_age_seconds", "worker_heartbeat_age_seconds"):
        assert metric in body["metrics"]


def test_an_idle_runner_has_a_status_and_no_results(client):
    Run.objects.all().delete()
    status, detailed = get(client, "/status"), get(client, "/status/detailed")
    has(status, STATUS)
    has(detailed, DETAILED)
    assert status["status"] == detailed["status"] == "idle"
    assert status["run_id"] is None
    error(client.get(f"{API}/results"), 404, "RUN_NOT_FOUND")


@pytest.mark.parametrize("state", STATES)
def test_status_and_results_have_their_fields_in_every_state(client, runs, state):  # noqa: F811
    run_id = str(runs[state].public_id)
    status = get(client, "/status", run_id=run_id)
    detailed = get(client, "/status/detailed", run_id=run_id)
    results = get(client, "/results", run_id=run_id)
    has(status, STATUS)
    has(detailed, DETAILED)
    has(results, RESULTS)
    word = "completed" if state == "no_trades" else state
    assert {status["status"], detailed["status"], results["status"]} == {word} <= WORDS
    assert status["run_id"] == detailed["run_id"] == results["run_id"] == run_id
    assert status["mode"] == "backtest"
    assert {name: detailed[name] for name in STATUS if name != "runtime_seconds"} == {
        name: status[name] for name in STATUS if name != "runtime_seconds"
    }
    assert (results["final_value"] is None) == (word != "completed")
    assert (status["error"] is None) == (word != "failed")
    assert (status["end_time"] is None) == (state in ("running", "starting"))
    assert (status["start_time"] is None) == (state in ("starting", "stopped"))


def test_a_failed_run_says_why(client, runs):  # noqa: F811
    run_id = str(runs["failed"].public_id)
    for path in ("/status", "/status/detailed", "/results", f"/runs/{run_id}"):
        query = {} if path.startswith("/runs") else {"run_id": run_id}
        assert get(client, path, **query)["error"] == "VENUE_UNREACHABLE: no way there"
    assert get(client, f"/runs/{run_id}")["error_details"] == {"venue": "simulated"}


def test_a_running_backtest_shows_its_progress(client, runs):  # noqa: F811
    detailed = get(client, "/status/detailed", run_id=str(runs["running"].public_id))
    assert detailed["progress"] == {"fraction": 0.5, "stage": "signals of BTC/USDT"}
    assert detailed["runtime_seconds"] > 0
    assert detailed["health"]["owned"] is True


def test_the_singular_endpoints_speak_of_the_newest_run(client, runs):  # noqa: F811
    newest = str(runs["starting"].public_id)
    for path in ("/status", "/status/detailed", "/results"):
        assert get(client, path)["run_id"] == newest


def test_a_run_that_never_traded_has_null_where_there_is_no_number(client, runs):  # noqa: F811
    results = get(client, "/results", run_id=str(runs["no_trades"].public_id))
    metrics = results["performance_metrics"]
    assert results["trades"] == []
    assert metrics["total_trades"] == 0
    assert metrics["total_return"] == 0
    for name in ("win_rate", "profit_factor", "sharpe_ratio", "best_trade"):
        assert metrics[name] is None, name


def test_the_references_backtest_body_starts_a_run_as_it_stands(client):
    answer = post(client, "/run/backtest", BACKTEST_BODY)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    has(body, RUN)
    assert body["status"] == "starting"
    run = get(client, f"/runs/{body['run_id']}")
    config = run["config"]
    assert {name: config[name] for name in BACKTEST_BODY if name != "strategy_params"} == {
        name: value for name, value in BACKTEST_BODY.items() if name != "strategy_params"
    } | {"end_date": "2024-03-02T00:00:00Z"}
    assert config["strategy_params"].items() >= BACKTEST_BODY["strategy_params"].items()


def test_the_references_paper_body_starts_a_run_as_it_stands(client):
    answer = post(client, "/run/live", PAPER_BODY)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    has(body, RUN)
    assert body["status"] == "starting"
    config = get(client, f"/runs/{body['run_id']}")["config"]
    asked = {n: v for n, v in PAPER_BODY.items() if n not in ("strategy_params", "exchange_config")}
    assert {name: config[name] for name in asked} == asked
    assert config["strategy_params"].items() >= PAPER_BODY["strategy_params"].items()
    # It begins with the bar that is open now, and has no end.
    assert config["end_date"] is None
    assert config["initial_cash"] == 10_000


def test_live_is_off(client):
    before = Run.objects.count()
    body = PAPER_BODY | {"mode": "live"}
    found = error(post(client, "/run/live", body), 403, "LIVE_TRADING_DISABLED")
    assert found["details"]["available_modes"] == ["backtest", "paper"]
    assert Run.objects.count() == before


def test_a_body_of_no_dates_covers_the_last_thousand_closed_bars(client):
    body = {k: v for k, v in BACKTEST_BODY.items() if not k.endswith("_date")}
    run_id = post(client, "/run/backtest", body | {"exchange": "simulated"}).json()["run_id"]
    engine = Run.objects.get(public_id=run_id).config["engine"]
    assert engine["end_ms"] - engine["start_ms"] == 1000 * 3_600_000


def test_stop_is_idempotent_and_reset_leaves_the_history(client):
    run_id = post(client, "/run/backtest", BACKTEST_BODY | {"exchange": "simulated"}).json()[
        "run_id"
    ]
    found = error(client.delete(f"{API}/run/reset"), 400, "RUN_ACTIVE")
    assert found["details"]["run_id"] == run_id
    for _ in range(3):
        stopped = post(client, "/run/stop", b"")
        assert stopped.status_code == 200
        has(stopped.json(), RUN)
        assert stopped.json()["run_id"] == run_id
        assert stopped.json()["status"] == "stopped"
    reset = client.delete(f"{API}/run/reset")
    assert (reset.status_code, reset.json()["status"]) == (200, "idle")
    has(reset.json(), RUN)
    assert get(client, "/status")["status"] == "idle"
    error(client.get(f"{API}/results"), 404, "RUN_NOT_FOUND")
    assert client.delete(f"{API}/run/reset").status_code == 200
    assert get(client, f"/runs/{run_id}")["status"] == "stopped"
    assert get(client, "/results", run_id=run_id)["status"] == "stopped"
    assert run_id in [run["run_id"] for run in get(client, "/runs")["runs"]]


def test_stop_with_nothing_to_stop_answers_idle(client):
    Run.objects.all().delete()
    answer = post(client, "/run/stop", b"")
    assert (answer.status_code, answer.json()["status"]) == (200, "idle")


def test_stop_stops_the_run_it_is_told_and_no_other(client, runs):  # noqa: F811
    asked = str(runs["starting"].public_id)
    older = post(client, "/run/backtest", BACKTEST_BODY).json()["run_id"]
    newest = post(client, "/run/backtest", BACKTEST_BODY).json()["run_id"]
    assert post(client, "/run/stop", {"run_id": asked}).json()["run_id"] == asked
    assert post(client, f"/run/stop?run_id={older}", b"").json()["run_id"] == older
    assert get(client, "/status", run_id=newest)["status"] == "starting"
    both = client.post(
        f"{API}/run/stop?run_id={older}", {"run_id": newest}, content_type="application/json"
    )
    error(both, 400, "INVALID_VALUE")
    error(post(client, "/run/stop?run_id=", b""), 404, "RUN_NOT_FOUND")
    error(post(client, "/run/stop", {"run_id": ""}), 400)
    assert get(client, "/status", run_id=newest)["status"] == "starting"


@pytest.mark.parametrize("body", [b"[]", b"0", b"false", b'""', b"null"])
def test_a_stop_with_a_body_that_is_no_object_stops_nothing(client, runs, body):  # noqa: F811
    error(post(client, "/run/stop", body), 400, "INVALID_TYPE")
    assert get(client, "/status")["status"] == "starting"


def test_strategies_and_exchanges_are_listed(client):
    strategies = {s["name"]: s for s in get(client, "/strategies")["strategies"]}
    assert strategies.keys() >= {
        "TestStrategy", "MovingAverageCross", "RsiMeanReversion", "BollingerReversion",
        "DonchianBreakout", "MacdTrend", "BuyAndHold", "MomentumRotation",
    }  # fmt: skip
    assert strategies["TestStrategy"]["parameters"].keys() == {"period", "threshold", "slow"}
    exchanges = {e["id"]: e for e in get(client, "/exchanges")["exchanges"]}
    assert exchanges.keys() >= {"binance", "simulated"}
    assert exchanges["binance"]["sandbox_note"]
    assert len(get(client, "/exchanges", all="true")["exchanges"]) > len(exchanges) > 5


GETS = ["/health", "/status", "/status/detailed", "/results", "/strategies", "/exchanges", "/runs",
        "/sweeps"]  # fmt: skip


@pytest.mark.parametrize("path", GETS)
def test_head_is_answered_as_get_without_the_body(client, path):
    head = client.head(API + path)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [*GETS, "/run/backtest", "/run/live", "/run/sweep", "/run/stop", "/run/reset",
     "/strategies/BuyAndHold", "/strategies/BuyAndHold/check", "/runs/x", "/runs/x/trades",
     "/runs/x/artifacts/trades", "/sweeps/x", "/sweeps/x/trials", "/sweeps/x/trials/0",
     "/sweeps/x/trials/0/run"],
)  # fmt: skip
def test_options_is_a_method_like_any_other_that_is_not_answered(client, path):
    answer = client.options(API + path)
    error(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer["Allow"]


@pytest.mark.parametrize(
    ("method", "path"),
    [(m, p) for p in GETS for m in ("post", "put", "patch", "delete")]
    + [
        (m, f"/run/{p}")
        for p in ("backtest", "live", "sweep", "stop")
        for m in ("get", "put", "delete")
    ]
    + [(m, "/run/reset") for m in ("get", "post", "patch")],
)
def test_another_method_is_405_in_the_envelope(client, method, path):
    answer = getattr(client, method)(API + path)
    error(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer["Allow"]


@pytest.mark.parametrize(
    "path",
    [
        "/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/health", "/api/v1/nothing",
        *[f"/api/v1{p}/" for p in GETS], "/api/v1/run/backtest/", "/api/v1/run",
        "/api/v1/runs/x/nothing", "/api/v1/../admin", "/api/v1/%2e%2e/admin", "/api/v1/health/x",
    ],
)  # fmt: skip
@pytest.mark.parametrize("method", ["get", "post", "delete", "options"])
def test_an_unknown_path_is_404_in_the_envelope(client, method, path):
    error(getattr(client, method)(path), 404, "NOT_FOUND")


def test_nothing_the_api_says_is_cached_or_sets_a_cookie(client):
    for path in (*GETS, "/nothing"):
        answer = client.get(API + path)
        assert answer["Cache-Control"] == "no-store", path
        assert not answer.cookies, path
        assert answer["X-Content-Type-Options"] == "nosniff"


def test_a_broken_database_is_a_500_in_the_envelope(client, monkeypatch):
    from runs import queries

    def broken(*args: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")

    monkeypatch.setattr(queries, "current_run", broken)
    found = error(client.get(f"{API}/status"), 500, "INTERNAL_ERROR")
    assert "no_such_table" not in str(found)
