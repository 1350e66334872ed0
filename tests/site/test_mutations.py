"""Bodies, queries and headers, mutated: a desk in process answers each, with keys and without.

CRACKTRADER_TEST_MUTATIONS sets how many there are, each time; more with `make test-long`.
"""

# ruff: noqa: F811

from __future__ import annotations

import base64
import collections
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from cracktrader_site.api import keys
from exchanges.models import Exchange
from runs.bodies import CONFIG_KEYS, BacktestRequest, LiveTradingRequest, ReplayRequest, StopRequest
from runs.examples import PAPER_BODY, REPLAY_BODY
from runs.filters import ORDERINGS
from runs.models import Discrepancy, Run, Sweep
from runs.sweeps.examples import GRID_BODY, WALK_FORWARD_BODY
from runs.sweeps.serializers import SweepRequest, TrialRunRequest, WalkForwardRequest
from runs.trading import bodies
from runs.trading import desk as trading_desk
from strategies import probe
from strategies.findings import CheckReport
from strategies.serializers import CheckRequestSerializer
from tests.rounds import rounds
from tests.runs import finished as made
from tests.runs import sweeping
from tests.runs.lives import KEY, SECRET, Wire, desk, intend, wire  # noqa: F401
from tests.site.api import API, BACKTEST, GOOD, HUGE, LIVE, LONGEST_SECONDS, error

TOLD_EVERY = 5_000
TRIES = 3
"""A machine that is busy with others may stop for seconds, but not each time."""

# --- what is sent ----------------------------------------------------------------------------

ODD_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats() | ODD_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ODD_TEXT, inner, max_size=3),
    max_leaves=6,
)
NEAR: list[Any] = ["BuyAndHold", "MomentumRotation", "1m", "1w", "binance", "simulated", "wire",
                   "live", "paper", "shared", "2024-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
                   "2026-01-01T00:00:00+01:00", ["BTC/USDT"], ["ETH/USDT", "SOL/USDT"], {},
                   {"period": 2}, {"sandbox": False}, {"apiKey": "a", "secret": "b"}, None, 0, 1,
                   0.5, 1e12, True, False, "buy", "market", "limit", "0.01", "1e3", "adopt",
                   "close", ["block"], ["block", "flatten"], "BTC/USDT", HUGE,
                   {"fast_period": [5, 6]}, {"fast_period": {"min": 2, "max": 9, "step": 0}},
                   {"run.stop_loss": {"min": 0.01, "max": 1e308, "log": True}}, ["1h", "4h"],
                   {"in_sample": 100, "out_of_sample": 10**7}, {"slow_period": [None, [], {}]},
                   {"speed": 0}, {"speed": 1e9, "start_date": "2024-01-01T00:00:00Z"}]  # fmt: skip
near_values = st.sampled_from(NEAR) | json_values
FIELDS = {
    form: sorted(form().fields)
    for form in (BacktestRequest, LiveTradingRequest, StopRequest, CheckRequestSerializer,
                 SweepRequest, TrialRunRequest,
                 bodies.ManualOrderRequest, bodies.KillRequest, bodies.ReleaseRequest,
                 bodies.ResolveRequest)
}  # fmt: skip
ALL_FIELDS = sorted({*CONFIG_KEYS}.union(*FIELDS.values()))
INNER = sorted({*ReplayRequest().fields, *WalkForwardRequest().fields, *GRID_BODY["space"]})
own_fields = st.integers(0, 99)
fields = own_fields | own_fields | own_fields | st.sampled_from(ALL_FIELDS) | ODD_TEXT
QUERIES = ["sort", "segment", "variation", "failed", "x", "y", "metric", "fixed", "points",
           "run_id", "account_id", "symbol", "status", "cursor", "limit", "since", "open", "order",
           "all", "mode", "exchange", "strategy_name"]  # fmt: skip
query_values = ODD_TEXT | st.sampled_from(
    [
        "",
        "0",
        "1",
        "-1",
        "1e3",
        "9" * 30,
        "true",
        "false",
        "BTC/USDT",
        "filled",
        "live",
        HUGE[:5000],
        "\ud800",
        "%00",
        base64.urlsafe_b64encode(b'["-id",1]').decode(),
        *ORDERINGS,
    ]
)
LATIN = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n"), max_size=12)
HEADERS: dict[str, list[str]] = {
    "Idempotency-Key": ["a-1", "", "é", "x" * 256, "x" * 255, "a\tb", " "],
    "Authorization": ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer ct_0_0", f"Bearer {HUGE}",
                      f"Bearer ct_{'0' * 12}_{'A' * 43}", "bearer \x00"],
    "Host": ["localhost", "127.0.0.1:8000", "evil.example", "[::1", "", "a b", "é", "localhost:x"],
    "Origin": ["http://testserver", "null", "http://evil.example", "http://[", ""],
    "Sec-Fetch-Site": ["cross-site", "same-origin", "none", "same-site"],
    "Content-Type": ["text/plain", "application/json; charset=latin-1", "", "application/json;",
                     "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"],
    "Content-Length": ["0", "1", "-5", "x", "9" * 30, "1048577", "²"],
    "Content-Encoding": ["gzip", "identity", "br"],
    "Transfer-Encoding": ["chunked", "identity"],
    "X-Forwarded-For": ["127.0.0.1", "::1, 10.0.0.1", "x", HUGE],
    "X-Forwarded-Proto": ["https", "x"],
    "X-CSRFToken": ["x"],
    "Cookie": ["sessionid=x; csrftoken=y", "sessionid=\x00"],
    "Accept": ["text/html", "*/*", "application/xml", "é"],
    "Range": ["bytes=0-1"],
}  # fmt: skip
queries = st.dictionaries(st.sampled_from(QUERIES) | ODD_TEXT, query_values, max_size=2)
headers = st.dictionaries(st.sampled_from(sorted(HEADERS)), st.integers(0, 9) | LATIN, max_size=2)


@dataclass(frozen=True)
class Sent:
    """A request that is right, or was before it was mutated; its body's `fields` by name."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    form: type[Any] | None = None

    def field(self, name: int | str) -> str:
        """One of its own by number, or that name."""
        own = FIELDS[self.form] if self.form else [""]
        return own[name % len(own)] if isinstance(name, int) else name


@dataclass
class Desk:
    """What there is to ask for, and those who ask; a request's key is of `callers`."""

    posts: list[Sent]
    others: list[Sent]
    callers: dict[str, str]
    documented: list[tuple[str, re.Pattern[str], set[str]]]
    client: Client = field(default_factory=Client)
    answers: collections.Counter[str] = field(default_factory=collections.Counter)
    slowest: tuple[float, str] = (0.0, "")

    def ask(self, sent: Sent, content: bytes, query: str, said: dict[str, str]) -> Any:
        meta = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in said.items()}
        kind = meta.pop("HTTP_CONTENT_TYPE", "application/json")
        if "HTTP_CONTENT_LENGTH" in meta:
            meta["CONTENT_LENGTH"] = meta.pop("HTTP_CONTENT_LENGTH")
        path = f"{API}{sent.path}{query and '?'}{query}"
        for _ in range(TRIES):
            began = time.perf_counter()
            answer = self.client.generic(sent.method, path, content, kind, **meta)
            seconds = time.perf_counter() - began
            if seconds < LONGEST_SECONDS:
                break
            self.answers["slow, and sent again"] += 1
        self.slowest = max(self.slowest, (seconds, f"{sent.method} {sent.path}"))
        assert seconds < LONGEST_SECONDS
        if answer.status_code != 200:
            assert answer.status_code < 500
            code = error(answer, answer.status_code)["code"]
            assert code in self._codes(sent), (sent, code)
            self.answers[code] += 1
        else:
            self.answers[f"{sent.method} {sent.path.split('/')[-1]}"] += 1
        return answer

    def _codes(self, sent: Sent) -> set[str]:
        for method, path, codes in self.documented:
            if method == sent.method and path.fullmatch(API + sent.path):
                return codes
        raise AssertionError(f"{sent.path} is in no schema")


# What is refused before any view is asked, whatever the path.
ANYWHERE = {"INVALID_REQUEST", "FOREIGN_ORIGIN", "UNSUPPORTED_MEDIA_TYPE", "LENGTH_REQUIRED",
            "BODY_TOO_LARGE"}  # fmt: skip


def documented(schema: dict[str, Any]) -> list[tuple[str, re.Pattern[str], set[str]]]:
    """Method, path and error codes of each operation."""
    return [
        (
            method.upper(),
            re.compile(re.sub(r"\{\w+\}", "[^/]+", path)),
            ANYWHERE.union(
                *(
                    re.findall(r"[A-Z_]{6,}", answer["description"])
                    for answer in operation["responses"].values()
                )
            ),
        )
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    ]


def callers() -> tuple[str, dict[str, str]]:
    """The owner with every scope, and a header of each kind of caller there is."""
    whole, text = keys.create("whole", keys.SCOPES, "test")
    made = {"whole": text}
    made |= {scope: keys.create(scope, [scope], "test")[1] for scope in keys.SCOPES}
    revoked, made["revoked"] = keys.create("revoked", keys.SCOPES, "test")
    keys.revoke(revoked, "test")
    expired, made["expired"] = keys.create("expired", keys.SCOPES, "test")
    type(expired).objects.filter(pk=expired.pk).update(
        expires_at=timezone.now() - timedelta(minutes=1)
    )
    return whole.prefix, {name: f"Bearer {text}" for name, text in made.items()} | {"nobody": ""}


@pytest.fixture(params=[False, True], ids=["without keys", "with keys"])
def mutated(request: Any, wire: Wire, settings: Any, monkeypatch: Any) -> Iterator[Desk]:
    """A desk with a run in each mode, whose venues are all the one in this process."""
    monkeypatch.setattr(trading_desk, "PATIENCE", 0.01)
    # A process for each would take seconds; tests/site/test_schemathesis.py has real ones.
    monkeypatch.setattr(probe, "check", lambda *_: CheckReport("TestStrategy", {}))
    Exchange.objects.filter(ccxt_id="binance").update(base_url=wire.server.url)
    owner, known = callers()
    finished = made.finished()
    run = wire.started()
    order = intend(run, amount="0.01")
    row = Discrepancy.objects.create(
        account=run.account, kind=Discrepancy.Kind.STATE_MISMATCH, subject="x", symbol="BTC/USDT"
    )
    swept = sweeping.finished(**GRID_BODY)
    Run.objects.update(owner=owner)
    Sweep.objects.update(owner=owner)
    type(order).objects.update(owner=owner)
    schema = SchemaGenerator().get_schema(request=None, public=True)
    run_id, account_id = str(run.public_id), str(run.account.public_id)
    account, it = f"/accounts/{account_id}", f"/runs/{finished.public_id}"
    sweep = f"/sweeps/{swept.public_id}"
    real = PAPER_BODY | {
        "mode": "live", "exchange": "wire", "symbols": ["ETH/USDT"], "timeframe": "1m",
        "initial_cash": 100, "confirm_live": True,
        "exchange_config": {"apiKey": KEY, "secret": SECRET},
    }  # fmt: skip
    by_hand = {"symbol": "BTC/USDT", "side": "buy", "amount": "0.01", "confirm_live": True}
    starts = [
        (BACKTEST, GOOD, BacktestRequest),
        *((LIVE, body, LiveTradingRequest) for body in (PAPER_BODY, REPLAY_BODY, real)),
        *(("/run/sweep", body, SweepRequest) for body in (GRID_BODY, WALK_FORWARD_BODY)),
    ]
    limited = by_hand | {"account_id": account_id, "type": "limit", "price": "40000"}
    orders = [
        ("/orders", body, bodies.ManualOrderRequest)
        for body in (limited, by_hand | {"run_id": run_id, "type": "market"})
    ]
    resolve = f"/discrepancies/{row.pk}/resolve"
    few = [
        ("/run/stop", {"run_id": run_id, "flatten": True}, StopRequest),
        ("/strategies/TestStrategy/check", {"params": {"period": 20}}, CheckRequestSerializer),
        (resolve, {"action": "ignore"}, bodies.ResolveRequest),
        (f"{sweep}/trials/3/run", {"mode": "paper"}, TrialRunRequest),
        (f"{account}/kill", {"steps": ["block"], "reason": "why not"}, bodies.KillRequest),
        (f"{account}/release", {"confirm": True}, bodies.ReleaseRequest),
    ]
    tables = [f"{it}/{name}" for name in ("trades", "orders", "equity", "events", "artifacts")]
    gets = ["/health", "/status", "/status/detailed", "/results", "/balance", "/positions", "/runs",
            "/accounts", account, "/orders", f"/orders/{order.client_id}", "/discrepancies",
            "/strategies", "/strategies/TestStrategy", "/exchanges", it, *tables, "/sweeps", sweep,
            *(f"{sweep}/{part}" for part in ("trials", "trials/3", "heatmap", "equity")),
            ]  # fmt: skip
    settings.AUTH = settings.LIVE_TRADING = request.param
    there = Desk(
        posts=[Sent("POST", *sent) for sent in [*starts * 3, *orders * 2, *few]],
        others=[
            *(Sent("GET", path) for path in gets),
            *[Sent("DELETE", "/run/reset"), Sent("DELETE", f"/orders/{order.client_id}")] * 3,
        ],
        callers=known if request.param else {"nobody": ""},
        documented=documented(schema),
    )
    yield there
    told = {"slowest": there.slowest, **dict(there.answers.most_common())}
    print(json.dumps(told, indent=1))


# --- and what comes of it --------------------------------------------------------------------


@pytest.mark.parametrize("mutations", rounds("CRACKTRADER_TEST_MUTATIONS", 150, 2_000))
def test_no_mutation_of_a_request_is_more_than_a_refusal(mutated: Desk, mutations: int) -> None:
    count = 0

    @settings(
        max_examples=mutations,
        deadline=None,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        sent=st.sampled_from(mutated.posts * 4 + mutated.others),
        caller=st.sampled_from(["whole"] * 24 + sorted(mutated.callers)),
        changes=st.dictionaries(fields, near_values, max_size=3),
        inner=st.dictionaries(st.sampled_from(INNER), near_values, max_size=2),
        dropped=st.sets(st.integers(0, 40), max_size=2),
        cut=st.integers(0, 9_999),
        query=st.just({}) | queries,
        more=st.just({}) | headers,
        again=st.integers(0, 9),
    )
    def go(
        sent: Sent, caller: str, changes: dict[str, Any], inner: dict[str, Any],
        dropped: set[int], cut: int, query: dict[str, str], more: dict[str, Any],
        again: int,
    ) -> None:  # fmt: skip
        nonlocal count
        count += 1
        if count % TOLD_EVERY == 0:
            print(f"{count} of {mutations}, slowest {mutated.slowest}", flush=True)
        said = {name: _said(name, value) for name, value in more.items()}
        if mutated.callers.get(caller):
            said.setdefault("Authorization", mutated.callers[caller])
        content = b""
        if sent.body is not None:
            named = {sent.field(name): value for name, value in changes.items()}
            body = _mutated(sent.body, named, inner, dropped)
            # Most are whole.
            content = json.dumps(body).encode()[: cut if cut < 600 else None]
        asked = "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in query.items())
        with transaction.atomic():
            answer = mutated.ask(sent, content, asked, said)
            if "Idempotency-Key" in said or not again:
                repeated = mutated.ask(sent, content, asked, said)
                if answer.status_code == 200 and sent.body and "Idempotency-Key" in said:
                    # A reply that is kept; or the same order, block or release again.
                    assert (repeated.status_code, repeated.content) == (200, answer.content)
            # Each example meets the same desk.
            transaction.set_rollback(True)

    go()


def _mutated(
    body: dict[str, Any], changes: dict[str, Any], inner: dict[str, Any], dropped: set[int]
) -> dict[str, Any]:
    for name in ("replay", "walk_forward", "space"):
        if name in body:
            body = body | {name: body[name] | inner}
    without = {name for number, name in enumerate(body) if number in dropped}
    return {name: v for name, v in (body | changes).items() if name not in without}


def _said(name: str, value: int | str) -> str:
    known = HEADERS[name]
    return known[value % len(known)] if isinstance(value, int) else value


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogatepass"))
