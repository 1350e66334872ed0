"""What is kept of a check."""

from __future__ import annotations

import pytest

from strategies import checked
from strategies.findings import CheckReport, Finding
from strategies.models import Strategy, StrategyVersion


@pytest.fixture
def version(db: None) -> StrategyVersion:
    strategy = Strategy.objects.create(name="Own", origin="user", file="own.py")
    return StrategyVersion.objects.create(
        strategy=strategy, source_hash="ab" * 32, params_schema={}, defaults={}
    )


def test_a_report_is_kept_as_it_is(version):
    report = CheckReport("Own", {"n": 3}, bars=9, findings=[Finding("warmup", "short", bar=2)])
    kept = checked.keep(version, report)
    assert checked.last(version) == kept
    assert checked.last(StrategyVersion.objects.get()) == kept
    assert kept["findings"][0]["bar"] == 2
    assert kept["passed"] is False


@pytest.mark.parametrize(
    "kept",
    [
        {"passed": False},
        {"at": "2026-01-01T00:00:00+00:00", "strategy": "Own", "params": {}, "findings": [{}]},
        {"at": "2026-01-01T00:00:00+00:00", "strategy": "Own", "params": {}, "notes": 7},
        {"at": "some time ago", "strategy": "Own", "params": {}},
        {"at": 5, "strategy": "Own", "params": {}},
        [1],
        None,
    ],
)
def test_a_report_of_another_version_of_the_desk_is_none(version, kept):
    if isinstance(kept, dict):
        kept = kept | {"checker": checked._checker()}
    StrategyVersion.objects.update(checked=kept)
    version.refresh_from_db()
    assert checked.last(version) is None


def test_another_checker_checks_anew(version, monkeypatch):
    checked.keep(version, CheckReport("Own", {}))
    assert checked.last(version) is not None
    monkeypatch.setattr(checked, "_checker", lambda: "another")
    assert checked.last(version) is None
