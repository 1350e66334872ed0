"""What is done to a run from its page."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from runs import tasks
from runs.models import Run
from tests import messages
from tests.runs.factory import make_run
from tests.runs.finished import finished
from tests.runs.papers import desk, fresh, rehearse, slices  # noqa: F401

pytestmark = [pytest.mark.usefixtures("desk"), pytest.mark.django_db(transaction=True)]

HTMX = {"HX-Request": "true"}


def url(run: Run, name: str = "") -> str:
    return f"/ui/runs/{run.public_id}{name}"


@pytest.fixture
def staff(settings: Any, django_user_model: Any) -> Any:
    settings.AUTH = True

    def signed_in(*permissions: str) -> Client:
        user = django_user_model.objects.create_user("ann", is_staff=True)
        for name in permissions:
            app, codename = name.split(".")
            user.user_permissions.add(
                Permission.objects.get(content_type__app_label=app, codename=codename)
            )
        client = Client()
        client.force_login(user)
        return client

    return signed_in


# --- stop ------------------------------------------------------------------------------------


def test_a_backtest_is_stopped_at_once(client):
    run = make_run(status="running")
    answer = client.post(url(run, "/stop"), follow=True)
    assert "Asked to stop." in answer.content.decode()
    assert fresh(run).status == "stopped"
    again = client.post(url(run, "/stop"), follow=True)
    assert "stopped already" in again.content.decode()


def test_a_paper_run_sells_everything_first_where_that_is_asked(client):
    run = slices(rehearse(), 2)
    text = client.get(url(run)).content.decode()
    assert 'data-confirm="Sell everything at the next open, then stop?"' in text
    client.post(url(run, "/stop"), {"flatten": "1"})
    run = fresh(run)
    assert (run.status, run.flatten) == ("stopping", True)
    text = client.get(url(run)).content.decode()
    assert "Stop at once" in text
    assert "Stop and sell all" not in text
    client.post(url(run, "/stop"))
    assert not fresh(run).flatten
    assert slices(run).status == "stopped"


def test_stopping_is_no_matter_of_looking(client):
    run = make_run(status="running")
    assert client.get(url(run, "/stop")).status_code == 405
    assert fresh(run).status == "running"


@pytest.mark.parametrize(
    ("mode", "permission", "may"),
    [
        ("backtest", "runs.add_run", True),
        ("paper", "runs.add_run", True),
        ("live", "runs.add_run", False),
        ("live", "exchanges.change_account", True),
        ("paper", "exchanges.change_account", False),
        ("backtest", "runs.view_run", False),
    ],
)
def test_stopping_needs_what_starting_needs(staff, mode, permission, may):
    run = make_run(mode=mode, status="running")
    client = staff("runs.view_run", permission)
    assert ('id="stop"' in client.get(url(run)).content.decode()) == may
    assert client.post(url(run, "/stop")).status_code == (302 if may else 403)
    assert (fresh(run).stop_requested_at is not None) == may


# --- verify ----------------------------------------------------------------------------------


def test_a_run_is_verified_by_its_button(client):
    run = finished()
    assert "Verify" in client.get(url(run)).content.decode()
    for _ in range(2):
        answer = client.post(url(run, "/verify"), headers=HTMX)
        assert answer.status_code == 200
        text = answer.content.decode()
        assert "It waits for a worker" in text
        assert 'hx-trigger="every 1s"' in text
        assert "<button" not in text
    assert messages.count("jobs") == 1
    tasks.verify_run(run.pk)
    text = client.get(url(run, "/verify"), headers=HTMX).content.decode()
    assert "Identical, bit for bit" in text
    assert "every 1s" not in text
    assert "Verify again" in text
    assert "Identical, bit for bit" in client.get(url(run)).content.decode()
    text = client.post(url(run, "/verify"), headers=HTMX).content.decode()
    assert "Before that: identical, bit for bit, verified" in text


def test_what_differs_is_on_the_page(client):
    run = finished()
    Run.objects.filter(pk=run.pk).update(total_return=1.0)
    client.post(url(run, "/verify"))
    tasks.verify_run(run.pk)
    text = client.get(url(run, "/verify"), headers=HTMX).content.decode()
    assert "Not identical: the result changed" in text
    assert "total_return" in text


def test_a_run_without_a_result_is_not_verified(client):
    run = make_run(status="failed")
    assert 'id="verify"' not in client.get(url(run)).content.decode()
    answer = client.post(url(run, "/verify"), headers=HTMX)
    assert answer.status_code == 400
    assert "RUN_NOT_COMPLETED" in answer["HX-Trigger"]
    assert fresh(run).verification == {}


def test_who_may_only_look_verifies_nothing(staff):
    run = finished()
    client = staff("runs.view_run")
    assert 'id="verify"' not in client.get(url(run)).content.decode()
    assert client.post(url(run, "/verify"), headers=HTMX).status_code == 403
    assert fresh(run).verify_due_at is None
