"""The admin in a real browser: charts are drawn, nothing errs, nothing leaves the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from runs.models import Run
from runs.report import standalone
from tests.runs.factory import make_run
from tests.runs.finished import finished, prepare_desk
from tests.runs.papers import fresh, rehearse, slices
from tests.ui.browser import Visitor, chrome  # noqa: F401

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PASSWORD = "correct horse battery staple"
UNFOLD = {
    "DASHBOARD_CALLBACK": "runs.admin.dashboard.context",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/runs/favicon.svg"}],
}
EVIL = "<img src=x onerror=document.title='owned'>"


@pytest.fixture
def browser(
    chrome,  # noqa: F811
    live_server,
    transactional_db,
    django_user_model,
    settings,
) -> Iterator[Visitor]:
    """Logged in, with the run list open."""
    settings.UNFOLD = settings.UNFOLD | UNFOLD
    django_user_model.objects.create_superuser("root", password=PASSWORD)
    prepare_desk()
    settings.SLICE_BARS = 100
    page = chrome.new_page(viewport={"width": 1440, "height": 900})
    pictures = os.environ.get("CRACKTRADER_TEST_PICTURES", "")
    browser = Visitor(page, live_server.url, pictures)
    browser.open("/admin/login/?next=/admin/runs/run/")
    page.fill("[name=username]", "root")
    page.fill("[name=password]", PASSWORD)
    page.click("[type=submit]")
    page.wait_for_url("**/admin/runs/run/")
    yield browser
    page.close()


def drawn(page: Page, count: int) -> None:
    page.wait_for_function(f"document.querySelectorAll('[data-drawn] .main-svg').length >= {count}")


def test_list_run_page_and_comparison_are_drawn(browser):
    common = {"symbols": ["BTC/USDT", "ETH/USDT"], "stop_loss": 0.02, "take_profit": 0.03}
    first = finished(**common)
    second = finished(**common, fee=0.002)
    make_run(status=Run.Status.FAILED, error_code="NO_CANDLES", error="none", strategy_name=EVIL)
    make_run(status=Run.Status.RUNNING, progress=0.4, stage="reading candles")

    page = browser.open("/admin/")
    browser.picture("dashboard")
    assert page.get_by_text("Newest runs").is_visible()

    page = browser.open("/admin/runs/run/")
    browser.picture("list")
    assert page.locator(".ct-spark").count() == 2
    assert page.locator("#result_list tbody tr").count() == 4
    page.locator("#result_list tbody input[type=checkbox]").first.check()
    browser.picture("list-chosen")

    page = browser.open(f"/admin/runs/run/{first.pk}/change/")
    drawn(page, 2)
    browser.picture("run")
    assert page.locator("#candles .candlesticklayer path, #candles .boxlayer path").count() > 50
    assert page.locator("#candles .scatterlayer .point").count() > 10

    page.select_option("[data-figure-symbol]", "ETH/USDT")
    page.wait_for_function("document.querySelector('#candles').figure.data[0].name === 'ETH/USDT'")

    page.evaluate("document.documentElement.classList.add('dark')")
    page.wait_for_function("document.querySelector('#candles').layout.font.color === '#d1d5db'")
    browser.picture("run-dark")

    page = browser.open(f"/admin/runs/run/compare/?runs={first.pk},{second.pk}")
    drawn(page, 1)
    browser.picture("compare")
    assert page.locator("[data-figure] .scatterlayer .trace").count() == 2
    assert page.locator("tr.ct-differs").count() == 1

    page = browser.open(f"/admin/runs/run/{first.pk}/trades/")
    browser.picture("trades")
    assert page.locator(".ct-table tbody tr").count() == first.trade_count
    browser.check()


def test_zooming_in_fetches_narrower_candles(browser):
    run = finished(timeframe="15m", start_date="2023-11-01T00:00:00Z")
    page = browser.open(f"/admin/runs/run/{run.pk}/change/")
    drawn(page, 2)
    count = "document.querySelector('#candles').figure.data[0].x.length"
    step = "(x => x[1] - x[0])(document.querySelector('#candles').figure.data[0].x)"
    assert page.evaluate(count) <= 601
    assert page.evaluate(step) > 900_000
    page.evaluate(
        "Plotly.relayout('candles', {'xaxis.range': ['2024-01-02 00:00', '2024-01-03 00:00']})"
    )
    page.wait_for_function(f"{step} === 900000")
    # A day, and what leads to its edges.
    assert page.evaluate(count) == 98
    page.evaluate("Plotly.relayout('candles', {'xaxis.autorange': true})")
    page.wait_for_function(f"{count} > 300")
    browser.check()


def test_names_are_inert_in_pages_and_charts(browser):
    run = finished()
    other = finished(fee=0.003)
    Run.objects.filter(pk=run.pk).update(strategy_name=EVIL, error=EVIL, error_code="X")
    for path in (f"{run.pk}/change/", f"compare/?runs={run.pk},{other.pk}"):
        page = browser.open(f"/admin/runs/run/{path}")
        drawn(page, 1)
        assert page.locator("img[src='x']").count() == 0
        assert page.title() != "owned"
    # plotly draws the name as it is written, and makes no element of it.
    assert page.locator(".legendtext", has_text="<img src=x").count() == 1
    browser.check()


def test_a_run_is_stopped_by_its_button(browser):
    run = make_run(status=Run.Status.RUNNING, progress=0.4, stage="reading candles")
    page = browser.open(f"/admin/runs/run/{run.pk}/change/")
    browser.picture("running")
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("text=Asked to stop")
    run.refresh_from_db()
    assert run.status == Run.Status.STOPPED
    browser.check()


def test_the_page_of_a_paper_run_moves_on_by_itself_and_stays_where_the_reader_is(browser):
    slow = {"start_date": "2024-01-01T00:00:00Z", "end_date": "2024-06-01T00:00:00Z"}
    run = rehearse(replay=slow, strategy_params={"fast_period": 2, "slow_period": 5})
    page = browser.open(f"/admin/runs/run/{run.pk}/change/")
    page.wait_for_selector("[data-failed='No bar has been stepped yet.']")
    browser.picture("paper-not-begun")

    slices(run, 3)
    drawn(page, 2)
    browser.picture("paper")
    bars = "document.querySelector('#candles').figure?.data[0].x.length"
    page.wait_for_function(f"{bars} === 200")
    page.evaluate("window.scrollTo(0, 500)")
    page.evaluate(
        "Plotly.relayout('candles', {'xaxis.range': ['2024-01-02 00:00', '2024-01-04 00:00']})"
    )
    page.wait_for_function(f"{bars} === 50")
    slices(run, 1)
    page.wait_for_function("document.body.innerText.includes('2024-01-13 12:00')")
    page.wait_for_function(
        "document.querySelector('[data-figure]').figure?.data[0].x.length === 300"
    )
    assert page.evaluate(bars) == 50
    assert page.evaluate("window.scrollY") == 500

    said: list[str] = []
    page.once("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.get_by_role("button", name="Stop and sell").click()
    assert fresh(run).stop_requested_at is None
    page.once("dialog", lambda dialog: (said.append(dialog.message), dialog.accept()))
    page.get_by_role("button", name="Stop and sell").click()
    page.wait_for_selector("text=Asked to sell everything and stop.")
    assert len(said) == 2
    assert fresh(run).flatten is True
    assert slices(run).status == Run.Status.STOPPED
    page.wait_for_selector("text=bars.parquet")
    drawn(page, 2)
    browser.picture("paper-stopped")
    browser.check()


def test_the_stand_alone_page_draws_without_a_server(browser, tmp_path):
    file = tmp_path / "out.html"
    file.write_text(standalone(finished()), encoding="utf-8")
    page = browser.open(file.as_uri())
    drawn(page, 2)
    browser.picture("stand-alone")
    browser.check()
