"""Runs from their start to their end in a browser, on a whole desk with workers and all."""

from __future__ import annotations

import re

import pytest

from tests.ui.browser import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.process, pytest.mark.slow]

SWIFT = {"strategy_name": "MovingAverageCross", "timeframe": "1h"}
PARAMS = {"fast_period": 2, "slow_period": 5}
DAYS = {"start_date": "2024-01-01T00:00:00Z", "end_date": "2024-01-09T00:00:00Z"}
# A bar is an hour: so many of them in a second.
BARS_A_SECOND = 15
SPEED = BARS_A_SECOND * 3600


def status(visitor: Visitor) -> str:
    return visitor.page.locator("h1 .badge").inner_text()


def ended(visitor: Visitor, how: str, seconds: float = 40) -> None:
    visitor.until(lambda: status(visitor) == how, f"the page says {how}", seconds)


def tile(visitor: Visitor, name: str) -> str:
    return visitor.page.locator("#top .tiles > div", has_text=name).first.locator("dd").inner_text()


def run_id(visitor: Visitor) -> str:
    visitor.page.wait_for_url("**/ui/runs/*-*")
    return visitor.page.url.rpartition("/")[2]


def test_the_first_backtest_is_a_click_from_the_empty_desk(guest, whole_desk):
    page = guest.open("/")
    page.get_by_role("button", name="Run your first backtest").click()
    started = run_id(guest)
    ended(guest, "completed")
    results = whole_desk.http.get(f"/results?run_id={started}").json()
    guest.until_drawn(1)
    page.locator("#candles").scroll_into_view_if_needed()
    guest.until_drawn(2)
    guest.settle()
    assert page.locator("#trades tbody tr").count() > 3
    assert tile(guest, "Trades").startswith(f"{len(results['trades'])}")
    page.get_by_role("button", name="Verify").click()
    guest.until(lambda: page.get_by_text("Identical, bit for bit").count(), "the verdict", 40)
    guest.picture("first-backtest")
    guest.open("/ui/")
    assert page.get_by_role("link", name="MovingAverageCross").first.is_visible()


def replay(visitor: Visitor, speed: float) -> str:
    """Started from the form; its page is open then."""
    page = visitor.open("/ui/new?mode=replay")
    page.get_by_label("Fast period").fill("2")
    page.get_by_label("Slow period").fill("5")
    page.get_by_label("From").fill("2024-01-01T00:00")
    page.get_by_label("Until").fill("2024-01-06T00:00")
    page.get_by_label("Speed").fill(f"{speed:g}")
    page.get_by_role("button", name="Start replay").click()
    return run_id(visitor)


def test_a_replay_is_watched_to_its_end_without_a_reload(guest, whole_desk):
    page = guest.page

    def is_over() -> bool:
        # A page that is loaded anew has another number.
        number = page.evaluate("window.number ??= Math.random()")
        if "Equity" in page.locator("#top").inner_text():
            seen.setdefault(number, set()).add(tile(guest, "Equity"))
        return status(guest) == "completed"

    # On a busy machine the run is over before its page is drawn: slower, then.
    for slower in (1, 4, 16):
        seen: dict[float, set[str]] = {}
        sockets = guest.sockets
        started = replay(guest, SPEED / slower)
        guest.until(is_over, "the end", 20 + slower * 20)
        moved = max((len(values) for values in seen.values()), default=0) > 2
        if moved:
            break
    assert moved, "the page did not move on by itself"
    assert guest.sockets == sockets + 1, "what is over is not followed"
    assert page.locator("#link").is_hidden()
    assert page.get_by_role("link", name="Report").is_visible()
    assert page.get_by_role("button", name="Stop").count() == 0
    assert whole_desk.wait(started)["status"] == "completed"
    guest.until_drawn(1)
    guest.picture("replay")


def test_a_page_outlives_its_server_and_sells_all_at_the_end(guest, whole_desk):
    started = whole_desk.start_paper(
        **SWIFT,
        strategy_params=PARAMS,
        replay={"start_date": "2024-01-01T00:00:00Z", "speed": SPEED},
    )
    page = guest.open(f"/ui/runs/{started}")
    guest.until(lambda: "Equity" in page.locator("#top").inner_text(), "a first value")
    reconnecting = page.get_by_text("Reconnecting")
    assert reconnecting.is_hidden()
    (web,) = (p for p in whole_desk.processes() if "web" in p.cmdline())
    with guest.cut_off():
        web.kill()
        guest.until(reconnecting.is_visible, "the page says so")
        guest.until(reconnecting.is_hidden, "the page is connected again", 40)
    assert guest.sockets >= 2
    before = tile(guest, "Equity")
    guest.until(lambda: tile(guest, "Equity") != before, "the value goes on")

    said: list[str] = []
    page.once("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.get_by_role("button", name="Stop and sell all").click()
    assert whole_desk.http.get(f"/runs/{started}").json()["status"] == "running"
    page.once("dialog", lambda dialog: (said.append(dialog.message), dialog.accept()))
    page.get_by_role("button", name="Stop and sell all").click()
    ended(guest, "stopped")
    assert len(said) == 2
    results = whole_desk.http.get(f"/results?run_id={started}").json()
    assert results["positions"] == []


def test_runs_chosen_from_the_list_are_laid_side_by_side(guest, whole_desk):
    for period in (5, 9):
        params = {"fast_period": 3, "slow_period": period}
        whole_desk.wait(whole_desk.start_backtest(**SWIFT, **DAYS, strategy_params=params))
    page = guest.open("/ui/runs?mode=backtest")
    compare = page.get_by_role("button", name="Compare chosen")
    for box in page.locator("[name=runs]").all()[:2]:
        box.check()
    compare.click()
    page.wait_for_url(re.compile("/ui/compare[?]"))
    assert page.get_by_role("heading", level=1).inner_text() == "Compare 2 runs"
    guest.until_drawn(1)
    assert page.locator(".chart .scatterlayer .trace").count() >= 2
    differing = page.locator("tr.differs")
    assert any("slow" in row.lower() for row in differing.all_inner_texts())
    guest.picture("compare")
