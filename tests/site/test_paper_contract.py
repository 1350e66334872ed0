"""The reference, field for field, of paper runs and replays in every state."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from runs import payloads
from runs.engine.space import ENGINE_FIELDS
from runs.models import Event
from tests.site.api import PAPER_STATES, desk, get, papers  # noqa: F401 - fixtures
from tests.site.test_contract import DETAILED, RESULTS, STATUS, WORDS, every_number, has

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("papers")]


@pytest.mark.parametrize("state", PAPER_STATES)
def test_a_paper_runs_status_and_results_have_their_fields_in_every_state(
    client, papers, state  # noqa: F811
):  # fmt: skip
    run_id = str(papers[state].public_id)
    status = get(client, "/status", run_id=run_id)
    detailed = get(client, "/status/detailed", run_id=run_id)
    results = get(client, "/results", run_id=run_id)
    has(status, STATUS)
    has(detailed, DETAILED)
    has(results, RESULTS)
    word = PAPER_STATES[state]
    assert {status["status"], detailed["status"], results["status"]} == {word} <= WORDS
    assert status["mode"] == "paper"
    over = word in ("completed", "stopped", "failed")
    assert (status["end_time"] is not None) == over
    # A run that ended with books has a final value, however it ended.
    assert (results["final_value"] is not None) == (over and state != "without candles")
    assert (status["error"] is not None) == (state in ("limited", "without candles"))
    health = {"lag_seconds", "last_error", "late_bars", "gaps", "warnings", "feeds",
              "stepped_until", "owned", "attempts", "queued_seconds"}  # fmt: skip
    assert detailed["health"].keys() >= health
    assert (detailed["health"]["lag_seconds"] is not None) == (state == "on live bars")
    assert {type(n) for n in every_number(detailed)} <= {int, float, str, bool, type(None)}


def test_every_kind_of_event_and_field_of_health_is_in_the_documentation(papers):  # noqa: F811
    root = Path(__file__).resolve().parents[2]
    page = (root / "docs" / "api.md").read_text()
    text = page.split("\n## Paper runs\n")[1].split("\n## ")[0]
    kinds = set(Event.objects.values_list("kind", flat=True))
    for file in (root / "runs").rglob("*.py"):
        written = r'"((?:run|order|trade|bar|data|limit|protection|discrepancy)\.[a-z_]+)"'
        # The audit trail has words of its own.
        code = re.sub(r"audit\.record\([^)]*", "", file.read_text())
        kinds |= set(re.findall(written, code))
    # Nor are they those of a sweep's space.
    kinds -= set(ENGINE_FIELDS)
    assert {"run.created", "order.new", "equity", "bar.missing", "data.stale"} <= kinds
    health = payloads.detailed_status(papers["on live bars"])["health"]
    named = kinds | health.keys() | health["feeds"][0].keys()
    assert {name for name in named if f"`{name}`" not in text} == set()
