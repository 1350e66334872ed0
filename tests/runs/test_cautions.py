"""What a reader of a run's figures is told beforehand."""

from __future__ import annotations

import pytest

from runs import cautions, comparing, report
from strategies import checked
from strategies.findings import CheckReport, Finding
from tests.runs.finished import finished, prepare_desk

# The watch over a run has a connection of its own.
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _prepared():
    prepare_desk()


ENDING = {"reason": "max_drawdown", "timestamp": 1_704_153_600_000}
SAID = "Its largest drawdown of 10.00 % was broken at the bar of 2024-01-02 00:00 UTC"


def limited():
    run = finished()
    run.outcome = run.outcome | {"ending": ENDING}
    run.config["engine"]["max_drawdown"] = 0.1
    run.save()
    return run


def test_a_run_that_nothing_ended_early_has_no_caution():
    assert cautions.of(finished()) == []


def test_a_run_that_a_loss_limit_ended_says_when_and_which():
    (said,) = cautions.of(limited())
    assert said.startswith(SAID)


def test_a_run_of_a_strategy_that_failed_its_lookahead_check_says_so(client):
    run = finished()
    found = Finding("lookahead", "its signal at a bar changes with a later one", bar=7)
    report = CheckReport(run.strategy_name, {}, findings=[found])
    checked.keep(run.strategy_version, report)
    (said,) = cautions.of(run)
    assert said.startswith("Its strategy looks into the future")
    assert said in client.get(f"/ui/runs/{run.public_id}").content.decode()


def test_a_check_of_another_source_says_nothing():
    run = finished()
    run.config["source_hash"] = "0" * 64
    report = CheckReport(run.strategy_name, {}, findings=[Finding("lookahead", "it looks ahead")])
    checked.keep(run.strategy_version, report)
    assert cautions.of(run) == []


def test_pages_report_and_comparison_say_it(client, admin_client):
    run = limited()
    assert SAID in client.get(f"/ui/runs/{run.public_id}").content.decode()
    assert SAID in admin_client.get(f"/admin/runs/run/{run.pk}/change/").content.decode()
    assert SAID in report.standalone(run)
    assert any(SAID in text for text in comparing.cautions([run, finished()]))
