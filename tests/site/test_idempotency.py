"""One Idempotency-Key, one deed and one reply: repeated, at once, broken off, and a day later."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, connections
from django.test import Client
from django.utils import timezone
from rest_framework.response import Response

from cracktrader_site.api import idempotency, keys
from cracktrader_site.api.idempotency import KEPT_FOR, REPLAYED
from cracktrader_site.api.models import KeptReply
from exchanges.domain import InvalidInput
from exchanges.models import Exchange
from exchanges.services import sync_exchanges
from runs import services
from runs.examples import BACKTEST_BODY, PAPER_BODY
from runs.models import Run, Sweep
from runs.sweeps import services as sweeps
from runs.sweeps.examples import GRID_BODY
from strategies import services as checks
from strategies.services import sync_strategies
from tests.site.api import API, error

GOOD = BACKTEST_BODY | {"exchange": "simulated"}
PAPER = PAPER_BODY | {"exchange": "simulated", "initial_cash": 1000.0}
CHECK = "/strategies/MovingAverageCross/check"
SWEEP = "/run/sweep"
STARTS = {"/run/backtest": GOOD, "/run/live": PAPER, SWEEP: GRID_BODY, CHECK: {}}
MADE = {"/run/backtest": (Run, 1), "/run/live": (Run, 1), SWEEP: (Sweep, 1), CHECK: (Run, 0)}

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def desk(db: None, monkeypatch: Any) -> None:
    sync_exchanges()
    sync_strategies()
    monkeypatch.setattr(idempotency._Pruning, "at", float("-inf"))


def post(path: str, body: Any, key: str | None = "mine", **headers: str) -> Any:
    if key is not None:
        headers["Idempotency-Key"] = key
    return Client().post(
        API + path, json.dumps(body), content_type="application/json", headers=headers
    )


def reply(answer: Any) -> Any:
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


@pytest.fixture
def held(monkeypatch: Any) -> Iterator[threading.Event]:
    """Starts of backtests wait inside until this is set; `held.inside`: one has come so far."""
    go, inside = threading.Event(), threading.Event()
    real = services.start_backtest

    def slow(*args: Any, **kwargs: Any) -> Run:
        inside.set()
        assert go.wait(20)
        return real(*args, **kwargs)

    monkeypatch.setattr(services, "start_backtest", slow)
    go.inside = inside  # type: ignore[attr-defined]
    yield go
    go.set()


class Asking(threading.Thread):
    """A request beside the test's own."""

    def __init__(self, *args: Any, **headers: str) -> None:
        super().__init__(daemon=True)
        self.asked, self.headers = args, headers
        self.answer: Any = None
        self.start()

    def run(self) -> None:
        try:
            self.answer = post(*self.asked, **self.headers)
        finally:
            connections.close_all()

    def wait(self) -> Any:
        self.join(30)
        assert self.answer is not None
        return self.answer


# --- again -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", STARTS)
def test_the_same_request_has_the_same_reply_and_does_nothing_again(path, monkeypatch):
    first = post(path, STARTS[path])
    assert REPLAYED not in first.headers
    for module, name in (
        (services, "_record"),
        (sweeps, "_record"),
        (checks, "check_on_synthetic"),
    ):
        monkeypatch.setattr(module, name, None)
    again = post(path, STARTS[path])
    assert reply(again) == reply(first)
    assert again.headers[REPLAYED] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    model, count = MADE[path]
    assert model.objects.count() == count


def test_the_reply_stays_what_it_was_while_the_run_goes_on():
    first = reply(post("/run/backtest", GOOD))
    Run.objects.update(status="completed")
    assert reply(post("/run/backtest", GOOD)) == first


def raw(text: str) -> Any:
    headers = {"Idempotency-Key": "mine"}
    path = API + "/run/backtest"
    return Client().post(path, text, content_type="application/json", headers=headers)


def test_the_order_of_fields_and_the_spelling_of_numbers_are_no_difference():
    first = reply(post("/run/backtest", GOOD | {"initial_cash": 1000}))
    assert (
        reply(post("/run/backtest", dict(reversed((GOOD | {"initial_cash": 1000}).items()))))
        == first
    )
    text = json.dumps(GOOD | {"initial_cash": 1000})
    for spelled in ("1000.0", "1e3", "1000.00"):
        assert reply(raw(text.replace("1000", spelled, 1))) == first
    error(raw(text.replace("1000", "1000.5", 1)), 400, "IDEMPOTENCY_MISMATCH")


@pytest.mark.parametrize("number", [-(2**63) - 1, -(10**19) + 1, 2**63, 10**19 - 1, 1e300])
@pytest.mark.parametrize("path", STARTS)
def test_numbers_beyond_all_formats_are_refused_as_without_the_header(path, number):
    for body in ({"initial_cash": number}, {"x": {"y": [number]}}, number):
        answer = post(path, body)
        error(answer, 400)
        assert answer.content == post(path, body, None).content


@pytest.mark.parametrize("path", ["/run/backtest", "/run/live", SWEEP])
def test_another_body_is_a_mismatch_and_names_what_there_is(path):
    first = reply(post(path, STARTS[path]))
    found = error(post(path, STARTS[path] | {"slippage": 0.001}), 400, "IDEMPOTENCY_MISMATCH")
    name = "sweep_id" if path == SWEEP else "run_id"
    assert found["details"] == {name: first[name]}
    assert MADE[path][0].objects.count() == 1


def test_another_path_is_a_mismatch():
    reply(post(CHECK, {}))
    error(post("/strategies/BuyAndHold/check", {}), 400, "IDEMPOTENCY_MISMATCH")
    error(post("/run/backtest", GOOD), 400, "IDEMPOTENCY_MISMATCH")
    assert not Run.objects.exists()


def test_without_the_header_each_request_is_one_of_its_own():
    assert reply(post("/run/backtest", GOOD, None)) != reply(post("/run/backtest", GOOD, None))
    assert not KeptReply.objects.exists()


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "naïve"])
def test_a_key_is_printable_ascii_of_bounded_length(key):
    error(post("/run/backtest", GOOD, key), 400, "INVALID_VALUE")
    assert not Run.objects.exists()


def test_two_callers_may_use_one_name(settings):
    settings.AUTH = True
    texts = [keys.create(name, keys.SCOPES, "command")[1] for name in ("ann", "bob")]
    replies = [
        reply(post("/run/backtest", GOOD, Authorization=f"Bearer {text}"))["run_id"]
        for text in texts * 2
    ]
    assert replies[:2] == replies[2:]
    assert len(set(replies)) == Run.objects.count() == 2


# --- refused ---------------------------------------------------------------------------------


def test_what_was_refused_is_looked_at_anew():
    Exchange.objects.filter(name="simulated").update(enabled=False)
    error(post("/run/backtest", GOOD), 400, "EXCHANGE_DISABLED")
    error(post("/run/backtest", GOOD | {"initial_cash": -1}), 400, "INVALID_CASH")
    Exchange.objects.filter(name="simulated").update(enabled=True)
    reply(post("/run/backtest", GOOD))


def test_a_fault_of_ours_is_not_kept_either(monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(services, "resolve", lambda request: 1 / 0)
        error(post("/run/backtest", GOOD), 500, "INTERNAL_ERROR")
    reply(post("/run/backtest", GOOD))


# --- at once ---------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_a_request_that_is_still_being_answered_says_so(held):
    first = Asking("/run/backtest", GOOD)
    assert held.inside.wait(10)
    answer = post("/run/backtest", GOOD)
    found = error(answer, 400, "IDEMPOTENCY_IN_FLIGHT")
    assert answer.headers["Retry-After"] == str(found["details"]["retry_after_seconds"])
    error(post("/run/backtest", GOOD | {"slippage": 0.1}), 400, "IDEMPOTENCY_MISMATCH")
    reply(post("/run/live", PAPER, "another"))
    held.set()
    assert reply(post("/run/backtest", GOOD)) == reply(first.wait())
    assert Run.objects.filter(mode="backtest").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_double_click_has_one_reply_twice(held, monkeypatch):
    monkeypatch.setattr(idempotency, "_WAIT_SECONDS", 20)
    first = Asking("/run/backtest", GOOD)
    assert held.inside.wait(10)
    second = Asking("/run/backtest", GOOD)
    held.set()
    assert reply(first.wait()) == reply(second.wait())
    assert [REPLAYED in a.answer.headers for a in (first, second)] == [False, True]


@pytest.mark.django_db(transaction=True)
def test_of_many_at_once_one_starts():
    asked = [Asking("/run/backtest", GOOD) for _ in range(8)]
    answers = [one.wait() for one in asked]
    started = {reply(a)["run_id"] for a in answers if a.status_code == 200}
    assert len(started) == Run.objects.count() == 1
    for answer in answers:
        if answer.status_code != 200:
            error(answer, 400, "IDEMPOTENCY_IN_FLIGHT")


# --- broken off ------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/run/backtest", "/run/live", SWEEP])
def test_a_start_whose_reply_was_lost_with_its_process_is_found_again(path):
    first = reply(post(path, STARTS[path]))
    # As the process leaves it that dies between the deed and its reply.
    KeptReply.objects.update(reply="")
    error(post(path, STARTS[path]), 400, "IDEMPOTENCY_IN_FLIGHT")
    KeptReply.objects.update(claimed_at=timezone.now() - idempotency.IN_FLIGHT)
    assert reply(post(path, STARTS[path])) == first
    assert MADE[path][0].objects.count() == 1
    assert post(path, STARTS[path]).headers[REPLAYED] == "true"


@pytest.mark.django_db(transaction=True)
def test_who_was_overtaken_changes_nothing_of_what_is_kept(held):
    late = Asking("/run/backtest", GOOD)
    assert held.inside.wait(10)
    KeptReply.objects.update(claimed_at=timezone.now() - idempotency.IN_FLIGHT)
    overtaking = Asking("/run/backtest", GOOD)
    while KeptReply.objects.get().attempt == 1:
        pass
    held.set()
    assert reply(late.wait()) == reply(overtaking.wait())
    assert Run.objects.count() == KeptReply.objects.count() == 1
    assert KeptReply.objects.get().reply


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("answered", [True, False])
def test_who_was_overtaken_and_fails_leaves_the_others_claim_and_reply(answered):
    """What a process does that wakes up late: its own row is not its own any more."""

    class Late:
        auth, method, data = None, "POST", {}

        def get_full_path(self) -> str:
            return "/api/v1/run/backtest"

    def fail() -> Any:
        claim = {"attempt": 2, "reply": '{"run_id": "x"}' if answered else ""}
        KeptReply.objects.update(**claim)
        raise InvalidInput("INVALID_VALUE", "too late")

    with pytest.raises(InvalidInput):
        idempotency.once(Late(), "mine", fail)  # type: ignore[arg-type]
    kept = KeptReply.objects.get()
    assert (kept.attempt, bool(kept.reply)) == (2, answered)

    def succeed() -> Any:
        KeptReply.objects.update(attempt=9, reply="")
        return Response({"run_id": "mine"})

    KeptReply.objects.update(
        attempt=3, reply="", claimed_at=timezone.now() - 2 * idempotency.IN_FLIGHT
    )
    idempotency.once(Late(), "mine", succeed)  # type: ignore[arg-type]
    assert KeptReply.objects.get().reply == ""


@pytest.mark.django_db(transaction=True)
def test_a_reply_that_cannot_be_kept_is_sent_all_the_same(caplog):
    def full(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith('UPDATE "api_keptreply"'):
            raise DatabaseError("disk full")
        return execute(sql, *rest)

    with connection.execute_wrapper(full):
        started = reply(post("/run/backtest", GOOD))
    assert "could not be kept" in caplog.text
    assert str(Run.objects.get().public_id) == started["run_id"]


# --- a day later -----------------------------------------------------------------------------


def age(by: timedelta) -> None:
    KeptReply.objects.update(created_at=timezone.now() - by, claimed_at=timezone.now() - by)


def test_replies_are_kept_for_24_hours():
    assert timedelta(hours=24) == KEPT_FOR
    first = reply(post(CHECK, {}))
    age(KEPT_FOR - timedelta(seconds=30))
    assert reply(post(CHECK, {})) == first
    age(KEPT_FOR)
    again = post(CHECK, {})
    assert REPLAYED not in again.headers
    reply(post(CHECK, {"params": {"fast_period": 3}}, "other"))


def test_a_key_never_starts_a_second_run_however_late_it_comes():
    first = reply(post("/run/backtest", GOOD))
    age(KEPT_FOR)
    assert reply(post("/run/backtest", GOOD))["run_id"] == first["run_id"]
    age(KEPT_FOR)
    error(post("/run/backtest", GOOD | {"slippage": 0.5}), 400, "IDEMPOTENCY_MISMATCH")
    assert Run.objects.count() == 1


def test_old_replies_are_thrown_away(monkeypatch):
    for name in "abc":
        reply(post(CHECK, {}, name))
    age(KEPT_FOR)
    monkeypatch.setattr(idempotency._Pruning, "at", float("-inf"))
    reply(post(CHECK, {}, "d"))
    assert list(KeptReply.objects.values_list("key", flat=True)) == ["d"]


# --- what is kept ----------------------------------------------------------------------------


def test_nothing_of_a_body_can_be_read_from_what_is_kept(settings):
    secret = "S3cr3t-of-the-venue"
    body = PAPER | {"exchange_config": {"apiKey": "k" * 20, "secret": secret}}
    reply(post("/run/live", body))
    kept = KeptReply.objects.get()
    assert secret not in str(vars(kept))
    settings.SECRET_KEY = "x" * 60
    error(post("/run/live", body), 400, "IDEMPOTENCY_MISMATCH")
