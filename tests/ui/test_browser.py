"""The visitor of the other tests notices what it is there to notice."""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT

from tests.ui.browser import visit
from tests.ui.test_axe import RUN, TOO_WIDE

pytestmark = [pytest.mark.browser, pytest.mark.slow]

WRONG = {
    "console.warn('odd')": "odd",
    "setTimeout(() => { throw new Error('thrown') })": "thrown",
    "fetch('/ui/nowhere')": "404 GET",
    "fetch('https://evil.example/')": "content policy: connect-src",
    "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))":
        "content policy: script-src",
    "document.body.setAttribute('onclick', '1')": "content policy: script-src",
    "fetch('http://127.0.0.1:1/')": "content policy: connect-src",
}  # fmt: skip


@pytest.fixture
def stranger(chrome, server, transactional_db):
    found = visit(chrome, server)
    yield found
    found.page.context.close()


@pytest.mark.parametrize("script", WRONG)
def test_what_goes_wrong_on_a_page_is_noticed(stranger, script):
    stranger.open("/ui/login")
    stranger.check()
    stranger.page.evaluate(f"void ({script})")
    stranger.until(
        lambda: any(WRONG[script] in one for one in stranger.errors), f"{WRONG[script]} is noticed"
    )
    with pytest.raises(AssertionError):
        stranger.check()


def test_a_request_that_would_leave_the_machine_is_noticed(stranger):
    stranger.page.set_content("<img src='http://192.0.2.1/x.png'>", wait_until="commit")
    stranger.until(lambda: stranger.foreign, "the request")
    with pytest.raises(AssertionError):
        stranger.check()


def test_axe_and_the_measure_of_width_find_what_is_bad(stranger):
    page = stranger.open("/ui/login")
    page.evaluate(AXE_SCRIPT)
    assert page.evaluate(RUN)["violations"] == []
    assert page.evaluate(TOO_WIDE) == []
    page.evaluate(
        """() => {
          const [input, text] = ["input", "p"].map((name) => document.createElement(name));
          text.textContent = "Too wide and too pale";
          Object.assign(text.style, { width: "200vw", color: "#bbb" });
          document.querySelector("main").append(input, text);
        }"""
    )
    found = {violation["id"] for violation in page.evaluate(RUN)["violations"]}
    assert {"label", "color-contrast"} <= found
    assert "a page scrolls sideways" in page.evaluate(TOO_WIDE)
