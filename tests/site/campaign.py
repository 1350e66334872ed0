"""Generated requests at a desk, right, wrong and well aimed, and what every answer must be."""

from __future__ import annotations

import collections
import json
import math
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import requests
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

from tests.desk import Desk

from .aims import Aimed

LONGEST_SECONDS = 2.0
ON_TOP = 2.0
LONGEST = {
    # A process of its own: a minute and more by contract, seconds by experience.
    "check_strategy": 30.0,
    "run_drift": 30.0,
    # Wait for the trader as long as runs.trading.desk.PATIENCE.
    "place_order": 3.0 + ON_TOP,
    "cancel_order": 3.0 + ON_TOP,
    # Waits until no order can be on its way to the venue any more.
    "account_kill": 20.0,
    # The venue is asked for what the account holds.
    "run_live, live": 5.0,
}
"""Seconds that these may take; all others LONGEST_SECONDS."""
TRIES = 3
"""A machine that is busy with others may stop for seconds, but not each time."""
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
_SCOPES = re.compile(r"Scope: (.*)\.")
# What is refused before anybody looks at the key.
_BEFORE_KEYS = {"INVALID_REQUEST", "BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE", "LENGTH_REQUIRED"}


@dataclass(frozen=True)
class Caller:
    """Who asks; `scopes` None: with a key that is none."""

    name: str
    scopes: frozenset[str] | None
    headers: Mapping[str, str] = field(default_factory=dict)


class Campaign:
    """Sends cases, holds each answer to the schema, and counts."""

    def __init__(
        self,
        desk: Desk,
        aimed: dict[str, Aimed],
        callers: list[Caller],
        before: dict[str, Callable[[dict[str, Any]], dict[str, Any]]],
    ) -> None:
        """`callers`: the first may everything.  `before`: what an aimed request needs done."""
        self.desk, self.aimed, self.callers, self.before = desk, aimed, callers, before
        self.schema = schemathesis.openapi.from_url(f"{desk.url}/schema")
        # Who asks is said by `callers`.
        self.schema.config.generation.update(with_security_parameters=False)
        self.operations = {
            found.ok().definition.raw["operationId"]: found.ok()
            for found in self.schema.get_all_operations()
        }
        self.answers: dict[str, collections.Counter[int]] = collections.defaultdict(
            collections.Counter
        )
        self.by_caller: dict[str, collections.Counter[int]] = collections.defaultdict(
            collections.Counter
        )
        self.slowest: dict[str, float] = collections.defaultdict(float)
        self.last = b""
        self.again = 0
        self._session = requests.Session()

    def send(
        self, name: str, case: Any, caller: Caller, check: Callable[..., Any] | None = None
    ) -> int:
        operation = name.partition(",")[0]
        for _ in range(TRIES):
            began = time.perf_counter()
            answer = case.call(
                base_url=self.desk.url.removesuffix("/api/v1"),
                session=self._session,
                headers=dict(caller.headers),
                timeout=60,
            )
            seconds = time.perf_counter() - began
            if seconds < LONGEST.get(name, LONGEST_SECONDS):
                break
            self.again += 1
        self.slowest[name] = max(self.slowest[name], seconds)
        assert seconds < LONGEST.get(name, LONGEST_SECONDS), (name, seconds)
        case.validate_response(answer, checks=[*CHECKS, *([check] if check else [])])
        status, code = int(answer.status_code), ""
        responses = case.operation.definition.raw["responses"]
        if status >= 400:
            body = answer.json()
            assert body.keys() == {"error"}, body
            assert body["error"].keys() == {"code", "message", "details"}, body
            code = body["error"]["code"]
            assert code in responses[str(status)]["description"], (name, body)
        needed = _SCOPES.search(responses.get("403", {}).get("description", ""))
        if needed is not None and code not in _BEFORE_KEYS:
            scopes = set(re.findall(r"`(\w+)`", needed[1]))
            assert scopes, needed
            if caller.scopes is None:
                assert status == 401, (name, caller.name, status)
            elif not caller.scopes & scopes:
                assert (status, code) == (403, "PERMISSION_DENIED"), (name, caller.name, status)
        self.last = bytes(answer.content[:500])
        self.answers[operation][status] += 1
        self.by_caller[caller.name][status] += 1
        return status

    def run(self, cases: int) -> None:
        wrong = {name for name, operation in self.operations.items() if _can_be_wrong(operation)}
        each = math.ceil(cases / (len(self.operations) + len(self.aimed) + len(wrong)))
        # One that may everything is the most likely to reach something.
        anybody = st.sampled_from([self.callers[0]] * len(self.callers) + self.callers)
        for number, (name, operation) in enumerate(self.operations.items(), 1):
            self._each(each, operation.as_strategy(), anybody, partial(self.send, name))
            if name in wrong:
                invalid = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
                refused = partial(self.send, name, check=negative_data_rejection)
                self._each(each, invalid, anybody, refused)
            for aim, strategy in self.aimed.items():
                if aim.partition(",")[0] == name:
                    first = st.just(self.callers[0])
                    self._each(each, strategy, first, partial(self._aim, aim))
            print(f"{number}/{len(self.operations)} {name} {dict(self.answers[name])}", flush=True)

    def figures(self) -> str:
        """What was sent, as JSON."""
        sent = {name: sum(counts.values()) for name, counts in self.answers.items()}
        lines = {
            "cases": sum(sent.values()),
            "succeeded": {name: counts[200] for name, counts in self.answers.items()},
            "sent": sent,
            "slow, and sent again": self.again,
            "by_caller": {name: dict(counts) for name, counts in self.by_caller.items()},
            "slowest_s": {
                name: round(seconds, 2)
                for name, seconds in sorted(self.slowest.items(), key=lambda row: -row[1])[:12]
            },
        }
        return "\n".join(f"{name}: {json.dumps(value)}" for name, value in lines.items())

    def _aim(self, name: str, parts: dict[str, Any], caller: Caller) -> None:
        if name in self.before:
            parts = self.before[name](parts)
        media = {"media_type": "application/json"} if "body" in parts else {}
        case = self.operations[name.partition(",")[0]].Case(**parts, **media)
        status = self.send(name, case, caller)
        assert status == 200, (name, status, self.last)

    @staticmethod
    def _each(
        count: int,
        strategy: st.SearchStrategy[Any],
        callers: st.SearchStrategy[Caller],
        act: Callable[[Any, Caller], Any],
    ) -> None:
        @seed(20240101)
        @settings(
            max_examples=count,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(strategy, callers, st.integers(0, 2**32))
        def go(value: Any, caller: Caller, again: int) -> None:
            """`again` keeps a request without choices from being made only once."""
            act(value, caller=caller)

        go()


def _can_be_wrong(operation: Any) -> bool:
    """Any text may stand in a path; only queries, headers and bodies break their schema."""
    return bool(operation.body) or any(
        parameter.location.value != "path" for parameter in operation.iter_parameters()
    )
