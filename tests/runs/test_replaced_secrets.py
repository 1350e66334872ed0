"""A secret that others need is replaced only by one that the venue has taken."""

# ruff: noqa: F811

from __future__ import annotations

import pytest
from django.db import connection

from exchanges.domain import InvalidInput, Refused
from exchanges.models import Account, Credential
from exchanges.services import accounts, credentials
from runs.models import Protection, Run
from tests.runs.lives import KEY, SECRET, Wire, desk, intend, over, until, wire  # noqa: F401
from tests.venue.faults import html, rate_limited

pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

MISTYPED = {"apiKey": KEY, "secret": "s" + "0" * 32}


def signed_in_with(run: Run) -> str:
    return credentials.keys(Credential.objects.get(accounts=run.account_id)).values["secret"]


def refused(wire: Wire, config: dict[str, str]) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        wire.begin(symbols=["ETH/USDT"], exchange_config=config)
    return caught.value


def test_a_mistyped_secret_disarms_no_run(wire):
    run = wire.started()
    error = refused(wire, MISTYPED)
    assert error.code == "CREDENTIALS_REFUSED"
    assert MISTYPED["secret"] not in str(error)
    assert signed_in_with(run) == SECRET
    assert Run.objects.count() == 1
    bought = intend(run)
    until(wire.tender(run), lambda: over(bought))
    assert bought.filled > 0


@pytest.mark.parametrize("fault", [html(503), rate_limited("5")])
def test_nor_does_one_the_venue_says_nothing_about(fault, wire):
    run = wire.started()
    wire.server.faults.arm("account", fault)
    assert refused(wire, MISTYPED).code == "VENUE_UNREACHABLE"
    assert signed_in_with(run) == SECRET


def test_one_that_the_venue_takes_replaces_the_other_and_is_asked_about_outside_a_transaction(
    wire, monkeypatch
):
    run = wire.started()
    run_account = Account.objects.get(pk=run.account_id)
    # As after a change of the secret at the venue.
    wrong = credentials.keep(Credential(exchange=wire.exchange, sandbox=False), MISTYPED, "x")
    Account.objects.filter(pk=run.account_id).update(credential=wrong)
    sign_in, inside = accounts._sign_in, []

    def seen(*given):
        inside.append(connection.in_atomic_block)
        return sign_in(*given)

    monkeypatch.setattr(accounts, "_sign_in", seen)
    depth = connection.in_atomic_block
    wire.begin(symbols=["ETH/USDT"])
    assert signed_in_with(run) == SECRET
    assert inside[0] is depth
    assert run_account.public_id == Account.objects.get().public_id


def test_an_account_that_nothing_needs_takes_any(wire):
    run = wire.started()
    Run.objects.filter(pk=run.pk).update(status="stopped", finished_at=run.created_at)
    asked = len(wire.server.asked)
    accounts.open_account(wire.exchange, False, MISTYPED)
    assert signed_in_with(run) == MISTYPED["secret"]
    assert len(wire.server.asked) == asked


def test_one_that_was_not_tried_replaces_none_that_is_needed(wire):
    run = wire.started()
    with pytest.raises(InvalidInput) as caught:
        accounts.open_account(wire.exchange, False, MISTYPED)
    assert caught.value.code == "CREDENTIALS_REFUSED"
    assert signed_in_with(run) == SECRET


def test_a_guarded_position_needs_it_too_and_keeps_it_from_being_removed(wire):
    run = wire.started()
    Protection.objects.create(run=run, symbol="BTC/USDT", target="60000", since_ms=0)
    Run.objects.filter(pk=run.pk).update(status="stopped", finished_at=run.created_at)
    assert refused(wire, MISTYPED).code == "CREDENTIALS_REFUSED"
    with pytest.raises(Refused):
        credentials.discard(Credential.objects.get(accounts=run.account_id), "x")
    Protection.objects.all().delete()
    credentials.discard(Credential.objects.get(accounts=run.account_id), "x")
