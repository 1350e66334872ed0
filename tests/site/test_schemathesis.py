"""A running desk against its own schema: generated requests, right, wrong and well aimed.

CRACKTRADER_TEST_SCHEMATHESIS sets the number of cases; from 2,000 on, every
operation must have succeeded at least 20 times.
"""

from __future__ import annotations

import collections
import contextlib
import http.client
import json
import logging
import math
import os
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from runs.examples import REPLAY_BODY
from runs.filters import ORDERINGS
from tests.desk import DONE, EXAMPLE, Desk

pytestmark = pytest.mark.process

logging.getLogger("httpx").setLevel(logging.WARNING)
CASES = int(os.environ.get("CRACKTRADER_TEST_SCHEMATHESIS", "300"))
WANTED_SUCCESSES = 20
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
TABLES = ("trades", "orders", "equity")

Aimed = st.SearchStrategy[dict[str, Any]]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Desk(tmp_path_factory.mktemp("desk")) as running:
        yield running


@pytest.fixture(scope="module")
def known(desk: Desk) -> dict[str, str]:
    """Runs to ask for: two that completed, one of them a replay, and two that did not."""
    completed = desk.start_backtest()
    failed = desk.start_backtest(exchange="binance", end_date="2024-01-02T00:00:00Z")
    assert desk.wait(completed)["status"] == "completed"
    desk.http.post("/run/stop", json={"run_id": failed})
    replayed, replaying = (
        desk.http.post("/run/live", json=REPLAY_BODY | {"replay": REPLAY_BODY["replay"] | changes})
        for changes in ({}, {"speed": 5e4})
    )
    replay = replayed.json()["run_id"]
    assert desk.wait(replay)["status"] == "completed"
    paper = replaying.json()["run_id"]
    return {"completed": completed, "other": failed, "replay": replay, "paper": paper}


fraction = st.floats(0.001, 0.9)
OPTIONAL: dict[str, st.SearchStrategy[Any]] = {
    "fee": fraction | st.just(0),
    "slippage": fraction,
    "stop_loss": fraction,
    "take_profit": st.floats(0.001, 100),
    "position_size": fraction,
    "cash": st.sampled_from(["sleeves", "shared"]),
    "max_drawdown": fraction | st.none(),
    "daily_loss": fraction,
}


def backtests() -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that must start a run, each over few bars."""
    return st.fixed_dictionaries(EXAMPLE_PARTS, optional=OPTIONAL)


def replays() -> st.SearchStrategy[dict[str, Any]]:
    """Bodies that must start a replay, at any speed; and what one may say of an account."""
    dates = {name: EXAMPLE[name] for name in ("start_date", "end_date")}
    parts = {name: part for name, part in EXAMPLE_PARTS.items() if name not in dates}
    config = st.sampled_from([{}, {"sandbox": True}, {"apiKey": "a", "secret": "b"}])
    replay = st.fixed_dictionaries(
        {name: st.just(value) for name, value in dates.items()},
        optional={"speed": st.sampled_from([0, 1, 1e9])},
    )
    starts = {"mode": st.just("paper"), "replay": replay}
    made = st.fixed_dictionaries(parts | starts, optional=OPTIONAL | {"exchange_config": config})
    return made | st.just(REPLAY_BODY)


EXAMPLE_PARTS: dict[str, st.SearchStrategy[Any]] = {
    name: st.just(value) for name, value in EXAMPLE.items()
} | {
    "strategy_name": st.sampled_from(["BuyAndHold", "MacdTrend", "DonchianBreakout"]),
    "strategy_params": st.just({}),
    "symbols": st.lists(st.sampled_from(["BTC/USDT", "ETH/USDT"]), min_size=1, unique=True),
    "timeframe": st.sampled_from(["1h", "4h", "1d"]),
    "initial_cash": st.floats(1, 1e12),
}


def aimed_at(known: dict[str, str]) -> dict[str, Aimed]:
    """For each operation, requests that must succeed; but for `NEEDS_VENUE`."""
    completed = st.sampled_from([known["completed"], known["replay"]])
    either = st.sampled_from(sorted(known.values()))
    asked = st.fixed_dictionaries({}, optional={"run_id": either})
    page = st.fixed_dictionaries(
        {}, optional={"cursor": st.integers(0, 99), "limit": st.integers(1, 999)}
    )
    events = st.fixed_dictionaries(
        {}, optional={"since": st.integers(0, 9), "limit": st.integers(1, 9)}
    )
    listed = st.fixed_dictionaries(
        {},
        optional={
            "status": st.sampled_from(["completed", "failed", "stopped"]),
            "mode": st.sampled_from(["backtest", "paper"]),
            "strategy_name": st.text("abcXYZ", min_size=1),
            "exchange": st.just("simulated"),
            "symbol": st.just("BTC/USDT"),
            "order": st.sampled_from(sorted(ORDERINGS)),
            "limit": st.integers(1, 500),
        },
    )
    names = st.sampled_from(["BuyAndHold", "TestStrategy", "MomentumRotation"])

    def of(**parts: st.SearchStrategy[Any]) -> Aimed:
        return st.fixed_dictionaries(parts)

    a_run = st.fixed_dictionaries({"run_id": either})
    return {
        "health": of(),
        "status": of(query=asked),
        "status_detailed": of(query=asked),
        "results": of(query=a_run),
        "strategies": of(),
        "strategy": of(path_parameters=st.fixed_dictionaries({"name": names})),
        "check_strategy": of(
            path_parameters=st.fixed_dictionaries({"name": st.just("BuyAndHold")}),
            body=st.sampled_from([{}, {"params": {}}]),
        ),
        "exchanges": of(query=st.fixed_dictionaries({}, optional={"all": st.just("true")})),
        "run_backtest": of(body=backtests()),
        "run_live": of(body=replays()),
        "run_stop": of(
            body=st.fixed_dictionaries({"run_id": either}, optional={"flatten": st.booleans()})
        ),
        "run_reset": of(),
        "runs": of(query=listed),
        "run": of(path_parameters=a_run),
        "run_events": of(path_parameters=a_run, query=events),
        "run_drift": of(
            path_parameters=st.fixed_dictionaries({"run_id": st.just(known["replay"])})
        ),
        "run_artifacts": of(path_parameters=a_run),
        "run_artifact": of(
            path_parameters=st.fixed_dictionaries(
                {"run_id": completed, "name": st.sampled_from(TABLES)}
            )
        ),
        **{f"run_{name}": of(path_parameters=a_run, query=page) for name in TABLES},
        **{name: of(query=asked) for name in ("balance", "positions", "orders")},
        **{name: of() for name in ("accounts", "discrepancies")},
    }


NEEDS_VENUE = {
    "account", "account_kill", "account_release", "resolve_discrepancy",
    "order", "place_order", "cancel_order",
}  # fmt: skip
"""What can only succeed on a venue's account, of which this desk has none."""


class Campaign:
    """Sends cases, holds each answer to the schema, and counts."""

    def __init__(self, desk: Desk, known: dict[str, str]) -> None:
        self.desk = desk
        self.aimed = aimed_at(known)
        self.schema = schemathesis.openapi.from_url(f"{desk.url}/schema")
        self.operations = {
            found.ok().definition.raw["operationId"]: found.ok()
            for found in self.schema.get_all_operations()
        }
        self.answers: dict[str, collections.Counter[int]] = collections.defaultdict(
            collections.Counter
        )
        self.slowest = 0.0

    def send(self, name: str, case: Any, check: Callable[..., Any] | None = None) -> int:
        began = time.perf_counter()
        answer = case.call(base_url=self.desk.url.removesuffix("/api/v1"))
        self.slowest = max(self.slowest, time.perf_counter() - began)
        case.validate_response(answer, checks=[*CHECKS, *([check] if check else [])])
        status = int(answer.status_code)
        if status >= 400:
            body = answer.json()["error"]
            documented = case.operation.definition.raw["responses"][str(status)]["description"]
            assert body["code"] in documented, (name, body)
        self.answers[name][status] += 1
        return status

    def settle(self) -> None:
        """Ends the newest run, so that the runner can be reset."""
        self.desk.http.post("/run/stop")
        deadline = time.monotonic() + 30
        while self.desk.http.get("/status").json()["status"] not in ("idle", *DONE):
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def run(self, cases: int) -> None:
        wrong = {name for name, operation in self.operations.items() if _can_be_wrong(operation)}
        each = math.ceil(cases / (2 * len(self.operations) + len(wrong)))
        for name, operation in self.operations.items():
            self._each(each, operation.as_strategy(), partial(self.send, name))
            if name in wrong:
                invalid = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
                self._each(each, invalid, partial(self.send, name, check=negative_data_rejection))
            if name in self.aimed:
                self._each(each, self.aimed[name], partial(self._aim, name))

    def _aim(self, name: str, parts: dict[str, Any]) -> None:
        if name == "run_reset":
            self.settle()
        media = {"media_type": "application/json"} if "body" in parts else {}
        case = self.operations[name].Case(**parts, **media)
        assert self.send(name, case) == 200

    @staticmethod
    def _each(count: int, strategy: st.SearchStrategy[Any], act: Callable[[Any], Any]) -> None:
        @seed(20240101)
        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy, st.integers(0, 2**32))
        def go(value: Any, again: int) -> None:
            """`again` keeps a request without choices from being made only once."""
            act(value)

        go()


def _can_be_wrong(operation: Any) -> bool:
    """Any text may stand in a path; only queries, headers and bodies break their schema."""
    return bool(operation.body) or any(
        parameter.location.value != "path" for parameter in operation.iter_parameters()
    )


def test_every_answer_is_as_the_schema_says(desk: Desk, known: dict[str, str]) -> None:
    campaign = Campaign(desk, known)
    assert campaign.operations.keys() == campaign.aimed.keys() | NEEDS_VENUE
    campaign.run(CASES)
    sent = sum(sum(counts.values()) for counts in campaign.answers.values())
    figures = {name: dict(counts) for name, counts in campaign.answers.items()}
    print(json.dumps({"cases": sent, "slowest_s": round(campaign.slowest, 3), **figures}, indent=1))
    for name, counts in campaign.answers.items():
        wanted = WANTED_SUCCESSES if CASES >= 2_000 else 1
        assert name in NEEDS_VENUE or counts[200] >= wanted, (name, counts)
        assert not [status for status in counts if status >= 500]
    assert desk.health() == "ok"
    assert "Traceback" not in desk.log.read_text()


# --- what no client library would send -------------------------------------------------------


def exchange(desk: Desk, raw: bytes) -> tuple[int, str, bytes]:
    """Status, content type and body of the answer to raw bytes."""
    with socket.create_connection(("127.0.0.1", desk.port), timeout=10) as wire:
        with contextlib.suppress(ConnectionError):
            wire.sendall(raw)
        answer = http.client.HTTPResponse(wire)
        answer.begin()
        return answer.status, answer.headers["Content-Type"], answer.read()


def request(head: str, body: bytes = b"", host: str = "localhost") -> bytes:
    return f"{head}\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode("latin-1") + body


POST = "POST /api/v1/run/backtest HTTP/1.1\r\nContent-Type: application/json"
CHUNKED = b'5\r\n{"a":\r\n2\r\n1}\r\n0\r\n\r\n'
RAW = {
    "chunked": (request(f"{POST}\r\nTransfer-Encoding: chunked", CHUNKED), 400),
    "3 MB": (request(f"{POST}\r\nContent-Length: 3000000", b" " * 3_000_000), 413),
    "3 MB chunked": (
        request(f"{POST}\r\nTransfer-Encoding: chunked", b"2DC6C0\r\n" + b" " * 3_000_000), 400),
    "rebound": (request("GET /api/v1/status HTTP/1.1", host="evil.example"), 400),
    "foreign": (request("POST /api/v1/run/stop HTTP/1.1\r\nOrigin: http://evil.example"), 403),
    "broken origin": (request("POST /api/v1/run/stop HTTP/1.1\r\nOrigin: http://["), 403),
    "line feed": (request("GET /api/v1/status%0A HTTP/1.1"), 404),
    "nul": (request("GET /api/v1/runs/%00 HTTP/1.1"), 404),
    "surrogate": (request("GET /api/v1/runs?status=%ED%A0%80 HTTP/1.1"), 400),
    "dots": (request("GET /api/v1/../../etc/passwd HTTP/1.1"), 404),
    "long": (request(f"GET /api/v1/runs?cursor={'a' * 60_000} HTTP/1.1"), 400),
}  # fmt: skip
UNREADABLE = {
    "a byte that is no text": request("GET /api/v1/runs?x=\xff HTTP/1.1"),
    "two lengths": request(f"{POST}\r\nContent-Length: 2\r\nContent-Length: 3", b"{} "),
    "a negative length": request(f"{POST}\r\nContent-Length: -5"),
    "two hosts": request("GET /api/v1/status HTTP/1.1\r\nHost: localhost"),
    "no protocol": b"hello\r\n\r\n",
}


@pytest.mark.parametrize(("raw", "status"), RAW.values(), ids=RAW.keys())
def test_odd_requests_on_the_wire_are_answered_in_the_envelope(desk, raw, status):
    found, kind, body = exchange(desk, raw)
    assert (found, kind) == (status, "application/json"), body[:300]
    assert json.loads(body)["error"]["code"]


@pytest.mark.parametrize("raw", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_is_not_http_is_400_and_harms_nothing(desk, raw):
    status, _, body = exchange(desk, raw)
    assert status == 400, body[:300]
    assert desk.health() == "ok"
