"""Two keys at one desk: neither sees, stops, changes or guesses what is the other's.

Every route that takes an id is asked about the other key's thing and about
one that never was: the answers are the same, byte for byte but for the id.
That streams tell a key of its own runs only is held by test_keys.py.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client

from exchanges.domain import InvalidInput
from exchanges.models import Account, Exchange
from exchanges.services import accounts, sync_exchanges
from runs import queries, recorder, services
from runs.models import Discrepancy, LiveSymbol, Run, Sweep, Trial, VenueOrder
from runs.sweeps.examples import GRID_BODY
from strategies.services import sync_strategies
from tests.exchanges.signing_in import set_keys
from tests.runs import sweeping
from tests.runs.factory import make_run
from tests.site.api import API, error, strict_json
from tests.site.test_keys import GOOD, GUARDED, PAPER, make, prefix

pytestmark = pytest.mark.django_db

# What each route that names a thing wants in its body, right in all but whose it is.
BODIES: dict[str, dict[str, Any]] = {
    "POST /accounts/<account_id>/kill": {"reason": "mine"},
    "POST /accounts/<account_id>/release": {"confirm": True},
    "POST /discrepancies/<discrepancy_id>/resolve": {"action": "ignore"},
}
# No such thing is a caller's own.
SHARED = {"name", "number"}
BY_QUERY = ("/status", "/status/detailed", "/results", "/balance", "/positions", "/orders",
            "/discrepancies")  # fmt: skip


@dataclass
class Holder:
    """A key, and one of each thing that only it may know of."""

    key: str
    run: Run
    live: Run
    account: Account
    order: VenueOrder
    discrepancy: Discrepancy
    sweep: Sweep

    def ids(self) -> dict[str, str]:
        return {
            "run_id": str(self.run.public_id),
            "account_id": str(self.account.public_id),
            "order_id": self.order.client_id,
            "discrepancy_id": str(self.discrepancy.pk),
            "sweep_id": str(self.sweep.public_id),
        }

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        headers["Authorization"] = f"Bearer {self.key}"
        return Client().generic(
            method, API + path, json.dumps(body or {}).encode() if method != "GET" else b"",
            content_type="application/json", headers=headers,
        )  # fmt: skip

    def get(self, path: str) -> Any:
        answer = self.ask("GET", path)
        assert answer.status_code == 200, answer.content
        return strict_json(answer.content)


def holder(name: str) -> Holder:
    key = make(name=name)
    owner = prefix(key)
    run = make_run(status="running", mode="paper", owner=owner)
    recorder.append(run.id, "run.created", {})
    secrets = {"apiKey": f"{name}-{'k' * 20}", "secret": f"{name}-{'s' * 20}"}
    account = accounts.open_account(Exchange.objects.get(name="binance"), False, secrets)
    live = make_run(status="running", mode="live", owner=owner, account=account)
    order = VenueOrder.objects.create(
        account=account, run=live, owner=owner, order_id="o",
        client_id=f"x-{name}-{uuid.uuid4().hex[:24]}",
        symbol="BTC/USDT", side="buy", purpose="entry", created_ms=0, share=0.5,
    )  # fmt: skip
    discrepancy = Discrepancy.objects.create(
        account=account, run=live, kind="foreign_order", subject=name, symbol="BTC/USDT"
    )
    sweep = sweeping.start(owner, **GRID_BODY)
    Trial.objects.create(sweep=sweep, number=0, params={"fast_period": 5, "slow_period": 30})
    return Holder(key, run, live, account, order, discrepancy, sweep)


@pytest.fixture
def ann(settings: Any, db: None) -> Holder:
    settings.AUTH = settings.LIVE_TRADING = True
    set_keys(settings)
    sync_exchanges()
    sync_strategies()
    return holder("ann")


@pytest.fixture
def bob(ann: Holder) -> Holder:
    return holder("bob")


NOBODYS = {
    "run_id": str(uuid.uuid4()),
    "account_id": str(uuid.uuid4()),
    "order_id": f"x-nobody-{uuid.uuid4()}",
    "discrepancy_id": "987654321",
    "sweep_id": str(uuid.uuid4()),
}
NAMING = [
    (method, path) for path, method, _ in GUARDED if set(re.findall(r"<(\w+)>", path)) - SHARED
]


def filled(path: str, ids: dict[str, str]) -> str:
    others = {"name": "trades", "number": "0"}
    path = re.sub(r"<(\w+)>", lambda found: (ids | others)[found[1]], path)
    return f"{path}?x=fast_period" if path.endswith("/heatmap") else path


def told(answer: Any, ids: dict[str, str]) -> tuple[int, str, dict[str, str]]:
    text = answer.content.decode()
    # A short one may stand within a long one.
    for name, value in sorted(ids.items(), key=lambda item: -len(item[1])):
        text = text.replace(value, f"<{name}>")
    dull = {"Content-Length", "X-Request-Id"}
    return answer.status_code, text, {k: v for k, v in answer.items() if k not in dull}


def test_each_thing_that_routes_name_is_tried():
    assert {name for _, path in NAMING for name in re.findall(r"<(\w+)>", path)} - SHARED == set(
        NOBODYS
    )
    assert len(NAMING) >= 21


@pytest.mark.parametrize(("method", "path"), NAMING)
def test_anothers_thing_is_as_unknown_as_one_that_never_was(ann, bob, method, path):
    body = BODIES.get(f"{method} {path}")
    theirs = bob.ask(method, filled(path, ann.ids()), body)
    nobodys = bob.ask(method, filled(path, NOBODYS), body)
    assert theirs.status_code == 404
    assert told(theirs, ann.ids()) == told(nobodys, NOBODYS)
    own = ann.ask(method, filled(path, ann.ids()), body)
    assert own.status_code == 200 or b"_NOT_FOUND" not in own.content or "artifact" in path


@pytest.mark.parametrize("path", BY_QUERY)
@pytest.mark.parametrize("name", ["run_id", "account_id"])
def test_nor_does_a_query_find_it(ann, bob, path, name):
    theirs = bob.ask("GET", f"{path}?{name}={ann.ids()[name]}")
    assert theirs.status_code in (400, 404)
    nobodys = bob.ask("GET", f"{path}?{name}={NOBODYS[name]}")
    assert told(theirs, ann.ids()) == told(nobodys, NOBODYS)
    if theirs.status_code == 400:
        # This route does not know the parameter at all.
        error(theirs, 400, "UNKNOWN_FIELD")


def test_nor_does_a_body(ann, bob):
    for name, run in (("run", ann.run), ("live", ann.live)):
        stop = {"run_id": str(run.public_id), "flatten": True}
        error(bob.ask("POST", "/run/stop", stop), 404, "RUN_NOT_FOUND")
        order = {
            "run_id": str(run.public_id), "symbol": "BTC/USDT", "side": "buy", "type": "market",
            "amount": "1", "confirm_live": True,
        }  # fmt: skip
        error(bob.ask("POST", "/orders", order), 404, "RUN_NOT_FOUND")
        assert name
    del order["run_id"]
    order["account_id"] = str(ann.account.public_id)
    error(bob.ask("POST", "/orders", order), 404, "ACCOUNT_NOT_FOUND")
    assert not Run.objects.exclude(stop_requested_at=None).exists()
    assert VenueOrder.objects.count() == 2


def test_lists_and_the_singular_endpoints_speak_of_ones_own(ann, bob):
    for one, other in ((ann, bob), (bob, ann)):
        mine = {str(one.run.public_id), str(one.live.public_id)}
        assert {row["run_id"] for row in one.get("/runs?limit=500")["runs"]} == mine
        assert [a["account_id"] for a in one.get("/accounts")["accounts"]] == [
            str(one.account.public_id)
        ]
        assert [a["runs"] for a in one.get("/accounts")["accounts"]] == [[str(one.live.public_id)]]
        assert [o["client_order_id"] for o in one.get("/orders")["orders"]] == [one.order.client_id]
        assert [s["sweep_id"] for s in one.get("/sweeps")["sweeps"]] == [str(one.sweep.public_id)]
        found = one.get("/discrepancies")["discrepancies"]
        assert [d["id"] for d in found] == [one.discrepancy.pk]
        assert one.get("/status")["run_id"] == str(one.live.public_id)
        everything = "".join(
            one.ask("GET", filled(path, one.ids())).content.decode()
            for path, method, _ in GUARDED
            if method == "GET"
        )
        for secret in other.ids().values():
            if len(secret) > 10:
                assert secret not in everything
                assert secret.replace("-", "") not in everything


def test_a_page_of_one_key_cannot_be_turned_to_the_others(ann, bob):
    for _ in range(3):
        make_run(owner=ann.run.owner, status="completed")
    cursor = ann.get("/runs?limit=2")["next_cursor"]
    after = bob.get(f"/runs?cursor={cursor}")["runs"]
    assert {row["run_id"] for row in after} <= {
        str(bob.run.public_id), str(bob.live.public_id)
    }  # fmt: skip


def test_stop_and_reset_without_a_name_never_reach_the_others_run(ann, bob):
    assert bob.ask("POST", "/run/stop").json()["run_id"] == str(bob.live.public_id)
    Run.objects.filter(owner=bob.run.owner).update(status="stopped")
    assert bob.ask("DELETE", "/run/reset").status_code == 200
    assert bob.get("/status")["status"] == "idle"
    assert bob.ask("POST", "/run/stop").json()["run_id"] is None
    theirs = Run.objects.filter(owner=ann.run.owner)
    assert [run.stop_requested_at for run in theirs] == [None, None]
    assert ann.get("/status")["run_id"] == str(ann.live.public_id)


@pytest.mark.parametrize(
    ("path", "body"), [("/run/backtest", GOOD), ("/run/live", PAPER), ("/run/sweep", GRID_BODY)]
)
def test_the_others_idempotency_key_is_just_a_word(ann, bob, path, body):
    header = {"Idempotency-Key": "monday"}
    first = ann.ask("POST", path, body, **header)
    second = bob.ask("POST", path, body | {"slippage": 0.01}, **header)
    assert (first.status_code, second.status_code) == (200, 200), second.content
    name = "sweep_id" if path == "/run/sweep" else "run_id"
    assert first.json()[name] != second.json()[name]


def test_that_a_market_is_taken_does_not_say_by_which_run(ann, bob):
    LiveSymbol.objects.create(account=ann.account, symbol="BTC/USDT", run=ann.live)
    for owner, sees in ((bob.run.owner, False), (ann.run.owner, True), ("", True)):
        run = make_run(owner=owner, mode="live", account=ann.account)
        with pytest.raises(InvalidInput) as refused:
            services._take_symbols(run, ann.account)
        assert refused.value.code == "RUN_ALREADY_ACTIVE"
        assert ("run_id" in refused.value.details) is sees


def test_ids_cannot_be_guessed(ann):
    for field in (Run, Account, Sweep):
        public_id = field._meta.get_field("public_id")
        made = {public_id.get_default() for _ in range(50)}
        assert len(made) == 50
        assert {one.version for one in made} == {4}
    # As nobody of them would be found if lookups forgot whose a run is.
    assert queries.get_run(str(ann.run.public_id), ann.run.owner) == ann.run
