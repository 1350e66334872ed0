"""What all pages have: themes, the menu by keyboard, messages, and the link to the server."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.browser, pytest.mark.slow]

DARK = "document.documentElement.classList.contains('dark')"
# What the theme is at the moment there is something to paint.
FIRST_SEEN = """
new MutationObserver((_, observer) => {
  if (!document.body) return;
  window.darkAtFirst = document.documentElement.classList.contains("dark");
  observer.disconnect();
}).observe(document, { childList: true, subtree: true });
"""


def test_the_chosen_theme_is_kept_and_there_from_the_first_paint_on(visitor):
    visitor.page.add_init_script(FIRST_SEEN)
    page = visitor.open("/ui/")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Light or dark").click()
    assert page.evaluate(DARK) is True
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != light
    for path in ("/ui/", "/ui/runs"):
        visitor.open(path)
        assert page.evaluate("window.darkAtFirst") is True
    page.get_by_role("button", name="Light or dark").click()
    visitor.open("/ui/")
    assert page.evaluate("window.darkAtFirst") is False


def test_who_has_chosen_no_theme_gets_the_systems(visitor):
    visitor.page.emulate_media(color_scheme="dark")
    page = visitor.open("/ui/")
    assert page.evaluate(DARK) is True
    page.emulate_media(color_scheme="light")
    visitor.until(lambda: not page.evaluate(DARK), "light")


def test_the_frame_works_by_keyboard(visitor):
    page = visitor.open("/ui/")
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    assert skip.evaluate("e => e === document.activeElement")
    assert skip.bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    menu = page.locator("details.menu")
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    admin = page.get_by_role("link", name="Admin")
    assert admin.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('details.menu') !== null")
    page.keyboard.press("Escape")
    assert not admin.is_visible()
    assert menu.locator("summary").evaluate("e => e === document.activeElement")


def test_a_refusal_of_a_part_is_a_message_at_the_edge(visitor):
    visitor.expected.add(404)
    page = visitor.open("/ui/")
    page.evaluate("void htmx.ajax('GET', '/ui/strategies/Nothing', {target: 'main'})")
    toast = page.locator("#toasts .toast.error")
    toast.wait_for()
    assert toast.inner_text()
    assert page.locator("main h1").count() == 1


def test_what_is_written_into_an_address_is_text(visitor):
    visitor.expected |= {400, 404}
    for path in (
        "/ui/strategies/{}",
        "/ui/new?strategy={}",
        "/ui/runs?q={}",
        "/ui/compare?runs={}",
    ):
        page = visitor.open(path.format("<img src=x onerror=document.title='owned'>"))
        assert page.locator("img").count() == 0
        assert page.title() != "owned"
