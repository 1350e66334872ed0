"""A live start that is sent again, because its reply was lost: one run, whatever happened since."""

# ruff: noqa: F811

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from cracktrader_site.api.models import AuditEntry
from exchanges.domain import CracktraderError, InvalidInput, VenueError
from exchanges.models import Account
from exchanges.services import accounts
from runs.models import Run
from tests.runs.lives import SECRET, Wire, desk, wire  # noqa: F401 - fixtures

pytestmark = pytest.mark.django_db(transaction=True)


def venue_away(monkeypatch: Any) -> None:
    def fail(*asked: Any) -> bool:
        raise VenueError("VENUE_UNREACHABLE", "no answer")

    monkeypatch.setattr(accounts, "try_out", fail)


def killed(monkeypatch: Any) -> None:
    Account.objects.update(killed_at=timezone.now())


def nothing(monkeypatch: Any) -> None:
    pass


@pytest.mark.parametrize("happens", [nothing, venue_away, killed])
def test_what_was_started_is_given_again(wire: Wire, monkeypatch, happens):
    first = wire.begin("monday")
    happens(monkeypatch)
    assert wire.begin("monday") == first
    assert Run.objects.count() == 1
    assert AuditEntry.objects.filter(action="live.started").count() == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"initial_cash": 9_999},
        {"exchange_config": {"apiKey": "of another account", "secret": SECRET}},
    ],
)
def test_another_body_is_a_mismatch(wire: Wire, changes):
    wire.begin("monday")
    with pytest.raises(InvalidInput) as refused:
        wire.begin("monday", **changes)
    assert refused.value.code == "IDEMPOTENCY_MISMATCH"
    assert Account.objects.count() == 1


def test_the_first_start_still_needs_venue_and_account(wire: Wire, monkeypatch):
    venue_away(monkeypatch)
    with pytest.raises(CracktraderError) as refused:
        wire.begin("monday")
    assert refused.value.code == "VENUE_UNREACHABLE"
    assert not Run.objects.exists()
