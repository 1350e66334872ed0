"""Pictures of every page, on a desktop and a phone, light and dark: `make tour` takes them.

They are put into the folder CRACKTRADER_TEST_PICTURES, a file `<page>-<size>-<theme>.png` each.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.runs.lives import wire  # noqa: F401
from tests.ui.browser import DESKTOP, PHONE, Visitor
from tests.ui.filled import fill

pytestmark = pytest.mark.browser

SIZES = {"desktop": DESKTOP, "phone": PHONE}
ONLY = [name for name in os.environ.get("CRACKTRADER_TOUR", "").split(",") if name]


def take(visitor: Visitor, pages: dict[str, str]) -> None:
    for name, path in pages.items():
        if ONLY and not name.startswith(tuple(ONLY)):
            continue
        visitor.resize(DESKTOP)
        visitor.dress(dark=False)
        visitor.open(path)
        visitor.settle()
        for size, (width, height) in SIZES.items():
            visitor.resize((width, height))
            _see_all(visitor)
            for theme in ("light", "dark"):
                visitor.dress(dark=theme == "dark")
                # All of it in the window, or what sticks to an edge would be in the middle.
                visitor.resize((width, visitor.page.evaluate("document.body.scrollHeight")))
                visitor.page.wait_for_timeout(300)
                visitor.picture(f"{name}-{size}-{theme}")


def _see_all(visitor: Visitor) -> None:
    """Scrolls through the page, for what is drawn and fetched as it comes into view."""
    for _ in range(40):
        at_end = visitor.page.evaluate(
            "(scrollBy(0, innerHeight / 2), scrollY + innerHeight + 2 > document.body.scrollHeight)"
        )
        visitor.page.wait_for_timeout(80)
        if at_end:
            break
    visitor.settle()
    charts = visitor.page.locator(".chart")
    drawn = visitor.page.locator(".chart[data-drawn], .chart[data-failed]")
    visitor.until(lambda: drawn.count() == charts.count(), "all charts")
    visitor.page.evaluate("scrollTo(0, 0)")


@pytest.fixture(autouse=True)
def folder() -> None:
    if not os.environ.get("CRACKTRADER_TEST_PICTURES"):
        pytest.fail("CRACKTRADER_TEST_PICTURES names the folder for the pictures")
    Path(os.environ["CRACKTRADER_TEST_PICTURES"]).mkdir(parents=True, exist_ok=True)


def test_an_empty_desk(visitor: Visitor) -> None:
    visitor.expected |= {400, 404}
    states = {"empty-home": "/ui/", "empty-runs": "/ui/runs", "empty-data": "/ui/data"}
    take(visitor, states | {"empty-accounts": "/ui/accounts", "problem": "/ui/strategies/Nothing"})
    visitor.expected.add(404)
    take(visitor, {"nowhere": "/ui/nowhere"})


def test_a_desk_at_work(signed_in: Visitor, wire, tmp_path: Path) -> None:  # noqa: F811
    signed_in.expected |= {400}
    desk = fill(wire, tmp_path, long=True)
    take(signed_in, desk.pages())
    signed_in.page.context.clear_cookies()
    take(signed_in, {"sign-in": "/ui/login"})
