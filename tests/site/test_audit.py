"""The audit of packages: a known hole fails it, what could not be asked about is named."""

from __future__ import annotations

import importlib.util
import json
import sys
from types import ModuleType
from typing import Any

import pytest

from tests.desk import ROOT

REASON = "Dependency not found on PyPI and could not be audited: {} (1.0)"
HOLED = {
    "name": "flask",
    "version": "0.5",
    "vulns": [{"id": "PYSEC-2019-179", "fix_versions": ["1.0"], "aliases": ["CVE-2019-1010083"]}],
}
SOUND = {"name": "orjson", "version": "3.13.0", "vulns": []}
UNKNOWN = {"name": "django", "skip_reason": REASON.format("django")}
NPM = {
    "auditReportVersion": 2,
    "vulnerabilities": {},
    "metadata": {"vulnerabilities": {"total": 0}, "dependencies": {"prod": 1, "total": 7}},
}
NPM_HOLED = NPM | {"vulnerabilities": {"minimist": {"name": "minimist", "severity": "critical"}}}
NPM_REFUSED = {"message": "405 Method Not Allowed", "method": "POST"}


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("ci_audit", ROOT / ".ci" / "audit.py")
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "ci_audit", module)
    spec.loader.exec_module(module)  # type: ignore[union-attr]
    return module


def pip(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def outcome(
    audit: ModuleType, monkeypatch: Any, capsys: Any, said_by_pip: str, said_by_npm: str
) -> tuple[int, str]:
    def said(command: list[str], where: Any) -> str:
        return said_by_npm if command[1] == "audit" else said_by_pip

    monkeypatch.setattr(audit, "_said", said)
    return audit.main(), capsys.readouterr().out


def test_nothing_known_passes(audit, monkeypatch, capsys):
    code, text = outcome(audit, monkeypatch, capsys, pip(SOUND), json.dumps(NPM))
    assert code == 0
    assert "pip-audit: 1 packages audited, 0 known holes" in text
    assert "npm audit: 7 packages audited, 0 known holes" in text
    assert "not audited" not in text


@pytest.mark.parametrize(
    ("said_by_pip", "said_by_npm", "named"),
    [
        (pip(SOUND, HOLED, UNKNOWN), json.dumps(NPM), "flask 0.5: PYSEC-2019-179, fixed in 1.0"),
        (pip(SOUND), json.dumps(NPM_HOLED), "minimist: critical"),
    ],
)
def test_a_known_hole_fails_and_is_named(
    audit, monkeypatch, capsys, said_by_pip, said_by_npm, named
):
    code, text = outcome(audit, monkeypatch, capsys, said_by_pip, said_by_npm)
    assert code == 1
    assert named in text


def test_what_could_not_be_asked_about_is_counted_and_named_in_a_line(audit, monkeypatch, capsys):
    other = UNKNOWN | {"name": "numpy"}
    said = (pip(UNKNOWN, SOUND, other), json.dumps(NPM_REFUSED))
    code, text = outcome(audit, monkeypatch, capsys, *said)
    assert code == 0
    assert "pip-audit: 2 not audited: django, numpy\n" in text
    assert "npm audit: 1 not audited: all npm packages\n" in text


@pytest.mark.parametrize("nothing", ["", "<html>", "{}"])
def test_a_service_that_cannot_be_reached_fails_nothing(audit, monkeypatch, capsys, nothing):
    code, text = outcome(audit, monkeypatch, capsys, nothing, nothing)
    assert code == 0
    assert "not audited: all Python packages" in text


def test_a_tool_that_is_missing_or_hangs_says_nothing(audit, monkeypatch):
    assert audit._said([str(ROOT / "no-such-tool")], ROOT) == ""
    monkeypatch.setattr(audit, "SECONDS", 0.05)
    assert audit._said([sys.executable, "-c", "import time; time.sleep(9)"], ROOT) == ""
