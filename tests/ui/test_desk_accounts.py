"""The kill switch in a browser, at a venue on the wire."""

from __future__ import annotations

import pytest

from exchanges.models import Account
from runs.models import VenueOrder
from tests.runs.lives import wire  # noqa: F401
from tests.ui.filled import trade

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def test_the_switch_is_thrown_by_typing_the_accounts_name_and_released(signed_in, wire):  # noqa: F811
    _, account = trade(wire)
    page = signed_in.open("/ui/accounts")
    page.get_by_role("main").get_by_role("link").first.click()
    page.wait_for_url(f"**/ui/accounts/{account.public_id}")
    signed_in.until(lambda: page.locator("#balances", has_text="USDT").count(), "balances")
    name = page.get_by_role("heading", level=1).inner_text()

    throw = page.get_by_role("button", name="Throw the kill switch")
    page.get_by_label("to confirm").fill("another")
    throw.click(force=True)
    assert not Account.objects.get().is_killed

    page.get_by_label("Reason").fill("<b>odd fills</b>")
    page.get_by_label("to confirm").fill(name)
    page.on("dialog", lambda dialog: dialog.accept())
    throw.click()
    page.get_by_text("Killed since").wait_for()
    killed = Account.objects.get()
    assert killed.is_killed
    assert killed.killed_by == "admin:root"
    assert page.get_by_text("<b>odd fills</b>").is_visible()
    assert VenueOrder.objects.get(order_id="manual-1").state == "open", "the trader cancels it"
    signed_in.picture("killed")

    page.get_by_label("I am sure: orders pass again").check()
    page.get_by_role("button", name="Release").click()
    page.get_by_text("Killed since").wait_for(state="detached")
    assert not Account.objects.get().is_killed


def test_a_discrepancy_is_decided(signed_in, wire):  # noqa: F811
    _, account = trade(wire)
    page = signed_in.open(f"/ui/accounts/{account.public_id}")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Ignore").first.click()
    page.wait_for_load_state()
    assert account.discrepancies.exclude(resolution="").get().resolved_by == "admin:root"
