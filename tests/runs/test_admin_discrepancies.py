"""The admin's pages of what does not match at the venues."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from cracktrader_site.api.models import AuditEntry
from runs.admin.discrepancies import EFFECTS, MEANINGS
from runs.models import Discrepancy
from runs.trading import reconciling
from runs.trading.discrepancies import ACTIONS
from tests.runs.test_reconciling import Books, account, bought, live, venue  # noqa: F401

pytestmark = pytest.mark.django_db

LIST = reverse("admin:runs_discrepancy_changelist")


def page(row: Discrepancy) -> str:
    return reverse("admin:runs_discrepancy_change", args=[row.pk])


def decide(client: Client, row: Discrepancy, action: str, **form: str) -> str:
    url = reverse("admin:runs_discrepancy_decide", args=[row.pk])
    return client.post(url, {"action": action} | form, follow=True).content.decode()


def signed_in(*permissions: str) -> Client:
    user = User.objects.create_user("ann", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def row(account, venue) -> Discrepancy:  # noqa: F811
    live(account)
    venue.rest(client_id="<script>alert(1)</script>")
    reconciling.reconcile(account, venue)
    return Discrepancy.objects.get()


def test_open_ones_come_first_and_are_told_from_resolved_ones(row, admin_client):
    Discrepancy.objects.create(account=row.account, kind="foreign_fill", subject="trade-of-others")
    decide(admin_client, row, "ignore")
    text = admin_client.get(LIST).content.decode()
    assert text.index("trade-of-others") < text.index(f">{row.subject}<")
    assert "trade-of-others" in admin_client.get(LIST, {"open": "1"}).content.decode()
    assert "trade-of-others" not in admin_client.get(LIST, {"open": "0"}).content.decode()


def test_a_page_shows_both_sides_and_what_each_decision_does(row, admin_client):
    text = admin_client.get(page(row)).content.decode()
    assert "Our books" in text
    assert "The venue&#x27;s" in text or "The venue's" in text
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text
    for action in ("adopt", "close", "ignore"):
        assert EFFECTS[row.kind, action].split(",")[0].replace("'", "&#x27;") in text
        assert f'value="{action}"' in text


def test_a_decision_in_the_admin_is_the_users_and_offered_once(row, admin_client, admin_user):
    text = decide(admin_client, row, "close", confirm="1")
    assert "the trader does it in a moment" in text
    row.refresh_from_db()
    assert (row.resolution, row.resolved_by) == ("close", f"admin:{admin_user}")
    assert AuditEntry.objects.get(action="discrepancy.resolved").who == f"admin:{admin_user}"
    assert 'name="action"' not in text
    assert "decided already" in decide(admin_client, row, "adopt")


def test_what_is_done_at_the_venue_is_confirmed_first(row, admin_client):
    assert "tick that you are sure" in decide(admin_client, row, "close")
    row.refresh_from_db()
    assert (row.resolution, row.resolved_at) == ("", None)
    text = admin_client.get(page(row)).content.decode()
    assert text.count('name="confirm"') == 1, "neither adopting nor ignoring places an order"


def test_a_decision_that_its_kind_does_not_know_is_refused_in_words(row, admin_client):
    assert "cannot be done" in decide(admin_client, row, "sell")
    row.refresh_from_db()
    assert row.resolution == ""


def test_who_may_only_look_may_not_decide(row):
    client = signed_in("view_discrepancy", "view_run")
    text = client.get(page(row)).content.decode()
    assert 'name="action"' not in text
    url = reverse("admin:runs_discrepancy_decide", args=[row.pk])
    assert client.post(url, {"action": "ignore"}).status_code == 403
    row.refresh_from_db()
    assert row.resolved_at is None


def test_a_shortage_is_shown_with_whose_positions_lack(account, venue, admin_client, monkeypatch):  # noqa: F811
    monkeypatch.setattr("runs.trading.balances.RECHECK_SECONDS", 0.0)
    run = live(account)
    bought(run, venue, "2")
    venue.totals["BTC"] *= 0
    reconciling.reconcile(account, venue)
    text = admin_client.get(page(Discrepancy.objects.get())).content.decode()
    assert f"2 BTC/USDT of {str(run.public_id)[:8]}" in text


def test_each_kind_and_decision_has_its_words():
    assert set(MEANINGS) == set(ACTIONS) == set(Discrepancy.Kind)
    assert set(EFFECTS) == {(kind, action) for kind, names in ACTIONS.items() for action in names}
