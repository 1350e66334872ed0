"""A new run's form as its script makes it: symbols as chips, code that follows, suggestions."""

from __future__ import annotations

import pytest

from runs.models import Run
from tests.ui.browser import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def sent_symbols(visitor: Visitor) -> str:
    return visitor.page.locator("[name=symbols]").input_value()


def test_symbols_are_added_and_taken_away_by_keyboard_and_by_click(visitor):
    page = visitor.open("/ui/new")
    adding = page.get_by_label("Symbols", exact=True)
    adding.press_sequentially("et")
    options = page.locator("#symbols-known option")
    visitor.until(lambda: options.count() == 2, "suggestions")
    assert options.first.get_attribute("value") == "ETC/USDT"
    adding.fill("eth/usdt")
    adding.press("Enter")
    assert sent_symbols(visitor) == "BTC/USDT, ETH/USDT"
    visitor.until(
        lambda: "of each of 2 symbols" in page.locator("#outlook").inner_text(), "the outlook"
    )
    page.get_by_role("button", name="Remove BTC/USDT").click()
    assert sent_symbols(visitor) == "ETH/USDT"
    adding.fill("SOL/USDT,")
    assert sent_symbols(visitor) == "ETH/USDT, SOL/USDT"
    adding.press("Backspace")
    assert sent_symbols(visitor) == "ETH/USDT"
    adding.fill("ada/usdt")
    page.get_by_role("button", name="Start backtest").click()
    page.wait_for_url("**/ui/runs/*-*")
    assert Run.objects.get().symbols == ["ETH/USDT", "ADA/USDT"]


def test_the_code_follows_the_form_and_keeps_its_language(visitor):
    page = visitor.open("/ui/new")
    page.get_by_role("radio", name="Python").check()
    code = page.locator("#code-python")
    assert code.is_visible()
    assert not page.locator("#code-curl").is_visible()
    page.get_by_label("Stop loss").fill("2.5")
    visitor.until(lambda: "stop_loss=0.025" in code.inner_text(), "the code")
    page.get_by_role("radio", name="Replay").check()
    visitor.until(lambda: "start_live" in code.inner_text(), "the code of a replay")
    assert code.is_visible()
    assert page.get_by_label("Stop loss").input_value() == "2.5"


def test_a_double_click_starts_one_run(visitor):
    page = visitor.open("/ui/new")
    page.get_by_role("button", name="90 days").click()
    assert page.get_by_label("From").input_value()
    page.get_by_role("button", name="Start backtest").dblclick()
    page.wait_for_url("**/ui/runs/*-*")
    assert Run.objects.count() == 1


def test_who_comes_back_from_the_run_finds_what_was_typed(visitor):
    page = visitor.open("/ui/new?strategy=MacdTrend")
    page.get_by_label("Strategy").select_option("MovingAverageCross")
    slow = page.get_by_label("Slow period")
    visitor.until(lambda: slow.input_value() == "30", "the other strategy's fields")
    slow.fill("77")
    page.get_by_label("Stop loss").fill("2.5")
    page.get_by_role("button", name="Start backtest").click()
    page.wait_for_url("**/ui/runs/*-*")
    page.go_back()
    visitor.until(lambda: slow.input_value() == "77", "what was typed")
    assert page.get_by_label("Stop loss").input_value() == "2.5"
    assert "csrf" not in page.url
    assert "key=" not in page.url


def test_a_replay_is_given_its_speed_by_a_click(visitor):
    page = visitor.open("/ui/new?mode=replay")
    page.get_by_role("button", name="1 day", exact=True).click()
    assert page.get_by_label("Speed").input_value() == "86400"


def test_the_first_mistake_is_in_sight_with_its_message(visitor):
    page = visitor.open("/ui/new")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_label("Fast period").fill("50")
    page.get_by_role("button", name="Start backtest").click()
    message = page.locator(".mistake").first
    message.wait_for()
    bar = page.locator(".start").bounding_box()
    visitor.until(
        lambda: message.bounding_box()["y"] + message.bounding_box()["height"] <= bar["y"],
        "the message above the bar",
    )
