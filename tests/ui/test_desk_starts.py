"""The form of a new run in a browser: its mistakes, by keyboard alone, and once more."""

from __future__ import annotations

import re

import pytest

from runs.models import Run
from tests.runs.finished import finished
from tests.ui.browser import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def submit(visitor: Visitor) -> None:
    visitor.page.get_by_role("button", name="Start", exact=False).click()
    visitor.page.wait_for_load_state()


def mistake_at(visitor: Visitor, label: str) -> str:
    """The message that goes with the field, as somebody who hears the page is told it."""
    field = visitor.page.get_by_label(label)
    assert field.get_attribute("aria-invalid") == "true"
    named = (field.get_attribute("aria-describedby") or "").split()
    messages = [visitor.page.locator(f"[id='{name}'].mistake") for name in named]
    (message,) = [m for m in messages if m.count()]
    assert message.is_visible()
    return message.inner_text()


def test_mistakes_stand_at_their_fields_and_what_was_typed_stays(visitor):
    page = visitor.open("/ui/new")
    page.get_by_label("Slow period").fill("1")
    page.get_by_label("From").fill("2024-02-01T00:00")
    page.get_by_label("Until").fill("2024-01-01T00:00")
    page.get_by_label("Cash", exact=True).fill("-5")
    page.get_by_label("Stop loss").fill("7")
    submit(visitor)
    assert page.get_by_role("alert").first.is_visible()
    assert mistake_at(visitor, "Slow period")
    assert page.get_by_label("Slow period").input_value() == "1"
    assert page.get_by_label("Stop loss").input_value() == "7"
    assert page.get_by_label("From").input_value().startswith("2024-02-01")
    assert not Run.objects.exists()
    visitor.picture("mistakes")

    page.get_by_label("Slow period").fill("25")
    page.get_by_label("Cash", exact=True).fill("5000")
    page.get_by_label("Until").fill("2024-03-01T00:00")
    submit(visitor)
    page.wait_for_url("**/ui/runs/*-*")
    run = Run.objects.get()
    assert run.request["strategy_params"]["slow_period"] == 25
    assert run.request["stop_loss"] == pytest.approx(0.07)


def test_a_run_is_started_by_keyboard_alone(visitor):
    page = visitor.open("/ui/")
    focused = "document.activeElement"

    def tab_to(what: str) -> None:
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(f"{focused}.matches({what!r})"):
                outline = page.evaluate(
                    f"(s => s.outlineStyle + s.boxShadow)(getComputedStyle({focused}))"
                )
                assert outline != "nonenone", what
                return
        raise AssertionError(f"Tab does not reach {what}")

    tab_to("a[href='/ui/new']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/new")
    tab_to("[name=strategy_name]")
    chosen = page.get_by_label("Strategy")
    while chosen.input_value() != "BuyAndHold":
        # Each choice brings other fields, and must leave the focus where it is.
        assert chosen.evaluate("e => e === document.activeElement")
        page.keyboard.press("ArrowUp")
        shown = page.get_by_role("heading", name=chosen.input_value(), exact=True)
        visitor.until(shown.count, "its fields")
        visitor.settle()
    tab_to("[name=timeframe]")
    page.keyboard.type("4h")
    tab_to("[name=initial_cash]")
    page.keyboard.press("Control+A")
    page.keyboard.type("777")
    tab_to("button[type=submit]")
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/runs/*-*")
    run = Run.objects.get()
    assert (run.strategy_name, run.timeframe, run.initial_cash) == ("BuyAndHold", "4h", 777)


def test_another_strategy_brings_its_own_fields_and_loses_nothing_typed(visitor):
    page = visitor.open("/ui/new")
    page.get_by_label("Cash", exact=True).fill("4321")
    page.get_by_label("Strategy").select_option("BollingerReversion")
    visitor.until(lambda: page.get_by_role("heading", name="BollingerReversion").count(), "fields")
    assert page.get_by_label("Slow period").count() == 0
    assert page.get_by_label("Cash", exact=True).input_value() == "4321"


def test_a_run_is_run_again_with_a_change(visitor):
    first = finished(stop_loss=0.05, end_date="2024-01-20T00:00:00Z")
    page = visitor.open(f"/ui/runs/{first.public_id}")
    page.get_by_role("link", name="Run again with changes").click()
    page.wait_for_url(re.compile("/ui/new[?]again="))
    assert page.get_by_label("Stop loss").input_value() == "5"
    page.get_by_label("Fast period").fill("6")
    submit(visitor)
    page.wait_for_url("**/ui/runs/*-*")
    again = Run.objects.exclude(pk=first.pk).get()
    assert again.request["strategy_params"] == {"fast_period": 6, "slow_period": 20}
    same = ("symbols", "timeframe", "start_date", "end_date", "stop_loss", "exchange")
    assert {n: again.request[n] for n in same} == {n: first.request[n] for n in same}
