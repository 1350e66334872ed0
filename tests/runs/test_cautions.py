"""What a reader of a run's figures is told beforehand."""

from __future__ import annotations

import pytest

from runs import cautions, comparing, report
from tests.runs.finished import finished, prepare_desk

pytestmark = pytest.mark.django_db


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


def test_pages_report_and_comparison_say_it(client, admin_client):
    run = limited()
    assert SAID in client.get(f"/ui/runs/{run.public_id}").content.decode()
    assert SAID in admin_client.get(f"/admin/runs/run/{run.pk}/change/").content.decode()
    assert SAID in report.standalone(run)
    assert any(SAID in text for text in comparing.cautions([run, finished()]))
