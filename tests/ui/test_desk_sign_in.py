"""Signing in and out in a browser: who is kept out, and where one gets to."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import Permission, User

from tests.ui.browser import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME, PASSWORD = "ann", "correct horse battery staple"


@pytest.fixture(autouse=True)
def ann(settings, transactional_db) -> User:
    settings.AUTH = True
    return User.objects.create_superuser(NAME, password=PASSWORD)


def sign_in(visitor: Visitor, password: str = PASSWORD, name: str = NAME) -> None:
    visitor.page.get_by_label("Username").fill(name)
    visitor.page.get_by_label("Password").fill(password)
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.wait_for_load_state()


def here(visitor: Visitor) -> str:
    parts = urlsplit(visitor.page.url)
    assert f"{parts.scheme}://{parts.netloc}" == visitor.url
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def test_who_is_not_signed_in_signs_in_and_gets_where_he_wanted(visitor):
    page = visitor.open("/ui/runs?mode=paper")
    assert here(visitor).startswith("/ui/login?next=")
    assert page.get_by_role("link", name="Runs", exact=True).count() == 0
    sign_in(visitor)
    assert here(visitor) == "/ui/runs?mode=paper"
    assert page.get_by_role("link", name="Runs", exact=True).get_attribute("aria-current") == "page"


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example/ui/", r"/\evil.example", "javascript:x"]
)
def test_nobody_is_sent_off_the_desk_by_a_link_to_its_sign_in(visitor, elsewhere):
    visitor.open(f"/ui/login?next={elsewhere}")
    sign_in(visitor)
    assert here(visitor) == "/ui/"


def test_a_wrong_password_is_told_and_the_name_stays(visitor):
    page = visitor.open("/ui/login")
    sign_in(visitor, "guess")
    assert "No staff user has this name and password" in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Username").input_value() == NAME
    assert page.get_by_label("Password").input_value() == ""
    sign_in(visitor)
    assert here(visitor) == "/ui/"


def test_who_guesses_too_often_waits_even_with_the_password(visitor, settings):
    settings.AXES_FAILURE_LIMIT = 3
    visitor.expected.add(429)
    page = visitor.open("/ui/login")
    for _ in range(3):
        sign_in(visitor, "guess")
    assert page.get_by_text("Try again in").is_visible()
    visitor.picture("locked-out")
    visitor.open("/ui/login")
    sign_in(visitor)
    assert page.get_by_text("Try again in").is_visible()
    visitor.open("/ui/")
    assert here(visitor).startswith("/ui/login")


def test_who_signs_out_has_to_sign_in_again(visitor):
    page = visitor.open("/ui/login")
    sign_in(visitor)
    page.get_by_label("More").click()
    assert page.get_by_text(NAME, exact=True).is_visible()
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("Password").wait_for()
    visitor.open("/ui/runs")
    assert here(visitor) == "/ui/login?next=%2Fui%2Fruns"


def test_a_page_left_open_leads_to_the_sign_in_when_the_session_ends(visitor, ann):
    page = visitor.open("/ui/login?next=/ui/runs")
    sign_in(visitor)
    # What is asked for while a page still comes is lost with the one before.
    page.wait_for_url("**/ui/runs", wait_until="load")
    ann.set_password("another")
    ann.save()
    # Later, for it leads elsewhere, and takes with it whoever waits for an answer here.
    ask = "htmx.ajax('GET', '/ui/health', {target: '#main', swap: 'none'})"
    page.evaluate(f"void setTimeout(() => {ask}, 200)")
    page.wait_for_url("**/ui/login?next=*runs")


def test_staff_who_may_only_look_are_not_offered_a_start(visitor, ann):
    ann.is_superuser, ann.is_staff = False, True
    ann.save()
    ann.user_permissions.add(Permission.objects.get(codename="view_run"))
    page = visitor.open("/ui/login")
    sign_in(visitor)
    assert page.get_by_role("heading", level=1).is_visible()
    assert page.get_by_role("link", name="New run").count() == 0
    assert page.get_by_role("button", name="Start").count() == 0
    visitor.expected.add(403)
    visitor.open("/ui/new")
    assert page.get_by_text("lacks the permission").is_visible()


def test_staff_without_any_permission_are_told_whom_to_ask(visitor, ann):
    ann.is_superuser, ann.is_staff = False, True
    ann.save()
    visitor.expected.add(403)
    page = visitor.open("/ui/login")
    sign_in(visitor)
    assert page.get_by_role("main").get_by_text("lacks the permission runs.view_run").is_visible()
    assert page.get_by_role("link", name="Runs", exact=True).count() == 0
    visitor.picture("no-permission")
