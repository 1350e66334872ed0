"""Staff in the admin as callers of the API: what they see and may, and that nobody is them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from cracktrader_site.api import keys
from cracktrader_site.api.models import AuditEntry
from exchanges.services import sync_exchanges
from runs.examples import BACKTEST_BODY
from runs.models import Run
from strategies.services import sync_strategies
from tests.runs.factory import make_run
from tests.site.api import API, error, strict_json

GOOD = BACKTEST_BODY | {"exchange": "simulated"}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def auth(settings: Any) -> None:
    settings.AUTH = True


def somebody(*permissions: str, **fields: Any) -> User:
    fields = {"username": "ann", "is_staff": True} | fields
    user = User.objects.create_user(password="x", **fields)
    for name in permissions:
        app, codename = name.split(".")
        user.user_permissions.add(
            Permission.objects.get(content_type__app_label=app, codename=codename)
        )
    return user


def at_work(user: User) -> tuple[Client, dict[str, str]]:
    """A browser logged in to the admin, and the header with its page's token."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)
    page = client.get("/admin/")
    token = page.context["csrf_token"]
    assert client.cookies["csrftoken"].value
    return client, {"X-CSRFToken": str(token)}


def post(client: Client, path: str, body: Any = None, **headers: str) -> Any:
    content = json.dumps(body or {})
    return client.post(API + path, content, content_type="application/json", headers=headers)


def test_staff_see_every_run_and_may_start_one():
    sync_exchanges()
    sync_strategies()
    others = make_run(status="completed", owner="0123456789ab")
    client, token = at_work(somebody(is_superuser=True))
    seen = strict_json(client.get(f"{API}/runs").content)["runs"]
    assert [row["run_id"] for row in seen] == [str(others.public_id)]
    assert client.get(f"{API}/runs/{others.public_id}").status_code == 200
    started = post(client, "/run/backtest", GOOD, **token)
    assert started.status_code == 200, started.content
    assert Run.objects.get(public_id=started.json()["run_id"]).owner.startswith("user:")
    told = strict_json(client.get(f"{API}/meta").content)["caller"]
    assert told["name"] == "admin:ann"
    assert told["key_prefix"] is None


def test_without_a_name_staff_speak_of_their_own_newest_run():
    client, token = at_work(somebody(is_superuser=True))
    mine = make_run(status="running", mode="paper", owner=f"user:{User.objects.get().pk}")
    theirs = make_run(status="running", mode="paper", owner="0123456789ab")
    nobodys = make_run(status="running", mode="paper")
    assert strict_json(client.get(f"{API}/status").content)["run_id"] == str(mine.public_id)
    assert post(client, "/run/stop", **token).json()["run_id"] == str(mine.public_id)
    Run.objects.filter(pk=mine.pk).update(status="stopped")
    assert client.delete(f"{API}/run/reset", headers=token).status_code == 200
    assert post(client, "/run/stop", **token).json()["run_id"] is None
    for run in (theirs, nobodys):
        run.refresh_from_db()
        assert run.stop_requested_at is None
    stopped = post(client, "/run/stop", {"run_id": str(theirs.public_id)}, **token)
    assert stopped.json()["run_id"] == str(theirs.public_id)


def test_two_of_the_staff_may_use_one_idempotency_key():
    sync_exchanges()
    sync_strategies()
    started = set()
    for name in ("ann", "bob"):
        client, token = at_work(somebody(username=name, is_superuser=True))
        for _ in range(2):
            answer = post(client, "/run/backtest", GOOD, **token, **{"Idempotency-Key": "monday"})
            started.add(answer.json()["run_id"])
    assert len(started) == Run.objects.count() == 2


def test_a_cookie_without_its_pages_token_changes_nothing():
    run = make_run(status="running", mode="paper")
    client, token = at_work(somebody(is_superuser=True))
    for headers in ({}, {"X-CSRFToken": "x" * 64}, {"X-CSRFToken": ""}):
        found = error(post(client, f"/run/stop?run_id={run.public_id}", **headers), 403)
        assert found["code"] == "CSRF_FAILED"
        assert "X-CSRFToken" in found["message"]
    error(client.delete(f"{API}/run/reset"), 403, "CSRF_FAILED")
    assert Run.objects.get().stop_requested_at is None
    assert post(client, f"/run/stop?run_id={run.public_id}", **token).status_code == 200


def test_permissions_stand_for_scopes():
    client, token = at_work(somebody("runs.view_run"))
    assert client.get(f"{API}/runs").status_code == 200
    found = error(post(client, "/run/backtest", GOOD, **token), 403, "PERMISSION_DENIED")
    assert found["details"] == {"needed": ["backtest"], "scopes": ["read"]}
    error(post(client, "/accounts/1/kill", **token), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("permission", "scopes"),
    [
        ("runs.add_run", ["backtest", "paper"]),
        ("exchanges.change_account", ["live"]),
    ],
)
def test_each_scope_has_its_permission(permission, scopes):
    client, _ = at_work(somebody(permission))
    assert strict_json(client.get(f"{API}/meta").content)["caller"]["scopes"] == scopes


@pytest.mark.parametrize("fields", [{"is_staff": False}, {"is_active": False}])
def test_who_is_not_staff_is_nobody(fields):
    user = somebody(is_superuser=True, **fields)
    client = Client()
    client.force_login(user)
    error(client.get(f"{API}/status"), 401, "NOT_AUTHENTICATED")


def test_a_cookie_does_not_make_a_bad_key_good():
    client, _ = at_work(somebody(is_superuser=True))
    for presented in ("Bearer nonsense", "Basic eDp5", ""):
        answer = client.get(f"{API}/status", headers={"Authorization": presented})
        error(answer, 401, "NOT_AUTHENTICATED")


def test_a_key_counts_even_where_there_is_a_cookie():
    client, _ = at_work(somebody(is_superuser=True))
    make_run(status="completed")
    _, text = keys.create("reader", ["read"], "command")
    key = {"Authorization": f"Bearer {text}"}
    assert strict_json(client.get(f"{API}/runs", headers=key).content)["runs"] == []
    # And needs no token of a page.
    error(post(client, "/run/stop", **key), 403, "PERMISSION_DENIED")


def test_a_session_that_was_ended_is_one_no_more():
    user = somebody(is_superuser=True)
    client, _ = at_work(user)
    user.set_password("another")
    user.save()
    error(client.get(f"{API}/status"), 401, "NOT_AUTHENTICATED")


def test_requests_with_a_key_ask_nothing_about_sessions(django_assert_max_num_queries):
    _, text = keys.create("reader", ["read"], "command")
    Client().get(f"{API}/runs", headers={"Authorization": f"Bearer {text}"})
    with CaptureQueriesContext(connection) as asked:
        Client().get(f"{API}/runs", headers={"Authorization": f"Bearer {text}"})
    assert not [q for q in asked if "django_session" in q["sql"] or "auth_user" in q["sql"]]


def test_while_authentication_is_off_sessions_are_not_looked_at(settings):
    settings.AUTH = False
    client, _ = at_work(somebody("runs.view_run"))
    with CaptureQueriesContext(connection) as asked:
        assert post(client, "/run/stop").status_code == 200
    assert not [q for q in asked if "django_session" in q["sql"]]
    assert not AuditEntry.objects.filter(who="admin:ann", action="live.started").exists()


# --- health, which is for everybody ----------------------------------------------------------


def health(**headers: str) -> Any:
    answer = Client().get(f"{API}/health", headers=headers)
    assert answer.status_code == 200
    return strict_json(answer.content)


def test_strangers_learn_how_the_desk_is_and_nothing_of_what_it_does():
    make_run(status="running", owner="0123456789ab")
    _, blind = keys.create("blind", ["paper"], "command")
    staff, _ = at_work(somebody(is_superuser=True))
    cases: list[tuple[Client, dict[str, str]]] = [
        (Client(), {}),
        (Client(), {"Authorization": "Bearer x"}),
        (Client(), {"Authorization": f"Bearer {blind}"}),
        # A cookie makes no bad key good.
        (staff, {"Authorization": "Bearer x"}),
    ]
    for client, headers in cases:
        told = strict_json(client.get(f"{API}/health", headers=headers).content)
        assert told["metrics"] == {}
        assert {check["message"] for check in told["checks"].values()} == {""}
        assert {check["status"] for check in told["checks"].values()} <= {"ok", "degraded", "error"}


def test_who_may_read_learns_all_of_it(settings):
    make_run(status="running", owner="0123456789ab")
    _, text = keys.create("reader", ["read"], "command")
    client, _ = at_work(somebody(is_superuser=True))
    full = [
        health(Authorization=f"Bearer {text}"),
        strict_json(client.get(f"{API}/health").content),
    ]
    settings.AUTH = False
    for told in (*full, health()):
        assert told["metrics"]["runs_running"] == 1
        assert told["checks"]["disk"]["message"]
