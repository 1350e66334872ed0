from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from runs import formats, leases, payloads, runner, services
from runs.models import Run
from runs.terminal import Progress, table
from tests.runs.finished import finished, prepare_desk, start

ROOT = Path(__file__).resolve().parents[2]
ARGS = ["--strategy", "MovingAverageCross", "-p", "fast_period=5", "-p", "slow_period=20"]
ARGS += ["--symbols", "BTC/USDT", "--timeframe", "1h", "--exchange", "simulated"]
ARGS += ["--start", "2024-01-01T00:00:00Z", "--end", "2024-03-01T00:00:00Z"]


@pytest.fixture
def desk(transactional_db):
    """Committed, for the thread that keeps a run's lease to see it."""
    prepare_desk()


def run_command(*args: str, name: str = "backtest") -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command(name, *args, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_a_backtest_prints_every_metric_and_the_runs_id(desk):
    out, err = run_command(*ARGS)
    run = Run.objects.get()
    assert run.status == Run.Status.COMPLETED
    for row in formats.metric_rows(run.metrics):
        assert row.label in out
        assert row.text in out
    assert str(run.public_id) in out
    assert "reading candles" in err


def test_json_prints_the_results_and_nothing_else_on_stdout(desk):
    out, err = run_command(*ARGS, "--json")
    data = json.loads(out)
    run = Run.objects.get()
    assert data["run_id"] == str(run.public_id)
    assert data["performance_metrics"] == run.metrics
    assert len(data["trades"]) == run.trade_count > 0
    assert data.keys() == payloads.results(run).keys()
    assert err == ""


def test_options_mean_what_the_api_fields_mean(desk):
    options = ["--cash", "5000", "--fee", "0.002", "--slippage", "0.0005", "--take-profit", "0.1"]
    options += ["--trailing-stop", "0.05", "--position-size", "0.5", "--cash-mode", "shared"]
    run_command(*ARGS, "--symbols", "BTC/USDT,ETH/USDT", *options)
    by_command = Run.objects.get()
    by_api = finished(
        symbols=["BTC/USDT", "ETH/USDT"],
        initial_cash=5000,
        fee=0.002,
        slippage=0.0005,
        take_profit=0.1,
        trailing_stop=0.05,
        position_size=0.5,
        cash="shared",
    )
    assert by_command.config == by_api.config
    assert by_command.request == by_api.request
    assert by_command.result_hash == by_api.result_hash


def test_params_may_be_json_and_single_values_win(desk):
    args = [*ARGS[:2], "--params", '{"fast_period": 3, "slow_period": 20}', *ARGS[2:4], *ARGS[6:]]
    run_command(*args)
    assert Run.objects.get().config["strategy_params"] == {"fast_period": 5, "slow_period": 20}


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["--strategy", "Nope"], "UNKNOWN_STRATEGY: "),
        (["--symbols", "../x"], "INVALID_SYMBOL: "),
        (["-p", "nonsense=1"], "UNKNOWN_PARAM: "),
        (["--cash", "-1"], "INVALID_CASH: initial_cash: "),
        (["--fee", "nan"], "INVALID_NUMBER: fee: "),
        (["--start", "2024-01-01T00:00:00"], "NAIVE_DATETIME: start_date: "),
        (["--stop-loss", "0.1", "--trailing-stop", "0.1"], "INVALID_STOPS: "),
        (["--params", "{"], "--params is not JSON"),
        (["--params", "[1]"], "--params must be a JSON object"),
        (["-p", "period"], "expected KEY=VALUE"),
    ],
)
def test_a_bad_request_is_one_clear_line_and_no_run(desk, args, code):
    with pytest.raises(CommandError) as caught:
        run_command(*ARGS, *args)
    assert code in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not Run.objects.exists()


def test_a_failed_run_ends_with_its_code_and_exit_code_1(desk, settings, tmp_path):
    settings.STRATEGIES_DIR = tmp_path
    (tmp_path / "failing.py").write_text(FAILING)
    prepare_desk()
    args = [*ARGS, "--strategy", "Failing"]
    args = [a for a in args if a not in ("-p", "fast_period=5", "slow_period=20")]
    with pytest.raises(CommandError) as caught:
        run_command(*args)
    assert str(caught.value).startswith("STRATEGY_FAILED: ")
    assert "\x1b" not in str(caught.value)
    assert "\r" not in str(caught.value)
    assert caught.value.returncode == 1
    assert Run.objects.get().status == Run.Status.FAILED


FAILING = """
from exchanges.domain import Bars
from strategies.base import Params, Signals, Strategy


class FailingParams(Params):
    pass


class Failing(Strategy[FailingParams]):
    \"\"\"Raises.\"\"\"

    Params = FailingParams

    def warmup(self, params):
        return 0

    def signals(self, bars, params):
        raise ValueError("no\\x1b[2J\\r\\nway")
"""


def test_plot_writes_one_file_that_needs_no_other(desk, tmp_path):
    page = tmp_path / "out.html"
    run_command(*ARGS, "--plot", str(page))
    text = page.read_text()
    assert "plotly.js v" in text
    assert 'data-figure="#equity"' in text
    assert "src=" not in text.split("<script>")[0]


def test_plot_to_nowhere_is_one_line(desk, tmp_path):
    with pytest.raises(CommandError, match="No such file"):
        run_command(*ARGS, "--plot", str(tmp_path / "none" / "out.html"))


def test_ctrl_c_stops_the_run_at_once(desk, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "compute", interrupted)
    with pytest.raises(CommandError) as caught:
        run_command(*ARGS)
    assert caught.value.returncode == 130
    assert Run.objects.get().status == Run.Status.STOPPED


def test_a_run_another_worker_took_is_followed_to_its_end(desk, monkeypatch):
    started = services.start_backtest

    def taken(*args, **kwargs):
        run = started(*args, **kwargs)
        lease, claimed = leases.claim(run.id)

        def work():
            time.sleep(0.5)
            runner._record(lease, runner.compute(claimed, lambda *_: None))
            connection.close()

        worker.append(threading.Thread(target=work))
        worker[0].start()
        return run

    worker: list[threading.Thread] = []
    monkeypatch.setattr(services, "start_backtest", taken)
    out, _ = run_command(*ARGS)
    worker[0].join()
    assert "Total return" in out
    assert Run.objects.get().attempts == 1


def test_runs_lists_newest_first_and_filters(desk):
    first, second = finished(), finished(symbols=["ETH/USDT"])
    waiting = start()
    out, _ = run_command(name="runs")
    ids = [str(run.public_id)[:8] for run in (waiting, second, first)]
    assert sorted(ids, key=out.index) == ids

    def listed(*args: str) -> list[str]:
        return [run["run_id"] for run in json.loads(run_command(*args, "--json", name="runs")[0])]

    assert listed("--status", "starting") == [str(waiting.public_id)]
    assert listed("--symbol", "ETH/USDT") == [str(second.public_id)]
    assert listed("--limit", "1") == [str(waiting.public_id)]
    assert listed("--strategy", "BuyAndHold") == []
    assert len(listed("--exchange", "simulated", "--mode", "backtest")) == 3
    best = max((first, second), key=lambda run: run.total_return)
    assert listed("--order", "best_return")[0] == str(best.public_id)


def test_a_name_cannot_drive_the_terminal():
    shown = table(("Name",), [("evil\x1b[31m\r\n\u202e[bold]",)])
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "[bold]" in shown


def test_progress_off_a_terminal_is_a_line_for_each_stage():
    out = io.StringIO()
    with Progress(LineWriter(out)) as progress:
        for fraction in (0.1, 0.2, 0.3):
            progress("reading\x1b", fraction)
        progress("signals", 0.5)
    assert out.getvalue().splitlines() == [
        " 10% reading\N{REPLACEMENT CHARACTER}",
        " 50% signals",
    ]


class LineWriter:
    """As Django's OutputWrapper."""

    def __init__(self, out: io.StringIO) -> None:
        self.out = out

    def write(self, text: str) -> None:
        self.out.write(text + "\n")

    def isatty(self) -> bool:
        return False


def test_commands_that_do_not_backtest_import_no_heavy_library():
    code = (
        "import sys, django, os\n"
        "os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'\n"
        "django.setup()\n"
        "import django.contrib.admin; django.contrib.admin.autodiscover()\n"
        "from django.core.management import load_command_class\n"
        "[load_command_class('runs', name) for name in ('backtest', 'runs', 'verify')]\n"
        "heavy = {'vectorbt', 'numba', 'plotly', 'ccxt', 'pandas', 'pyarrow'} & set(sys.modules)\n"
        "sys.exit(str(sorted(heavy)) if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_body_of_the_tests_is_the_body_of_the_command(desk):
    run_command(*ARGS)
    assert Run.objects.get().config == start().config
