"""Who gets to see what: every address of the desk, found by its pattern, whoever asks."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern

from cracktrader_site.ui.urls import urlpatterns
from tests.runs.factory import make_run
from tests.ui.addresses import FOR_EVERYBODY, address

pytestmark = pytest.mark.django_db

# They compute and keep nothing; the API asks for no more.
READS_BY_POST = {"strategy_check"}
SECRET = "correct horse battery staple"


EVERY = [pytest.param(address(p), id=str(p.name)) for p in urlpatterns]
PAGES = [pytest.param(address(p), id=p.name) for p in urlpatterns if p.name not in FOR_EVERYBODY]
every_address = pytest.mark.parametrize("path", EVERY)
every_page = pytest.mark.parametrize("path", PAGES)


@pytest.fixture
def auth(settings: Any) -> None:
    settings.AUTH = True


def staff(*permissions: str, **fields: Any) -> Client:
    fields = {"username": "ann", "is_staff": True} | fields
    user = User.objects.create_user(password=SECRET, **fields)
    for permission in permissions:
        app, name = permission.split(".")
        found = Permission.objects.get(content_type__app_label=app, codename=name)
        user.user_permissions.add(found)
    client = Client()
    client.force_login(user)
    return client


def allowed(client: Client, path: str) -> set[str]:
    answer = client.generic("PATCH", path)
    assert answer.status_code == 405, answer.status_code
    return {method.strip() for method in answer["Allow"].split(",")}


def directives(answer: HttpResponse) -> dict[str, list[str]]:
    parts = (part.split() for part in answer["Content-Security-Policy"].split(";"))
    return {name: sources for name, *sources in parts}


def test_there_are_pages_at_all():
    names = {pattern.name for pattern in urlpatterns}
    assert names > FOR_EVERYBODY
    assert {"home", "runs", "run", "new", "compare", "strategies", "data", "venues"} < names
    assert all(isinstance(pattern, URLPattern) for pattern in urlpatterns)


# --- nobody ----------------------------------------------------------------------------------


@every_page
def test_who_is_not_signed_in_is_sent_to_the_sign_in_and_back(path, auth, client):
    answer = client.get(path, {"of": "life"})
    assert answer.status_code == 302
    wanted = f"{path}?of=life".replace("/", "%2F").replace("?", "%3F").replace("=", "%3D")
    assert answer["Location"] == f"/ui/login?next={wanted}"
    # What a form would have done is not done by the way back.
    answer = client.post(path)
    assert answer["Location"] in ("/ui/login?next=%2Fui%2F", "/ui/login?next=/ui/")


@every_page
def test_a_part_of_a_page_sends_the_whole_page_to_the_sign_in(path, auth, client):
    here = "http://testserver/ui/runs?mode=paper"
    answer = client.get(path, headers={"HX-Request": "true", "HX-Current-URL": here})
    assert answer["HX-Redirect"] == "/ui/login?next=%2Fui%2Fruns%3Fmode%3Dpaper"
    assert b"<html" not in answer.content


@every_page
@pytest.mark.parametrize("fields", [{"is_staff": False}, {"is_active": False}])
def test_who_is_not_staff_is_nobody(path, fields, auth):
    answer = staff(is_superuser=True, **fields).get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/ui/login?")


# --- staff -----------------------------------------------------------------------------------


@every_page
def test_staff_without_permission_are_told_so(path, auth):
    client = staff()
    for method in allowed(client, path) - {"HEAD"}:
        answer = client.generic(method, path)
        assert answer.status_code == 403, method
        assert b"lacks the permission" in answer.content
        part = client.generic(method, path, headers={"HX-Request": "true"})
        assert part.status_code == 403
        assert "PERMISSION_DENIED" in part["HX-Trigger"]


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: pattern.name)
def test_who_may_only_read_changes_nothing(pattern, auth):
    if pattern.name in FOR_EVERYBODY | READS_BY_POST:
        return
    run = make_run(status="running", mode="paper")
    client, path = staff("runs.view_run"), address(pattern, run_id=run.public_id)
    if "POST" in allowed(client, path):
        assert client.post(path).status_code == 403
    run.refresh_from_db()
    assert run.stop_requested_at is None


@every_page
def test_what_does_not_exist_is_said_to_be_missing_and_never_an_error_of_the_server(path):
    client = Client()
    for method in allowed(client, path):
        answer = client.generic(method, path)
        assert answer.status_code < 500, (method, answer.status_code)


# --- every request ---------------------------------------------------------------------------


@every_address
@pytest.mark.parametrize("signs_in", [False, True])
def test_a_change_needs_the_token_of_a_page(path, signs_in, settings):
    settings.AUTH = signs_in
    client = Client(enforce_csrf_checks=True)
    if signs_in:
        client.force_login(User.objects.create_superuser("root"))
    assert client.post(path).status_code == 403
    assert client.post(path, headers={"HX-Request": "true"}).status_code == 403
    client.get("/ui/login")
    token = {"X-CSRFToken": client.cookies["csrftoken"].value}
    foreign = token | {"Origin": "https://evil.example"}
    assert client.post(path, headers=foreign).status_code == 403


@every_page
def test_other_methods_are_refused(path):
    client = Client()
    can = allowed(client, path)
    assert can <= {"GET", "HEAD", "POST"}
    for method in {"GET", "POST", "PUT", "DELETE", "OPTIONS"} - can:
        assert client.generic(method, path).status_code == 405, method


@every_address
@pytest.mark.parametrize("signs_in", [False, True])
def test_no_answer_lets_a_script_run_that_is_not_a_file_of_ours(path, signs_in, settings):
    settings.AUTH = signs_in
    for client in (Client(), staff(is_superuser=True)):
        for answer in (client.get(path), client.post(path), client.generic("PATCH", path)):
            policy = directives(answer)
            assert policy["default-src"] == ["'none'"]
            assert policy["frame-ancestors"] == ["'none'"]
            if answer["Content-Type"].startswith("text/html"):
                assert policy["script-src"] == ["'self'"]
                assert policy["object-src"] == ["'none'"]
            else:
                assert "script-src" not in policy


@every_page
def test_nobody_keeps_what_is_on_a_page(path):
    client = Client()
    can = allowed(client, path)
    answer = client.get(path) if "GET" in can else client.post(path)
    kept = {part.strip() for part in answer["Cache-Control"].split(",")}
    assert "no-store" in kept or {"private", "no-cache"} <= kept
