"""The client has all that the schema has: operations, parameters, fields, words and error codes.

What is looked at is what the client sends when its methods are called and what
its classes hold: nothing here knows how they came to be.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import json
import re
import subprocess
import sys
from typing import Any, get_args

import cracktrader
import pytest
from cracktrader import AsyncCrackTraderAPI, CrackTraderAPI, errors, models
from cracktrader._settings import API
from drf_spectacular.generators import SchemaGenerator

from cracktrader_site.api.errors import ERROR_CODES, RUN_CODES, WEBSOCKET_CODES
from tests.desk import ROOT

from .recording import Asked, everything, methods

AGREED = [
    "health",
    "get_meta",
    "get_status",
    "get_detailed_status",
    "start_backtest",
    "run_backtest",
    "start_live",
    "stop_run",
    "reset_runner",
    "get_results",
    "wait_for_run",
    "list_runs",
    "iterate_runs",
    "get_run",
    "get_trades",
    "get_run_orders",
    "get_equity",
    "get_events",
    "get_artifacts",
    "download_artifact",
    "get_drift",
    "start_sweep",
    "run_sweep",
    "wait_for_sweep",
    "get_sweep",
    "list_sweeps",
    "iterate_sweeps",
    "stop_sweep",
    "delete_sweep",
    "list_sweep_trials",
    "iterate_sweep_trials",
    "get_trial",
    "start_trial",
    "run_trial",
    "sweep_heatmap",
    "sweep_equity",
    "list_strategies",
    "get_strategy",
    "check_strategy",
    "list_exchanges",
    "list_accounts",
    "get_account",
    "kill_account",
    "release_account",
    "get_balance",
    "get_positions",
    "list_orders",
    "iterate_orders",
    "place_order",
    "get_order",
    "cancel_order",
    "list_discrepancies",
    "resolve_discrepancy",
    "stream_events",
    "stream_ticker",
]


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    found = SchemaGenerator().get_schema(request=None, public=True)
    return dict(json.loads(json.dumps(found)))


@pytest.fixture(scope="module")
def requests() -> list[Asked]:
    return [request for found in everything().values() for request in found]


def missing(schema: dict[str, Any], requests: list[Asked]) -> list[str]:
    """What the schema has and the client has not."""
    return [*missing_requests(schema, requests), *missing_fields(schema), *missing_codes(schema)]


def missing_requests(schema: dict[str, Any], requests: list[Asked]) -> list[str]:
    found = []
    for path, operations in schema["paths"].items():
        pattern = re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path.removeprefix(API)))
        for method, operation in operations.items():
            about = f"{method.upper()} {path}"
            matching = [r for r in requests if r.method == method and pattern.fullmatch(r.path)]
            if not matching:
                found.append(about)
                continue
            sent = set().union(*(r.query | set(r.body) for r in matching))
            headers = set().union(*(r.headers for r in matching))
            for parameter in operation.get("parameters", ()):
                name = parameter["name"]
                if (parameter["in"] == "query" and name not in sent) or (
                    parameter["in"] == "header" and name.lower() not in headers
                ):
                    found.append(f"{about} {parameter['in']} {name}")
            content = operation.get("requestBody", {}).get("content", {})
            if content:
                (body,) = content.values()
                found += missing_in_body(schema, body["schema"], matching, about)
    return found


def missing_in_body(
    schema: dict[str, Any], about: dict[str, Any], matching: list[Asked], where: str
) -> list[str]:
    sent: set[str] = set().union(*(r.body for r in matching))
    fields = component(schema, about).get("properties", {})
    found = [f"{where} body {name}" for name in fields if name not in sent]
    for name, field in fields.items():
        inner = component(schema, field)
        nested = [r.body[name] for r in matching if isinstance(r.body.get(name), dict)]
        for part in inner.get("properties", ()):
            if not any(part in body for body in nested):
                found.append(f"{where} body {name}.{part}")
    return found


def component(schema: dict[str, Any], about: dict[str, Any]) -> dict[str, Any]:
    while "allOf" in about:
        about = about["allOf"][0]
    if "$ref" in about:
        return dict(schema["components"]["schemas"][about["$ref"].rsplit("/", 1)[1]])
    return about


def missing_fields(schema: dict[str, Any]) -> list[str]:
    found = []
    for name, about in schema["components"]["schemas"].items():
        cls = getattr(models, name, None)
        if about.get("enum") == [None]:
            continue
        if cls is None:
            found.append(f"model {name}")
        elif "enum" in about:
            words = {word for part in get_args(cls) for word in get_args(part)}
            found += [f"word {name}.{word}" for word in about["enum"] if word not in words]
        else:
            own = {cls.WIRE_NAMES.get(f.name, f.name) for f in dataclasses.fields(cls)}
            found += [
                f"field {name}.{wire}" for wire in about.get("properties", ()) if wire not in own
            ]
    return found


def missing_codes(schema: dict[str, Any]) -> list[str]:
    listed = set(schema["components"]["schemas"]["ErrorCode"]["enum"])
    return [
        f"code {code}"
        for code in listed
        if getattr(errors.BY_CODE.get(code, errors.RUN_CODES.get(code)), "CODE", None) != code
    ]


def test_the_client_lacks_nothing_that_the_schema_has(
    schema: dict[str, Any], requests: list[Asked]
) -> None:
    assert missing(schema, requests) == []


def test_a_schema_that_has_more_is_noticed(schema: dict[str, Any], requests: list[Asked]) -> None:
    more = copy.deepcopy(schema)
    more["paths"]["/api/v1/forecast"] = {"get": {"responses": {}}}
    more["paths"]["/api/v1/runs"]["post"] = {"responses": {}}
    more["paths"]["/api/v1/status"]["get"]["parameters"].append({"name": "depth", "in": "query"})
    more["paths"]["/api/v1/run/stop"]["post"].setdefault("parameters", []).append(
        {"name": "X-Reason", "in": "header"}
    )
    schemas = more["components"]["schemas"]
    schemas["BacktestRequest"]["properties"]["leverage"] = {"type": "number"}
    schemas["ReplayRequest"]["properties"]["loop"] = {"type": "boolean"}
    schemas["TradeSchema"]["properties"]["slippage"] = {"type": "number"}
    schemas["Novelty"] = {"type": "object", "properties": {}}
    schemas["RunStatusEnum"]["enum"].append("paused")
    schemas["ErrorCode"]["enum"].append("OUT_OF_COFFEE")
    lacking = set(missing(more, requests)) - set(missing(schema, requests))
    assert lacking == {
        "GET /api/v1/forecast",
        "POST /api/v1/runs",
        "GET /api/v1/status query depth",
        "POST /api/v1/run/stop header X-Reason",
        "POST /api/v1/run/backtest body leverage",
        "POST /api/v1/run/live body replay.loop",
        "field BacktestRequest.leverage",
        "field ReplayRequest.loop",
        "field TradeSchema.slippage",
        "model Novelty",
        "word RunStatusEnum.paused",
        "word ErrorCode.OUT_OF_COFFEE",
        "code OUT_OF_COFFEE",
    }


def test_the_client_asks_for_nothing_the_schema_has_not(
    schema: dict[str, Any], requests: list[Asked]
) -> None:
    known = [
        (method, re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path.removeprefix(API))))
        for path, operations in schema["paths"].items()
        for method in operations
    ]
    strange = [
        f"{r.method} {r.path}"
        for r in requests
        if not any(r.method == method and path.fullmatch(r.path) for method, path in known)
    ]
    assert strange == []


def test_run_backtest_takes_all_that_start_backtest_takes() -> None:
    start, run = methods()["start_backtest"].parameters, methods()["run_backtest"].parameters
    assert set(run) - set(start) == {"progress", "timeout"}
    assert all(run[name] == start[name] for name in start)


def test_run_sweep_takes_all_that_start_sweep_takes() -> None:
    start, run = methods()["start_sweep"].parameters, methods()["run_sweep"].parameters
    assert set(run) - set(start) == {"progress", "on_progress", "timeout"}
    assert all(run[name] == start[name] for name in start)


def test_start_sweep_takes_all_that_start_backtest_takes() -> None:
    backtest, sweep = methods()["start_backtest"].parameters, methods()["start_sweep"].parameters
    assert set(backtest) <= set(sweep)


def test_there_is_a_method_of_each_name_agreed_upon_in_both_halves() -> None:
    for cls in (CrackTraderAPI, AsyncCrackTraderAPI):
        assert [name for name in AGREED if not callable(getattr(cls, name, None))] == []
    assert set(methods(AsyncCrackTraderAPI)) == set(methods())
    for name, signature in methods().items():
        other = inspect.signature(getattr(AsyncCrackTraderAPI, name))
        assert other.parameters == signature.parameters, name


def test_every_code_is_an_exception_of_its_statuses_family() -> None:
    for code, (status, _) in ERROR_CODES.items():
        assert issubclass(errors.BY_CODE[code], errors.family(status)), code
        assert code == errors.BY_CODE[code].CODE
    for code in WEBSOCKET_CODES:
        assert issubclass(errors.BY_CODE[code], cracktrader.APIError)
    for code in RUN_CODES.keys() - ERROR_CODES.keys():
        assert issubclass(errors.RUN_CODES[code], cracktrader.RunFailed)
    named = [cls.__name__ for cls in {*errors.BY_CODE.values(), *errors.RUN_CODES.values()}]
    assert len(named) == len(set(named))
    assert errors.InvalidSymbol is errors.BY_CODE["INVALID_SYMBOL"]


def test_what_is_committed_is_what_is_generated() -> None:
    command = [sys.executable, str(ROOT / "sdk" / "python" / "generate.py"), "--check"]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (told.returncode, told.stdout) == (0, ""), told.stdout + told.stderr[-2000:]
