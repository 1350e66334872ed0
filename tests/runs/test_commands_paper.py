"""`paper` and `watch`: executed here or by a desk, followed on the terminal."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from exchanges.processes import HOST
from runs import clusters, following, narration, paper, services
from runs.models import Heartbeat, Run
from tests.runs.factory import make_run
from tests.runs.papers import desk, fresh, kinds, rehearse, slices  # noqa: F401

pytestmark = [pytest.mark.usefixtures("desk"), pytest.mark.django_db(transaction=True)]

ROOT = Path(__file__).resolve().parents[2]
ARGS = ["MovingAverageCross", "BTC/USDT", "-p", "fast_period=2", "--param", "slow_period=5"]
REPLAY = ["--replay", "2024-01-01", "2024-01-10"]
NOW = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)


def command(name: str, *args: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(name, *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def announce(*names: str) -> None:
    """As if these clusters ran on another machine and had just answered."""
    for name in names:
        Heartbeat.objects.create(
            name=f"elsewhere:{name}",
            cluster=name,
            host=f"not-{HOST}",
            pid=1,
            workers=1,
            started_at=timezone.now(),
            seen_at=timezone.now(),
        )


# --- paper -----------------------------------------------------------------------------------


def test_without_a_desk_the_command_executes_the_run_itself():
    out, err = command("paper", *ARGS, *REPLAY)
    run = Run.objects.get()
    assert (run.mode, run.status) == ("paper", "completed")
    assert run.replay == {"speed": 0.0}
    assert "executed here" in err
    assert out.count(" bought ") == run.orders.filter(side="buy", status="filled").count() > 3
    assert out.count("  equity ") == 9 * 24
    assert "Sharpe ratio" in out
    assert f"Run {run.public_id}: completed" in out


def test_options_mean_what_the_apis_fields_mean():
    options = ["--cash", "5000", "--fee", "0.002", "--stop-loss", "0.05", "--max-drawdown", "0.4"]
    options += ["--daily-loss", "0.3", "--slippage", "0.001", "--speed", "1e9"]
    options += ["--timeframe", "4h"]
    command("paper", ARGS[0], "BTC/USDT", "ETH/USDT", *ARGS[2:], *REPLAY, *options)
    by_command = Run.objects.get()
    by_api = rehearse(
        strategy_params={"fast_period": 2, "slow_period": 5},
        symbols=["BTC/USDT", "ETH/USDT"],
        timeframe="4h",
        initial_cash=5000,
        fee=0.002,
        stop_loss=0.05,
        max_drawdown=0.4,
        daily_loss=0.3,
        slippage=0.001,
        replay={
            "start_date": "2024-01-01T00:00:00Z",
            "end_date": "2024-01-10T00:00:00Z",
            "speed": 1e9,
        },
    )
    assert by_command.config == by_api.config
    assert by_command.request == by_api.request


def test_json_is_the_results_and_nothing_else_on_stdout():
    out, _ = command("paper", *ARGS, *REPLAY, "--json")
    data, run = json.loads(out), Run.objects.get()
    assert data["run_id"] == str(run.public_id)
    assert data["performance_metrics"] == run.metrics != {}


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["--speed", "2"], "--speed is of a replay"),
        (["--timeframe", "7x", *REPLAY], "UNKNOWN_TIMEFRAME"),
        (["--max-drawdown", "2", *REPLAY], "INVALID_LIMITS: max_drawdown"),
        (["--replay", "2024-01-01T00:00:00", "2024-02-01"], "NAIVE_DATETIME: replay.start_date"),
        (["-p", "nonsense=1", *REPLAY], "UNKNOWN_PARAM"),
    ],
)
def test_what_cannot_run_is_one_line_and_no_run(args, told):
    with pytest.raises(CommandError) as caught:
        command("paper", *ARGS, *args)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Run.objects.exists()


def test_a_desk_that_runs_executes_it(monkeypatch):
    announce(clusters.JOBS, clusters.LIVE)
    started = services.start_live
    worker: list[threading.Thread] = []

    def start(*args: Any, **kwargs: Any) -> Run:
        assert kwargs["ring"] is True
        run = started(*args, **kwargs | {"ring": False})

        def work() -> None:
            while paper.advance(run.id):
                pass
            connection.close()

        worker.append(threading.Thread(target=work))
        worker[0].start()
        return run

    monkeypatch.setattr(services, "start_live", start)
    out, err = command("paper", *ARGS, *REPLAY)
    worker[0].join()
    assert "the desk executes it" in err
    assert "Sharpe ratio" in out


def test_ctrl_c_leaves_a_desks_run_to_the_desk(monkeypatch):
    announce(clusters.JOBS)

    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(following, "pause", interrupted)
    out, err = command("paper", *ARGS, *REPLAY)
    run = Run.objects.get()
    assert (run.status, run.stop_requested_at) == ("starting", None)
    assert f"Detached; the desk goes on. `manage.py watch {str(run.public_id)[:8]}`" in err
    assert "Sharpe" not in out


@pytest.mark.parametrize(
    ("alive", "replay", "works"),
    [
        ([], True, False),
        ([clusters.JOBS], True, True),
        ([clusters.JOBS], False, False),
        ([clusters.LIVE], False, False),
        ([clusters.JOBS, clusters.LIVE], False, True),
    ],
)
def test_a_desk_works_where_the_clusters_a_run_needs_are_alive(alive, replay, works):
    announce(*alive)
    assert following.desk_works(replay) is works
    Heartbeat.objects.update(seen_at=timezone.now() - 2 * following.BEAT_STALE)
    assert not following.desk_works(replay)


def test_a_failed_run_ends_with_its_code(monkeypatch):
    def broken(*args: Any) -> None:
        raise ValueError("no\x1bway")

    monkeypatch.setattr(paper, "step", broken)
    with pytest.raises(CommandError) as caught:
        command("paper", *ARGS, *REPLAY)
    assert str(caught.value).startswith("RUN_FAILED: ValueError: no")
    assert "\x1b" not in str(caught.value)


def test_ctrl_c_stops_a_run_of_its_own_and_closes_its_books(monkeypatch):
    advance, done = paper.advance, []

    def interrupted(run_id: int) -> bool:
        done.append(run_id)
        if len(done) == 3:
            os.kill(os.getpid(), signal.SIGINT)
        return advance(run_id)

    monkeypatch.setattr(paper, "advance", interrupted)
    before = signal.getsignal(signal.SIGINT)
    slow = ["--replay", "2024-01-01", "2024-03-01", "--speed", "36000"]
    with pytest.raises(CommandError) as caught:
        command("paper", *ARGS, *slow)
    run = Run.objects.get()
    assert caught.value.returncode == 130
    assert run.status == Run.Status.STOPPED
    assert kinds(run)[-2:] == ["run.stop_requested", "run.stopped"]
    assert signal.getsignal(signal.SIGINT) is before


# --- watch -----------------------------------------------------------------------------------


def test_watch_tells_every_event_of_a_run_that_is_over():
    run = slices(rehearse(replay={"start_date": "2024-01-01T00:00:00Z",
                                  "end_date": "2024-01-05T00:00:00Z"}))  # fmt: skip
    lines = command("watch", str(run.public_id)[:8])[0].splitlines()
    assert len(lines) == run.last_seq > 96
    assert [int(line.split()[0]) for line in lines] == list(range(1, run.last_seq + 1))
    assert "completed" in lines[-1]
    told = command("watch", str(run.public_id), "--since", str(run.last_seq - 2), "--json")[0]
    events = [json.loads(line) for line in told.splitlines()]
    assert [event["seq"] for event in events] == [run.last_seq - 1, run.last_seq]
    assert events[-1].keys() == {"seq", "kind", "data", "created_at"}
    assert events[-1]["kind"] == "run.completed"


def test_watch_follows_what_others_do_to_the_end(monkeypatch):
    monkeypatch.setattr(following, "POLL_SECONDS", 0.02)
    run = rehearse()

    def work() -> None:
        time.sleep(0.2)
        while paper.advance(run.id):
            pass
        connection.close()

    worker = threading.Thread(target=work)
    worker.start()
    out, _ = command("watch", str(run.public_id), "--json")
    worker.join()
    seqs = [json.loads(line)["seq"] for line in out.splitlines()]
    assert seqs == list(range(1, fresh(run).last_seq + 1))


def test_ctrl_c_ends_the_watching_and_not_the_run(monkeypatch):
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(following, "pause", interrupted)
    run = rehearse()
    assert "the run goes on" in command("watch", str(run.public_id))[1]
    assert fresh(run).stop_requested_at is None


@pytest.mark.parametrize(
    ("args", "told"), [(["ffff"], "RUN_NOT_FOUND"), (["x", "--since", "-1"], "since")]
)
def test_watch_of_nothing_is_one_line(args, told):
    with pytest.raises(CommandError, match=told):
        command("watch", *args)


# --- words -----------------------------------------------------------------------------------


def test_every_kind_of_event_has_words():
    bar = {"symbol": "A/B", "time": 0, "accepted": None, "told": [1, 2, 3, 4, 5]}
    found = {"kind": "foreign_fill", "symbol": "A/B", "subject": "7"}
    order = {"side": "buy", "symbol": "A/B", "purpose": "entry", "created": 0}
    samples: dict[str, dict[str, Any]] = {
        "run.created": {"mode": "paper"},
        "run.started": {},
        "run.prepared": {"start_ms": 0, "anchor_ms": 0, "warmup": 3},
        "run.resumed": {"attempt": 2},
        "run.worker_lost": {},
        "run.stop_requested": {"flatten": True},
        "run.stopped": {"reason": "max_drawdown"},
        "run.completed": {"value": 1.0, "trade_count": 1},
        "run.failed": {"code": "X", "message": "y", "details": {}},
        "limit.hit": {"reason": "daily_loss", "time": 0},
        "flatten.begun": {"reason": "flatten", "time": 0},
        "bar.missing": {"symbol": "A/B", "start": 0, "end": 3_600_000, "bars": 1},
        "bar.revised": bar,
        "data.stale": {"symbol": "A/B", "since": 0},
        "data.fresh": {"symbol": "A/B"},
        "account.killed": {"account_id": "a", "steps": ["block"], "reason": "odd"},
        "account.failing": {"account_id": "a", "code": "X", "message": "y"},
        "account.well": {"account_id": "a"},
        "account.kill_done": {"account_id": "a", "steps": ["block"], "left": []},
        "account.released": {"account_id": "a"},
        "run.held": found,
        "run.freed": {},
        "discrepancy.found": found,
        "discrepancy.gone": found,
        "discrepancy.resolved": found | {"action": "adopt", "by": "admin:ann"},
        "discrepancy.refused": found | {"action": "close", "reason": "too small"},
        "order.refused": order | {"reason": "x", "times": 2, "timestamp": 0},
        "order.skipped": order | {"reason": "late"},
        "protection.set": {
            "symbol": "A/B",
            "stop": 9.5,
            "stop_at": "venue",
            "target": 11.0,
            "target_at": "desk",
        },
        "protection.failed": {
            "symbol": "A/B",
            "purpose": "stop_loss",
            "level": 9.5,
            "reason": "insufficient_funds",
            "error": "",
        },
        "protection.lost": {"symbol": "A/B", "reason": "canceled_at_venue"},
        "protection.ended": {"symbol": "A/B", "reason": "by_hand"},
    }
    at_venue = order | {"amount": 2.0, "filled": 1.0, "timestamp": 0}
    states = ("submitted", "unsent", "unknown", "open", "partially_filled", "rejected", "expired")
    samples |= {f"order.{state}": at_venue for state in (*states, "execution")}
    run = slices(rehearse(symbols=["BTC/USDT"]))
    samples |= dict(run.events.values_list("kind", "data"))
    samples["order.canceled"] = samples["order.filled"] | {"reason": "no_cash", "amount": None}
    samples["trade.changed"] = samples["trade.opened"]
    assert samples.keys() == narration._TELLERS.keys()
    for kind, data in samples.items():
        told = narration.line(kind, data, NOW)
        assert kind not in told.text, kind
        assert told.tone in narration.TONES


@pytest.mark.parametrize("data", [{}, {"value": "x"}, {"bars": None}, {"symbol": ["\x1b"]}])
def test_what_an_event_says_otherwise_is_shown_as_it_is_and_drives_nothing(data):
    for kind in [*narration._TELLERS, "odd\x1b[2J", "", "odd.kind"]:
        told = narration.line(kind, data, NOW)
        assert str(told).isprintable()


def test_watching_imports_no_heavy_library():
    code = (
        "import sys, django, os\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "django.setup()\n"
        "from django.core.management import load_command_class\n"
        "[load_command_class('runs', name) for name in ('paper', 'watch')]\n"
        "heavy = {'vectorbt', 'numba', 'plotly', 'ccxt', 'pandas', 'pyarrow'} & set(sys.modules)\n"
        "sys.exit(str(sorted(heavy)) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_line_below_says_how_things_stand():
    run = make_run(
        mode=Run.Mode.PAPER,
        status=Run.Status.RUNNING,
        cursor_ms=1_704_067_200_000,
        value=1012.5,
        total_return=0.0125,
        trade_count=3,
        late_bars=2,
    )
    text = following.status_line(run)
    for shown in (
        "running",
        "2024-01-01 00:00 UTC",
        "1,012.50 · +1.25 %",
        "3 trades",
        "2 bars late",
    ):
        assert shown in text
