"""Every page in a browser that obeys the content policy: what is needed works, the rest is dead."""

# ruff: noqa: F811

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import reverse

from runs.models import Run
from tests.runs.factory import make_run
from tests.runs.finished import finished
from tests.runs.test_admin_browser import browser, chrome, drawn  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.slow]

INJECTED = "<script>document.title='owned'</script><b onclick=\"document.title='owned'\">x</b>"
# Redoc's footer asks for its maker's logo; the policy says no.
LOGO = "https://cdn.redoc.ly/"


def pages() -> list[str]:
    """Every list of the admin, and every form that adds."""
    request = RequestFactory().get("/")
    request.user = User(is_superuser=True, is_staff=True, is_active=True)
    found = [reverse("admin:index"), reverse("admin:password_change")]
    for model, of_admin in admin.site._registry.items():
        name = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        found.append(reverse(f"{name}_changelist"))
        if of_admin.has_add_permission(request):
            found.append(reverse(f"{name}_add"))
    return found


def without_logo(found: list[Any]) -> list[Any]:
    return [one for one in found if LOGO not in str(one)]


@pytest.mark.parametrize("every", [3, pytest.param(1, marks=pytest.mark.long)])
def test_no_page_needs_more_than_the_policy_allows(browser, every):
    paths = pages()
    assert len(paths) > 25
    for path in paths[::every]:
        browser.open(path)
        assert browser.page.evaluate("typeof Alpine") == "object"
        # Chromium asks for an icon once, whatever the page.
        browser.errors = [one for one in browser.errors if "favicon.ico" not in one]
        assert browser.errors == [], path
    run = finished()
    drawn(browser.open(f"/admin/runs/run/{run.pk}/change/"), 2)
    browser.open("/api/v1/docs").wait_for_selector(".opblock")
    browser.open("/api/v1/redoc").wait_for_selector("[data-section-id]")
    assert without_logo(browser.errors) == []
    assert without_logo(browser.foreign) == []


def test_a_script_written_into_a_page_is_dead(browser):
    page = browser.open("/admin/")
    page.evaluate(
        """html => {
          const range = document.createRange();
          document.body.append(range.createContextualFragment(html));
          document.querySelector('b[onclick]').click();
        }""",
        INJECTED,
    )
    page.evaluate(
        """() => {
          const script = document.createElement('script');
          script.src = 'https://evil.example/x.js';
          document.body.append(script);
          const link = document.createElement('a');
          link.href = "javascript:document.title='owned'";
          document.body.append(link);
          link.click();
        }"""
    )
    page.wait_for_timeout(200)
    assert page.title() != "owned"
    said = " ".join(browser.errors)
    assert said.count("Content Security Policy") >= 3
    assert "evil.example" in said


def test_what_runs_are_called_and_fail_of_is_text(browser):
    run = make_run(status=Run.Status.FAILED, strategy_name=INJECTED, error_code="X", error=INJECTED)
    for path in ("/admin/", "/admin/runs/run/", f"/admin/runs/run/{run.pk}/change/"):
        page = browser.open(path)
        assert page.get_by_text("document.title='owned'").count() >= 1
        assert page.locator("b[onclick]").count() == 0
        assert page.title() != "owned"
    browser.check()
