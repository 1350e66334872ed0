"""A sweep from its form to a trial's own run in a browser, on a whole desk with workers and all."""

from __future__ import annotations

import re

import pytest

from tests.ui.browser import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.slow]


def status(visitor: Visitor) -> str:
    return visitor.page.locator("h1 .badge").inner_text()


def test_a_sweep_is_asked_for_watched_and_its_best_trial_run(guest, whole_desk):
    page = guest.open("/ui/sweeps/new?strategy=MovingAverageCross")
    page.get_by_label("From", exact=True).last.fill("2024-01-01T00:00")
    page.get_by_label("Until").fill("2024-03-01T00:00")
    fast = page.get_by_role("group", name="Fast period")
    fast.get_by_label("List").check()
    assert fast.get_by_label("From").is_hidden()
    fast.get_by_label("Values of Fast period").fill("3, 5, 8, 12")
    count = page.locator("#outlook .count")
    guest.until(lambda: count.inner_text() == "36 trials", "the count follows what is typed")
    assert '"fast_period": [3, 5, 8, 12]' in page.locator("#code-curl").inner_text()
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile("/ui/sweeps/[0-9a-f-]{36}$"))
    sweep_id = page.url.rpartition("/")[2]
    guest.until(lambda: status(guest) == "completed", "the sweep's end", 60)

    told = whole_desk.http.get(f"/sweeps/{sweep_id}").json()
    assert told["trials_total"] == 36
    guest.until_drawn(1)
    best = page.locator("#picked")
    assert f"#{told['best']['number']}" in best.inner_text()
    assert page.locator("#verdict").is_visible()
    guest.settle()

    # A click on the map shows the trial there.
    box = page.locator("#map .nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 8, box["y"] + 8)
    guest.until(lambda: "Trial" in best.locator("h2").inner_text(), "the trial of the cell")
    assert re.search(r"fast_period\s+3\b", best.inner_text())

    # And by the keyboard alone.
    page.get_by_text("The map as a table").focus()
    page.keyboard.press("Enter")
    cell = page.locator(f'#cells a[href$="/trials/{told["best"]["number"]}"]')
    cell.focus()
    page.keyboard.press("Enter")
    guest.until(lambda: "The best" in best.locator("h2").inner_text(), "the best again")
    guest.picture("sweep")

    best.get_by_role("button", name="Run it").click()
    page.wait_for_url("**/ui/runs/*-*")
    guest.until(lambda: status(guest) == "completed", "the run's end", 40)
    run = whole_desk.http.get(f"/results?run_id={page.url.rpartition('/')[2]}").json()
    for name, value in told["best"]["metrics"].items():
        assert run["performance_metrics"].get(name) == pytest.approx(value, rel=1e-9), name


def test_what_is_wrong_is_told_at_its_field_and_a_sweep_stopped(guest, whole_desk):
    page = guest.open("/ui/sweeps/new")
    page.get_by_role("group", name="Slow period").get_by_label("To", exact=True).fill("2")
    page.get_by_role("button", name="Start sweep").click()
    mistake = page.get_by_role("group", name="Slow period").locator(".mistake")
    guest.until(lambda: mistake.count() == 1, "the mistake")
    assert "above where it ends" in mistake.inner_text()

    page.get_by_role("group", name="Slow period").get_by_label("To", exact=True).fill("400")
    page.get_by_role("group", name="Slow period").get_by_label("Step").fill("1")
    page.get_by_role("group", name="Fast period").get_by_label("To", exact=True).fill("200")
    page.get_by_role("group", name="Fast period").get_by_label("Step").fill("1")
    page.get_by_label("From", exact=True).last.fill("2022-01-01T00:00")
    page.get_by_role("button", name="Start sweep").click()
    page.wait_for_url(re.compile("/ui/sweeps/[0-9a-f-]{36}$"))
    guest.until(lambda: status(guest) == "running", "its beginning", 40)
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Stop").click()
    guest.until(lambda: status(guest) == "stopped", "its end", 60)
    page = guest.open("/ui/sweeps")
    assert page.get_by_text("stopped").count() == 1
