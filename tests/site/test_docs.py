"""What the documents say is so: their commands work as written, their tables are complete."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cracktrader_site.api.errors import ERROR_CODES, RUN_CODES, WEBSOCKET_CODES
from runs.bodies import BacktestRequest, LiveTradingRequest, ReplayRequest, StopRequest
from runs.channels import CHANNELS
from runs.engine.metrics import METRICS
from runs.filters import ORDERINGS
from runs.models import Run
from runs.serializers import STATUSES
from runs.streaming.closing import CLOSE_CODES
from runs.sweeps.honesty_schema import VERDICTS
from runs.sweeps.ordering import SIGNED
from runs.sweeps.serializers import (
    SAMPLERS,
    SweepRequest,
    TrialRunRequest,
    WalkForwardRequest,
)
from tests.desk import Desk

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
README, API = (ROOT / "README.md").read_text(), (ROOT / "docs" / "api.md").read_text()
DATA = (ROOT / "docs" / "data.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def block_with(text: str, language: str, word: str) -> str:
    return next(block for block in blocks(text, language) if word in block)


# --- commands as written ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def desk(plain_desk: Desk) -> Desk:
    return plain_desk


def run(desk: Desk, line: str) -> subprocess.CompletedProcess[str]:
    """A command line of a document, with this Python and this desk."""
    words = [
        sys.executable if w == ".venv/bin/python" else w
        for w in shlex.split(line.replace("\\\n", ""))
    ]
    return subprocess.run(words, cwd=ROOT, env=desk.env, capture_output=True, text=True)


@pytest.mark.process
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_readmes_curl_works_as_written(desk):
    script = block_with(README, "sh", "curl -s").replace(":8000", f":{desk.port}")
    both = subprocess.run(["sh", "-ec", script], capture_output=True, text=True)
    started, end = json.JSONDecoder().raw_decode(both.stdout)
    assert started["status"] == "starting"
    assert json.loads(both.stdout[end:])["run_id"] == started["run_id"]
    assert desk.wait(started["run_id"])["status"] == "completed"
    last = subprocess.run(
        ["sh", "-ec", "curl" + script.rsplit("curl", 1)[1]], capture_output=True, text=True
    )
    results = json.loads(last.stdout)
    assert results["status"] == "completed"
    assert results["trades"]
    assert results["equity_curve"]
    assert set(METRICS) <= results["performance_metrics"].keys()


@pytest.mark.process
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_the_readmes_paper_run_and_replay_work_as_written(desk):
    def said(script: str) -> list[dict[str, Any]]:
        """The JSON of each answer, in order."""
        done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True)
        found, rest = [], done.stdout
        while rest.strip():
            answer, end = json.JSONDecoder().raw_decode(rest.strip())
            found.append(answer)
            rest = rest.strip()[end:]
        return found

    script = block_with(README, "sh", '"replay"').replace(":8000", f":{desk.port}")
    started, status = said(script)
    assert (started["status"], status["mode"]) == ("starting", "paper")
    assert desk.wait(started["run_id"])["status"] == "completed"
    script = block_with(README, "sh", '"flatten"').replace(":8000", f":{desk.port}")
    paper, status, stopped = said(script)
    assert (paper["status"], status["mode"]) == ("starting", "paper")
    assert paper["run_id"] == status["run_id"] == stopped["run_id"]
    assert "performance_metrics" in status
    assert desk.wait(paper["run_id"])["status"] == "stopped"


@pytest.mark.process
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", ["README.md", "docs/sweeps.md"])
def test_the_curl_of_a_sweep_works_as_written(desk, page):
    script = block_with((ROOT / page).read_text(), "sh", "/run/sweep")
    script = script.replace(":8000", f":{desk.port}")
    done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True)
    started, end = json.JSONDecoder().raw_decode(done.stdout)
    assert started["status"] == "starting"
    if listed := done.stdout[end:]:
        assert json.loads(listed)["sweeps"][0]["sweep_id"] == started["sweep_id"]
    sweep: dict[str, Any] = {}
    deadline = time.monotonic() + 60
    while sweep.get("honesty") is None and time.monotonic() < deadline:
        time.sleep(0.2)
        sweep = desk.http.get(f"/sweeps/{started['sweep_id']}").json()
    assert sweep["status"] == "completed"
    assert sweep["honesty"].keys() >= {"deflated_sharpe", "pbo", "stability"}
    assert sweep["trials_done"] == started["trials"]


def test_the_commands_that_follow_a_sweep_ask_for_what_there_is():
    script = block_with((ROOT / "docs/sweeps.md").read_text(), "sh", "SWEEP_ID")
    assert "/api/v1/sweeps/SWEEP_ID\n" in script
    [sort] = re.findall(r"/sweeps/SWEEP_ID/trials\?sort=([-\w]+)&", script)
    assert sort in SIGNED


@pytest.mark.process
def test_the_readmes_sweep_in_the_terminal_works_as_written(desk):
    done = run(desk, block_with(README, "sh", "manage.py sweep"))
    assert done.returncode == 0, done.stdout + done.stderr
    for told in ("Deflated Sharpe ratio", "Probability of backtest overfitting"):
        assert told in done.stdout
    [verdict] = re.findall(r"the verdict is `(\w+)`", README)
    assert verdict in done.stdout


@pytest.mark.process
def test_the_readmes_python_works_as_written(desk, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CRACKTRADER_URL", f"http://127.0.0.1:{desk.port}")
    monkeypatch.chdir(tmp_path)
    seen: dict[str, Any] = {}
    exec(block_with(README, "python", "CrackTraderAPI"), seen)
    assert seen["results"].status == "completed"
    assert "pnl" in capsys.readouterr().out
    assert "plotly" in (tmp_path / "run.html").read_text()


@pytest.mark.process
def test_the_readmes_command_line_works_as_written(desk, tmp_path):
    chart = tmp_path / "out.html"
    line = block_with(README, "sh", "manage.py backtest").replace("out.html", str(chart))
    done = run(desk, line)
    assert done.returncode == 0, done.stderr
    assert "Sharpe" in done.stdout
    assert chart.stat().st_size > 10_000


@pytest.mark.process
def test_the_commands_about_candles_work_as_written(desk, tmp_path):
    fetch, held = block_with(DATA, "sh", "fetch_candles").strip().splitlines()
    fetched = run(desk, fetch)
    assert fetched.returncode == 0, fetched.stderr
    listed = run(desk, held)
    assert listed.returncode == 0, listed.stderr
    assert "ETH/USDT" in listed.stdout
    file = tmp_path / "candles.csv"
    # Long before there was anything that others may have imported.
    hours = (f"{1262304000 + 3600 * n},100,102,99,101,5" for n in range(48))
    file.write_text("\n".join(["timestamp,open,high,low,close,volume", *hours]))
    line = block_with(DATA, "sh", "import_candles").replace("candles.csv", str(file))
    imported = run(desk, line)
    assert imported.returncode == 0, imported.stderr
    assert imported.stdout.startswith("48 of 48 rows accepted")


@pytest.mark.process
def test_the_rehearsal_in_the_terminal_works_as_written(desk):
    line = block_with((ROOT / "docs" / "paper.md").read_text(), "sh", "manage.py paper")
    done = run(desk, line)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "completed" in done.stdout


@pytest.mark.process
def test_the_example_strategy_loads_and_passes_its_check(desk):
    source = block_with((ROOT / "CONTRIBUTING.md").read_text(), "python", "class AboveMean")
    (desk.home / "strategies" / "above_mean.py").write_text(source)
    synced = run(desk, ".venv/bin/python manage.py sync_strategies")
    assert synced.returncode == 0, synced.stderr
    checked = run(desk, ".venv/bin/python manage.py check_strategy AboveMean")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert desk.wait(desk.start_backtest(strategy_name="AboveMean", strategy_params={}))[
        "status"
    ] == "completed"  # fmt: skip


@pytest.mark.process
def test_the_example_of_polling_works_as_written(desk):
    import httpx

    code = block_with(API, "python", "httpx.Client").replace(":8000", f":{desk.port}")
    from tests.desk import EXAMPLE

    seen: dict[str, Any] = {"body": EXAMPLE}
    exec(code, seen)
    seen["api"].close()
    assert isinstance(seen["api"], httpx.Client)
    assert seen["results"]["status"] == "completed"


# --- links and tables ------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    pictures = re.findall(r'(?:src|srcset)="([^"]+)"', text)
    for target in (*re.findall(r"\]\(([^)\s]+)\)", text), *pictures):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def test_every_picture_is_shown_somewhere_and_small():
    shown = " ".join(page.read_text() for page in PAGES)
    pictures = sorted((ROOT / "docs" / "images").iterdir())
    assert pictures
    for picture in pictures:
        assert f"images/{picture.name}" in shown
        assert picture.stat().st_size <= 200_000


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h).strip().lower().replace(" ", "-") for h in headings}


def test_every_command_of_ours_is_named_in_operations():
    text = (ROOT / "docs" / "operations.md").read_text()
    named = {word for code in re.findall(r"`([^`]+)`", text) for word in code.split()}
    ours = {
        file.stem
        for app in ("cracktrader_site", "exchanges", "runs", "strategies")
        for file in (ROOT / app / "management" / "commands").glob("*.py")
        if not file.stem.startswith("_")
    }
    assert ours
    assert ours <= named, ours - named


def test_every_strategy_of_the_catalogue_is_introduced():
    page = (ROOT / "docs" / "strategies.md").read_text()
    files = (ROOT / "strategies" / "catalog").glob("[!_]*.py")
    names = {file.stem.title().replace("_", "") for file in files}
    assert set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", page, re.MULTILINE)) >= names
    assert "TestStrategy" in names


def test_every_metric_is_defined():
    text = (ROOT / "docs" / "metrics.md").read_text()
    assert {name for name in METRICS if f"`{name}`" not in text} == set()


def test_the_table_of_errors_is_the_servers():
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \| (.+) \|$", API, re.MULTILINE)
    assert {code: (int(status), words) for code, status, words in rows} == {
        code: (status, words) for code, (status, words) in ERROR_CODES.items()
    }
    assert len(rows) == len(ERROR_CODES)
    runs = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|$", API, re.MULTILINE))
    assert runs == RUN_CODES


def test_the_tables_of_websocket_codes_are_the_servers():
    page = (ROOT / "docs" / "websocket.md").read_text()
    codes = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \|$", page, re.MULTILINE))
    assert codes == WEBSOCKET_CODES
    closed = re.findall(r"^\| (\d+) \| ([^|]+) \|$", page, re.MULTILINE)
    assert {int(code): words for code, words in closed} == CLOSE_CODES
    for channel in CHANNELS:
        assert f"| `{channel}` |" in page


def test_the_table_of_endpoints_is_the_schemas(db, client):
    import yaml

    rows = re.findall(r"^\| ([A-Z]+) \| `([^`]+)` (◆ )?\| .+ \|$", API, re.MULTILINE)
    schema = yaml.safe_load(client.get("/api/v1/schema").content)
    served = {
        (method.upper(), path.removeprefix("/api/v1"))
        for path, methods in schema["paths"].items()
        for method in methods
    }
    assert {(method, path) for method, path, _ in rows} == served
    assert len(rows) == len(served)
    assert sum(bool(mark) for _, _, mark in rows) == 10


def test_the_words_of_the_contract_are_all_there():
    sorts = [name for name in SIGNED if not name.startswith("-")]
    for word in (*STATUSES, *ORDERINGS, *Run.Mode.values, *SAMPLERS, *VERDICTS, *sorts):
        assert f"`{word}`" in API or word in API, word
    reference = {"strategy_name", "strategy_params", "symbols", "timeframe", "start_date",
                 "end_date", "initial_cash", "exchange"}  # fmt: skip
    sweeps = (SweepRequest, WalkForwardRequest, TrialRunRequest)
    for form in (BacktestRequest, LiveTradingRequest, ReplayRequest, StopRequest, *sweeps):
        for field in form().fields.keys() - reference:
            assert f"`{field}`" in API or f'"{field}"' in API, field
