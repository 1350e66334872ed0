"""What starting up must not load: it is what makes commands and the web server slow and big."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cracktrader_site import compiled

ROOT = Path(__file__).resolve().parents[2]
ENGINES = {"vectorbt", "numba", "plotly", "ccxt"}
TABLES = {"pandas", "pyarrow"}

SETUP = "import django; django.setup()"
# Each in the process of those before it.
STAGES = {
    "setup": SETUP,
    "check": """
import runpy
sys.argv = ["manage.py", "check"]
try:
    runpy.run_path("manage.py", run_name="__main__")
except SystemExit as end:
    assert not end.code, end.code
""",
    "server": """
import cracktrader_site.asgi
from django.urls import get_resolver
get_resolver().url_patterns
""",
    "commands": """
from django.core.management import get_commands, load_command_class
for name, app in get_commands().items():
    if app in ("runs", "exchanges", "strategies", "cracktrader_site"):
        load_command_class(app, name)
""",
    "at work": """
from pathlib import Path
from django.core.management import call_command
from django.db import connection
from tests import migrated
migrated.copy_to(Path(connection.creation._get_test_db_name()))
connection.creation.create_test_db(verbosity=0, serialize=False, keepdb=True)
for command in ("sync_strategies", "strategies", "runs", "candles", "settings_doc"):
    call_command(command, stdout=open("/dev/null", "w"))
from exchanges.models import Exchange
Exchange.objects.create(name="simulated", title="Simulated", timeframes=["1h"])
from django.test import Client
from runs.examples import BACKTEST_BODY
client = Client(SERVER_NAME="localhost")
for path in ("health", "status", "strategies", "exchanges", "runs", "schema"):
    assert client.get(f"/api/v1/{path}").status_code == 200, path
body = BACKTEST_BODY | {"exchange": "simulated"}
answer = client.post("/api/v1/run/backtest", body, content_type="application/json")
assert answer.status_code == 200, answer.content
assert client.post("/api/v1/run/stop", content_type="application/json").status_code == 200
""",
}


def told_by(code: str) -> list[set[str]]:
    """The modules that are loaded at each `tell()` of the code, in a process of its own."""
    tell = "def tell(): print('loaded:', *sys.modules)"
    # A migrated database, if there is one, is copied.
    kept = {name: value for name, value in os.environ.items() if name.endswith("_TEST_MIGRATED")}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{tell}\n{code}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": "", **kept},
    )
    assert done.returncode == 0, done.stderr
    return [set(line.split()) for line in done.stdout.splitlines() if line.startswith("loaded:")]


def loaded_after(code: str) -> set[str]:
    [loaded] = told_by(f"{code}\ntell()")
    return loaded


@pytest.fixture(scope="module")
def loaded() -> dict[str, set[str]]:
    """By stage: what is loaded when it is over."""
    code = "".join(f"{stage}\ntell()\n" for stage in STAGES.values())
    return dict(zip(STAGES, told_by(code), strict=True))


@pytest.mark.parametrize("stage", ["setup", "check", "server"])
def test_starting_up_loads_no_engine_and_no_tables(stage, loaded):
    assert "django" in loaded[stage]
    assert not loaded[stage] & (ENGINES | TABLES)


@pytest.mark.parametrize("stage", ["commands", "at work"])
def test_what_does_not_backtest_loads_no_engine(stage, loaded):
    assert len(loaded[stage]) > len(loaded["setup"])
    assert not loaded[stage] & ENGINES


def test_the_test_would_see_an_engine():
    assert "numba" in loaded_after("import numba")


def test_sums_are_made_by_one_thread_on_a_machine_of_any_size():
    threads = """
import django; django.setup()
import numpy
from threadpoolctl import threadpool_info
for pool in threadpool_info():
    if pool["user_api"] == "blas":
        sys.modules[f"blas-{pool['num_threads']}"] = numpy
"""
    assert {name for name in loaded_after(threads) if name.startswith("blas-")} == {"blas-1"}


def test_a_changed_kernel_is_compiled_anew_wherever_it_is_called_from(tmp_path, monkeypatch):
    before = compiled.folder(tmp_path)
    engine = tmp_path / "engine"
    engine.mkdir()
    monkeypatch.setattr(compiled, "_ENGINE", engine)
    (engine / "caller.py").write_text("@njit\ndef caller(): ...\n")
    (engine / "called.py").write_text("@njit\ndef called(): return 1\n")
    one = compiled.folder(tmp_path)
    (engine / "beside.py").write_text("nothing that is compiled\n")
    assert compiled.folder(tmp_path) == one != before
    (engine / "called.py").write_text("@njit\ndef called(): return 2\n")
    assert compiled.folder(tmp_path) != one
