"""Candles asked for by hand, and watched on their way."""

from __future__ import annotations

import pytest

from exchanges.models import Download, Exchange
from exchanges.services import downloads
from exchanges.services.fetching import execute

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(autouse=True)
def nobody_works(monkeypatch):
    """The test is the worker."""
    monkeypatch.setattr(downloads, "_send", lambda number: None)


def test_a_download_is_asked_for_by_keyboard_and_watched_to_its_end(visitor):
    page = visitor.open("/ui/data?exchange=simulated&start=2024-01-01&end=2024-02-01")
    shown = page.locator("#downloads-list")
    symbols = page.get_by_label("Symbols")
    symbols.focus()
    page.keyboard.type("no/such")
    page.keyboard.press("Enter")
    mistake = page.locator("#download-symbols_error")
    visitor.until(mistake.is_visible, "the mistake is told")
    assert symbols.evaluate("e => e === document.activeElement")
    assert symbols.get_attribute("aria-invalid") == "true"

    symbols.fill("btc/usdt")
    page.keyboard.press("Enter")
    visitor.until(lambda: "queued" in shown.inner_text(), "it is in the list")
    assert not mistake.is_visible()
    download = Download.objects.get()
    Download.objects.update(status="running", fraction=0.5)
    visitor.until(lambda: "50 %" in shown.inner_text(), "progress is shown without a reload")

    cancel = page.get_by_role("button", name="Cancel BTC/USDT")
    cancel.focus()
    page.wait_for_timeout(1500)
    assert cancel.evaluate("e => e === document.activeElement")

    Download.objects.update(status="queued")
    assert execute(download.id)
    visitor.until(lambda: "done" in shown.inner_text(), "it is done")
    row = page.locator("#series tbody tr", has_text="BTC/USDT")
    visitor.until(lambda: "100 %" in row.inner_text() if row.count() else False, "and is held")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1500)
    assert not [url for url in asked if "/ui/data" in url]


def test_one_is_cancelled_with_a_click(visitor):
    downloads.start("simulated", ["ETH/USDT"], "1d", 1_704_067_200_000)
    page = visitor.open("/ui/data")
    page.get_by_role("button", name="Cancel ETH/USDT").click()
    again = page.get_by_role("button", name="Try ETH/USDT 1d again")
    visitor.until(again.is_visible, "it is cancelled")
    assert Download.objects.get().status == "cancelled"


def test_the_venue_says_what_is_offered_and_each_of_several_symbols_is_completed(visitor):
    from exchanges import services

    services.add_exchange("other", "binance", "http://127.0.0.1:9")
    Exchange.objects.filter(name="other").update(markets={"XMR/EUR": [0, 0], "ABC/EUR": [0, 0]})
    page = visitor.open("/ui/data?exchange=simulated&timeframe=4h")
    timeframe = page.locator("#download-timeframe")
    assert timeframe.locator("option[value='1s']").count() == 0
    page.get_by_label("Venue", exact=True).select_option("other")
    visitor.until(lambda: timeframe.locator("option[value='1s']").count(), "its timeframes")
    assert timeframe.input_value() == "4h"
    offered = "[...document.querySelectorAll('#offered-symbols option')].map(o => o.value)"
    symbols = page.get_by_label("Symbols")
    symbols.fill("AB")
    assert page.evaluate(offered) == ["ABC/EUR", "XMR/EUR"]
    symbols.fill("ABC/EUR, X")
    assert page.evaluate(offered) == ["ABC/EUR, ABC/EUR", "ABC/EUR, XMR/EUR"]


def test_series_are_searched_as_one_types(visitor):
    for symbol in ("BTC/USDT", "ETH/USDT"):
        (download,) = downloads.start("simulated", [symbol], "1d", 1_704_067_200_000)
        execute(download.id)
    page = visitor.open("/ui/data")
    rows = page.locator("#series tbody tr")
    assert rows.count() == 2
    page.get_by_label("Search by symbol").type("eth")
    visitor.until(lambda: rows.count() == 1, "one is left")
    assert "ETH/USDT" in rows.inner_text()
    page.keyboard.press("Enter")
    page.wait_for_timeout(300)
    assert page.url.endswith("/ui/data")
    assert rows.count() == 1
