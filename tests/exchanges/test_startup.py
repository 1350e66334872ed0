from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("ccxt", "vectorbt", "numba", "plotly", "pandas", "pyarrow", "rich")

SERVICES = """
import django
django.setup()
import exchanges.services, exchanges.queries, exchanges.views, exchanges.admin
"""
PURE = """
import exchanges.market_store, exchanges.quality, exchanges.candle_import, exchanges.ports
import exchanges.adapters.simulated, exchanges.locks, exchanges.clock
"""


def loaded_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", code + "\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PATH": ""},
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("code", ["import django\ndjango.setup()", SERVICES])
def test_starting_up_loads_nothing_heavy(code):
    assert not loaded_after(code) & set(HEAVY)


def test_the_pure_part_knows_nothing_of_django():
    assert "django" not in loaded_after(PURE)
