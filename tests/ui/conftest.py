"""A visitor of pages that this process serves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser as Chrome

from tests.desk import Desk
from tests.emptying import deleted_only  # noqa: F401
from tests.runs.papers import desk  # noqa: F401
from tests.ui.browser import Visitor, chrome, visit  # noqa: F401
from tests.ui.serving import served


@pytest.fixture(scope="module")
def server(django_db_setup: None) -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def visitor(chrome: Chrome, server: str, desk: None) -> Iterator[Visitor]:  # noqa: F811
    """Nobody signed in; what goes wrong in the browser fails the test when it is over."""
    found = visit(chrome, server)
    yield found
    found.page.context.close()
    found.check()


@pytest.fixture(scope="package")
def whole_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """With workers and all, for what begins on an empty one and what follows."""
    home = tmp_path_factory.mktemp("home")
    workers = {"CRACKTRADER_JOB_WORKERS": "1", "CRACKTRADER_LIVE_WORKERS": "1"}
    with Desk(home, **workers) as running:
        yield running


@pytest.fixture
def guest(chrome: Chrome, whole_desk: Desk) -> Iterator[Visitor]:  # noqa: F811
    found = visit(chrome, whole_desk.url.removesuffix("/api/v1"))
    yield found
    found.page.context.close()
    found.check()


@pytest.fixture
def signed_in(visitor: Visitor, settings: Any, django_user_model: Any) -> Visitor:
    """A superuser, while authentication is on."""
    settings.AUTH = True
    django_user_model.objects.create_superuser("root", password="correct horse")
    page = visitor.open("/ui/login")
    page.get_by_label("Username").fill("root")
    page.get_by_label("Password").fill("correct horse")
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/ui/")
    return visitor
