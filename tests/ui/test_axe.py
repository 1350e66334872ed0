"""Every page by axe, in both themes and on both sizes: no violation, nothing wider than a phone.

With the suite each page wears one of the four looks, in turn; with `make test-long` all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from django.test import Client
from django.urls import resolve

from cracktrader_site.ui.urls import urlpatterns
from tests.runs.lives import wire  # noqa: F401
from tests.ui.addresses import FOR_EVERYBODY, address
from tests.ui.browser import DESKTOP, PHONE, Visitor
from tests.ui.filled import EMPTY_PAGES, Filled, fill

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN = f"axe.run({{runOnly: {RULES}, resultTypes: ['violations']}})"
SMALLEST = (320, 640)
LOOKS = [(DESKTOP, False), (PHONE, True), (DESKTOP, True), (PHONE, False)]

# What is wider than its page, of what is not scrolled in a box of its own.
TOO_WIDE = """() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  const boxed = (e) => e.closest(".scroll, .js-plotly-plot, pre, .links, .skip, .unseen");
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > width + 1 && !boxed(e.parentElement))
    .map((e) => `${e.tagName} ${e.className} ${Math.round(e.getBoundingClientRect().right)}`)
    .slice(0, 5).concat("a page scrolls sideways");
}"""


def faults(visitor: Visitor, pages: Iterable[tuple[str, str]], each: int = 1) -> list[str]:
    """All that is wrong on these pages, each in so many looks; a line each."""
    found: list[str] = []
    page, turns = visitor.page, itertools.cycle(LOOKS)
    for name, path in pages:
        visitor.resize(DESKTOP)
        visitor.open(path)
        visitor.settle()
        page.evaluate(AXE_SCRIPT)
        for size, dark in itertools.islice(turns, each):
            visitor.resize(size)
            visitor.dress(dark=dark)
            page.wait_for_timeout(50)
            for violation in page.evaluate(RUN)["violations"]:
                nodes = [f"{n['target']} {n['html'][:120]}" for n in violation["nodes"]][:4]
                found.append(f"{name} {size[0]} {dark=} {violation['id']}: {nodes}")
        for size in (PHONE, SMALLEST):
            visitor.resize(size)
            # Charts follow a little later.
            for _ in range(20):
                wide = page.evaluate(TOO_WIDE)
                if not wide:
                    break
                page.wait_for_timeout(100)
            found += [f"{name} {size[0]} {one}" for one in wide]
        found += [f"{name} {one}" for one in visitor.errors]
        visitor.errors.clear()
    return found


@pytest.fixture
def filled(wire, tmp_path) -> Filled:  # noqa: F811
    return fill(wire, tmp_path)


def test_an_empty_desk_can_be_read_by_everybody(visitor):
    visitor.expected |= {400, 403, 404}
    pages = {name: EMPTY_PAGES[name] for name in ("home", "runs", "data", "accounts")}
    pages |= {"problem": "/ui/runs/00000000-0000-0000-0000-000000000000"}
    pages |= {"nowhere": "/ui/nowhere", "sign-in": "/ui/login"}
    found = faults(visitor, pages.items())
    assert not found, "\n".join(found)


@pytest.mark.parametrize("each", [1, pytest.param(len(LOOKS), marks=pytest.mark.long)])
def test_a_desk_at_work_can_be_read_by_everybody(filled, signed_in, each):
    signed_in.expected |= {400}
    found = faults(signed_in, filled.pages().items(), each)
    assert not found, "\n".join(found)


def test_every_page_is_among_those_that_are_looked_at(filled, admin_client):
    client: Client = admin_client
    looked_at = {resolve(path.partition("?")[0]).url_name for path in filled.pages().values()}
    known = {
        "run_id": filled.one.public_id,
        "account_id": filled.account.public_id,
        "number": filled.series.pk,
        "sweep_id": filled.sweeps["grid"].public_id,
    }
    for pattern in urlpatterns:
        if pattern.name in FOR_EVERYBODY | looked_at:
            continue
        path = address(pattern, **known)
        answer = client.get(path)
        is_file = answer.get("Content-Disposition", "").startswith("attachment")
        if answer.streaming:
            # Read to its end, it is closed.
            b"".join(answer.streaming_content)
        if answer.status_code == 200 and not is_file:
            assert b"<html" not in answer.content, f"{pattern.name} is a page of its own"
