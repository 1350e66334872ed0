"""A run's page in every state a run can be in, and what it may be told in them."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from cracktrader_site.api.keys import create
from exchanges.models import Account, Credential, Exchange
from runs import recorder
from runs.models import Discrepancy, Run, VenueOrder
from tests.runs.factory import ENGINE, make_run
from tests.ui.run_pages import ask, page, part

pytestmark = pytest.mark.django_db

PARTS = ("top", "trades", "orders", "events", "months", "drift", "verify")
STEPPED = (*PARTS, "standing")
IDS = {"verify": "verification"}
REPLAY = {"engine": ENGINE, "strategy_params": {}, "exchange": "simulated", "source_hash": "0" * 64}
EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'


def account() -> Account:
    exchange, _ = Exchange.objects.get_or_create(name="simulated")
    sealed = Credential.objects.create(exchange=exchange, fingerprint="f", sealed=b"")
    return Account.objects.create(exchange=exchange, fingerprint="f", credential=sealed)


def some_run(mode: str, **fields: Any) -> Run:
    if mode == "replay":
        fields["config"] = REPLAY | {"replay": {"speed": 60.0}}
    if mode == "live":
        fields["account"] = account()
    return make_run(mode="paper" if mode == "replay" else mode, **fields)


@pytest.mark.parametrize("mode", ["backtest", "paper", "replay", "live"])
@pytest.mark.parametrize("status", Run.Status.values)
def test_a_run_has_its_page_whatever_became_of_it(client, mode, status):
    failed = {"error_code": "NO_CANDLES", "error": "none"} if status == "failed" else {}
    run = some_run(mode, status=status, **failed)
    text = page(client, run)
    assert len(re.findall("<h1", text)) == 1
    assert re.search(rf'class="badge [a-z]+">{status}<', text)
    assert ("data-live" in text) == run.is_active
    closing = run.is_stepped and status == "stopping"
    assert ('id="stop"' in text) == (run.is_active and not closing)
    for name in STEPPED if run.is_stepped else PARTS:
        answer = ask(client, run, name)
        assert answer.status_code == 200, name
        if "HX-Refresh" not in answer:
            assert f'id="{IDS.get(name, name)}"' in answer.content.decode()


def test_a_failed_run_says_what_to_do(client):
    run = make_run(
        status="failed", error_code="NO_CANDLES", error="It has no <b>candle",
        error_details={"symbol": "BTC/USDT"},
    )  # fmt: skip
    text = page(client, run)
    assert "It has no &lt;b&gt;candle" in text
    assert "NO_CANDLES" in text
    assert "other dates" in text
    assert "BTC/USDT" in text


def test_a_run_nobody_knows_is_not_here(client):
    unknown = "00000000-0000-4000-8000-000000000000"
    for name in ("", "/top", "/trades", "/equity.json", "/report.html", "/trades.csv"):
        answer = client.get(f"/ui/runs/{unknown}{name}")
        assert answer.status_code in (302, 404)
        told = client.get(f"/ui/runs/{unknown}{name}", headers={"HX-Request": "true"})
        assert told.status_code == 404
        assert "RUN_NOT_FOUND" in told["HX-Trigger"]


def test_a_part_opened_by_itself_is_its_page(client):
    run = make_run(status="completed")
    for name in PARTS:
        answer = client.get(reverse(f"ui:run_{name}", args=[run.public_id]))
        assert answer["Location"] == f"/ui/runs/{run.public_id}"


def test_no_text_of_others_is_markup(client):
    run = some_run(
        "live",
        status="running",
        stage=EVIL,
        error=EVIL,
        error_code="RUN_FAILED",
        error_details={EVIL: EVIL},
        owner=EVIL[:64],
        request={"strategy_name": EVIL},
        strategy_name="<img src=x onerror=alert(1)>",
        outcome={"warnings": [EVIL], "gaps": [{"symbol": EVIL, "start": 0, "end": 1, "bars": 1}],
                 "positions": [], "pending_orders": []},
        verification={"state": "different", "verdict": EVIL, "finished_at": EVIL,
                      "differences": [dict.fromkeys(("cause", "name", "recorded", "found"), EVIL)]},
        drift={"error": {"code": EVIL, "message": EVIL}},
    )  # fmt: skip
    recorder.append(run.pk, EVIL[:40], {"message": EVIL})
    recorder.append(run.pk, "run.failed", {"code": "X", "message": EVIL})
    VenueOrder.objects.create(
        account=run.account, run=run, order_id="1", client_id="1", symbol=EVIL[:41], side="buy",
        purpose=EVIL[:16], created_ms=0, reason=EVIL[:40], error=EVIL,
    )  # fmt: skip
    Discrepancy.objects.create(account=run.account, run=run, kind="foreign_order", subject=EVIL)
    texts = [page(client, run)]
    texts += [ask(client, run, name).content.decode() for name in STEPPED]
    for text in texts:
        assert "<script>alert" not in text
        assert "<img" not in text
    assert sum("&lt;img src=x" in text for text in texts) >= 5


def test_a_live_run_shows_its_orders_at_the_venue_and_what_does_not_match(client):
    run = some_run("live", status="running", cursor_ms=0)
    VenueOrder.objects.create(
        account=run.account, run=run, order_id="1", client_id="1", symbol="BTC/USDT", side="buy",
        purpose="entry", created_ms=0, state="unknown", wanted="0.5", error="no answer",
    )  # fmt: skip
    Discrepancy.objects.create(
        account=run.account, run=run, kind="balance_short", subject="BTC", symbol="BTC/USDT"
    )
    orders = part(client, run, "orders")
    for shown in ("at the venue", "unknown", "no answer", "0.5"):
        assert shown in orders
    text = part(client, run, "standing")
    for shown in ("in doubt", "waits for a decision", "Account and kill switch"):
        assert shown in text
    Account.objects.filter(pk=run.account_id).update(
        killed_at=timezone.now() - timedelta(minutes=1), killed_by="ann", kill={"reason": "fire"}
    )
    text = part(client, run, "standing")
    assert "thrown" in text
    assert "fire" in text


def test_who_started_it_is_named(client, django_user_model):
    ann = django_user_model.objects.create_user("ann")
    key, _ = create("nightly", ["read"], "test")
    assert "user ann" in page(client, make_run(owner=f"user:{ann.pk}"))
    assert "key nightly" in page(client, make_run(owner=key.prefix))
    assert "user 99999" in page(client, make_run(owner="user:99999"))
    assert "Started by" not in page(client, make_run())
