"""Logs as JSON: one object a line, whatever is logged, and nothing in it that nobody logged."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cracktrader_site import logs, request_ids
from cracktrader_site.management.commands.serve import PARTS
from tests.desk import ROOT, Desk
from tests.site.harness import until

FIELDS = ("time", "level", "logger", "machine", "part", "pid", "message")
RUN = "3f2a9c1e-0000-4000-8000-00000000abcd"


def record(message: str, *args: object, level: int = logging.INFO, **more: Any) -> dict[str, Any]:
    made = logging.makeLogRecord(
        {"name": "runs.paper", "levelno": level, "levelname": logging.getLevelName(level),
         "msg": message, "args": args, **more}
    )  # fmt: skip
    line = logs.Json().format(made)
    assert "\n" not in line
    return dict(json.loads(line))


def test_a_line_says_when_where_and_what():
    found = record("run %s was taken over", RUN, level=logging.WARNING)
    assert found.keys() == {
        "time",
        "level",
        "logger",
        "machine",
        "part",
        "pid",
        "message",
        "run_id",
    }
    at = datetime.fromisoformat(found["time"])
    assert abs((datetime.now(UTC) - at).total_seconds()) < 5
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["time"])
    assert (found["level"], found["logger"], found["run_id"]) == ("WARNING", "runs.paper", RUN)
    assert found["message"] == f"run {RUN} was taken over"


def test_a_traceback_is_a_field_and_no_more_lines():
    try:
        raise ValueError("two\nlines")
    except ValueError:
        found = record("run %s failed", RUN, exc_info=sys.exc_info())
    assert found["exception"].endswith("ValueError: two\nlines")
    assert found["exception"].startswith("Traceback")


def test_what_libraries_attach_is_not_written():
    found = record("%s", "GET /", request="Authorization: Bearer x", params=("secret",), sql="x")
    assert not {"request", "params", "sql"} & found.keys()
    assert record({"password": "secret"})["message"] == "{'password': 'secret'}"  # type: ignore[arg-type]


@given(st.text(), st.one_of(st.text(), st.binary(), st.floats(), st.none()))
def test_whatever_is_logged_is_one_line_of_json(text, value):
    found = record("%s %r", text, value)
    assert found["message"].startswith(text) or max(text) >= "\ud800"


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("manage.py serve", "serve"),
        ("manage.py serve --only web --host 127.0.0.1", "web"),
        ("manage.py work jobs", "jobs"),
        ("manage.py tick", "ticker"),
        ("manage.py feed", "feed"),
        ("manage.py --version", "manage.py"),
        ("/opt/.venv/bin/gunicorn cracktrader_site.wsgi", "cracktrader_site.wsgi"),
    ],
)
def test_the_part_is_known_by_its_command_line(line, part):
    assert logs.part(line.split()) == part


# --- names of requests -----------------------------------------------------------------------


def test_a_request_keeps_the_name_it_brings_and_gets_one_otherwise(client, db):
    def named(*brought: str) -> str:
        headers = {"X-Request-Id": brought[0]} if brought else {}
        return str(client.get("/api/v1/health", headers=headers)["X-Request-Id"])

    assert named("proxy-0123.abc") == "proxy-0123.abc"
    assert re.fullmatch(r"[0-9a-f]{16}", named())
    assert named() != named()
    for odd in ("short", "a" * 65, "with space", "line\\nfeed", "<script>1234"):
        assert re.fullmatch(r"[0-9a-f]{16}", named(odd)), odd
    assert request_ids.current() == ""


def test_a_fault_is_logged_under_the_name_its_caller_was_told(client, db, monkeypatch, capsys):
    said: list[dict[str, Any]] = []

    class Kept(logging.Handler):
        def emit(self, made: logging.LogRecord) -> None:
            said.append(json.loads(logs.Json().format(made)))

    def broken(*args: object, **options: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("runs.health.report", broken)
    client.raise_request_exception = False
    logger, handler = logging.getLogger("cracktrader_site"), Kept()
    logger.addHandler(handler)
    try:
        answer = client.get("/api/v1/health")
    finally:
        logger.removeHandler(handler)
    assert answer.status_code == 500
    [told] = [line for line in said if "exception" in line]
    assert told["request_id"] == answer["X-Request-Id"]


# --- a desk ----------------------------------------------------------------------------------


@pytest.mark.process
def test_all_that_a_desk_logs_is_json(tmp_path):
    with Desk(
        tmp_path / "home", CRACKTRADER_LOG_FORMAT="json", CRACKTRADER_LOG_LEVEL="DEBUG"
    ) as desk:
        desk.wait(desk.start_backtest())
        until(lambda: "is ready" in desk.log.read_text(), 20, "serve has said so")
        [web] = [p for p in desk.processes() if p.cmdline()[-6:-4] == ["--only", "web"]]
        web.kill()
        web.wait(10)
        desk.wait_healthy()
    lines = desk.log.read_text().splitlines()
    # Both streams of it, the few words of its start, too.
    found = [json.loads(line) for line in lines]
    assert [line for line in found if line["message"] == "Cracktrader is ready."]
    assert [line for line in found if line["message"].startswith("web ended with code")]
    for line in found:
        assert line.keys() >= set(FIELDS)
        assert line["part"] in ("serve", *PARTS)


def test_a_format_that_is_none_is_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "settings_doc"], cwd=ROOT, capture_output=True, text=True,
        env={"CRACKTRADER_HOME": str(tmp_path), "CRACKTRADER_LOG_FORMAT": "xml"},
    )  # fmt: skip
    assert done.returncode == 1
    assert "CRACKTRADER_LOG_FORMAT" in done.stderr
    assert "line or json" in done.stderr
