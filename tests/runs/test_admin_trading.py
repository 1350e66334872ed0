"""Orders at venues in the admin, and the kill switches there."""

# ruff: noqa: F811

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from cracktrader_site.api.models import AuditEntry
from exchanges.models import Account
from runs.models import Execution, VenueOrder
from tests.runs.lives import Wire, desk, intend, over, until, wire  # noqa: F401
from tests.runs.test_kill_switch import account_of

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

SWITCHES = "admin:runs_kill_switches"


@pytest.fixture
def operator(wire: Wire, client: Client) -> Client:
    client.force_login(User.objects.create_superuser("op"))
    return client


def kill(client: Client, account: Account, **form: Any) -> str:
    path = reverse("admin:runs_kill_kill", args=[account.public_id])
    return client.post(path, form, follow=True).content.decode()


def test_orders_and_executions_are_shown_and_not_edited(
    operator, wire, django_assert_max_num_queries
):
    run = wire.started()
    bought = intend(run, reason='<script>alert("x")')
    until(wire.tender(run), lambda: over(bought))
    limit = {"type": "limit", "limit_price": Decimal(1), "wanted": Decimal("0.5")}
    for n in range(5):
        intend(run, order_id=f"manual-{n}", purpose="manual", **limit)
    for model, row in ((VenueOrder, bought), (Execution, bought.executions.get())):
        base = f"admin:runs_{model._meta.model_name}"
        with django_assert_max_num_queries(25):
            page = operator.get(reverse(f"{base}_changelist"))
        assert page.status_code == 200
        shown = operator.get(reverse(f"{base}_change", args=[row.pk]))
        assert shown.status_code == 200
        for text in (page.content.decode(), shown.content.decode()):
            assert "BTC/USDT" in text
            assert "<script>alert" not in text
            assert 'name="_save"' not in text
        assert operator.get(reverse(f"{base}_add")).status_code == 403
        assert operator.post(reverse(f"{base}_delete", args=[row.pk])).status_code == 403
    found = operator.get(
        reverse("admin:runs_venueorder_changelist"), {"q": str(run.public_id)[:8]}
    ).content.decode()
    assert "manual" in found
    assert reverse("admin:runs_execution_changelist") in found


def test_the_switch_is_thrown_and_released_and_both_are_audited(operator, wire):
    account = account_of(wire.started())
    page = operator.get(reverse(SWITCHES)).content.decode()
    assert str(account.public_id) in page
    assert "Release" not in page
    said = kill(operator, account, steps=["block", "cancel"], reason="<b>odd", confirm="1")
    assert "takes no order" in said
    assert "&lt;b&gt;odd" in said
    assert "Release" in said
    account.refresh_from_db()
    assert (account.killed_by, account.kill["steps"]) == ("admin:op", ["block", "cancel"])
    release = reverse("admin:runs_kill_release", args=[account.public_id])
    operator.post(release, {})
    account.refresh_from_db()
    assert account.is_killed, "without its confirmation nothing is released"
    assert (
        "orders pass again"
        in operator.post(release, {"confirm": "1"}, follow=True).content.decode()
    )
    account.refresh_from_db()
    assert not account.is_killed
    actions = AuditEntry.objects.filter(who="admin:op").exclude(action="login").order_by("id")
    assert list(actions.values_list("action", flat=True)) == ["account.killed", "account.released"]


@pytest.mark.parametrize("form", [{}, {"confirm": "1"}, {"confirm": "1", "steps": "sell"},
                                  {"steps": "block"}])  # fmt: skip
def test_a_form_that_lacks_something_throws_nothing(operator, wire, form):
    account = account_of(wire.started())
    kill(operator, account, **form)
    account.refresh_from_db()
    assert not account.is_killed


def test_who_may_only_look_throws_nothing(wire, client):
    account = account_of(wire.started())
    reader = User.objects.create_user("reader", is_staff=True)
    client.force_login(reader)
    assert client.get(reverse(SWITCHES)).status_code == 403
    reader.user_permissions.add(Permission.objects.get(codename="view_account"))
    page = client.get(reverse(SWITCHES))
    assert page.status_code == 200
    assert "Throw" not in page.content.decode()
    for name in ("kill", "release"):
        path = reverse(f"admin:runs_kill_{name}", args=[account.public_id])
        assert client.post(path, {"confirm": "1", "steps": "block"}).status_code == 403
        assert client.get(path).status_code == 405
    account.refresh_from_db()
    assert not account.is_killed
