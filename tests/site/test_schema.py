"""The OpenAPI schema is true: it validates, says each operation's errors, and answers obey it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from django.core.management import call_command

from cracktrader_site.api.errors import (
    COMMAND_CODES,
    ERROR_CODES,
    RUN_CODES,
    WEBSOCKET_CODES,
)
from exchanges.domain import Purpose
from runs import example_run
from runs.examples import BACKTEST_BODY, PAPER_BODY, REPLAY_BODY
from runs.models import Run
from runs.sweeps.examples import GRID_BODY, WALK_FORWARD_BODY
from tests.runs.finished import finished
from tests.site.api import (  # noqa: F401 - fixtures
    API,
    PAPER_STATES,
    desk,
    papers,
    post,
    runs,
)
from tests.site.test_bodies import OUT_OF_BOUNDS

ROOT = Path(__file__).resolve().parents[2]
APPS = ("cracktrader_site", "runs", "strategies", "exchanges")
REFERENCE = {
    ("get", "/health"), ("get", "/status"), ("get", "/status/detailed"),
    ("post", "/run/backtest"), ("post", "/run/live"), ("post", "/run/stop"),
    ("delete", "/run/reset"), ("get", "/results"), ("get", "/strategies"), ("get", "/exchanges"),
}  # fmt: skip

RUN_PATHS = [
    f"/runs/{{run_id}}{part}"
    for part in ("", "/trades", "/orders", "/equity", "/events", "/artifacts")
]


@pytest.fixture(scope="module")
def schema(tmp_path_factory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("schema") / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    return dict(yaml.safe_load(file.read_text()))


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            yield method, path.removeprefix(API), operation


def test_the_schema_validates_without_a_warning(schema, capsys):
    assert capsys.readouterr().err == ""
    assert {(method, path) for method, path, _ in operations(schema)} >= REFERENCE


def test_the_server_gives_the_same_schema_and_its_pages(client, db, schema):
    assert yaml.safe_load(client.get(f"{API}/schema").content) == schema
    for page in ("docs", "redoc"):
        assert client.get(f"{API}/{page}").status_code == 200


def test_each_operation_has_a_summary_a_tag_and_its_errors(schema):
    summaries = [operation["summary"] for _, _, operation in operations(schema)]
    assert len(set(summaries)) == len(summaries)
    for method, path, operation in operations(schema):
        assert operation["tags"], path
        answers = operation["responses"]
        assert {"200", "400", "403", "500"} <= answers.keys(), path
        assert ("{" not in path) or "404" in answers, path
        assert (method != "post") or {"413", "415"} <= answers.keys(), path
        for status, answer in answers.items():
            if status == "200":
                continue
            codes = codes_of(operation, status)
            assert codes, (path, status)
            assert all(ERROR_CODES[code][0] == int(status) for code in codes), (path, status)
            content = answer["content"]["application/json"]["schema"]
            assert content == {"$ref": "#/components/schemas/ErrorResponse"}


def codes_of(operation: dict[str, Any], status: str) -> list[str]:
    listed = re.search(r"Codes: ([A-Z_, ]+)\.", operation["responses"][status]["description"])
    return listed[1].split(", ") if listed else []


def test_starts_name_every_code_that_a_wrong_number_can_have(schema):
    for operation_id in ("run_backtest", "run_live", "run_sweep"):
        (operation,) = (
            one
            for methods in schema["paths"].values()
            for one in methods.values()
            if one["operationId"] == operation_id
        )
        named = set(re.findall(r"[A-Z_]{5,}", operation["responses"]["400"]["description"]))
        assert {code for _, _, code in OUT_OF_BOUNDS} <= named


def test_bodies_have_examples_and_the_references_are_among_them(schema):
    found = []
    for _, path, operation in operations(schema):
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            assert content.keys() == {"application/json"}, path
            examples = [e["value"] for e in content["application/json"]["examples"].values()]
            assert examples, path
            found += examples
    for body in (BACKTEST_BODY, PAPER_BODY, REPLAY_BODY, GRID_BODY, WALK_FORWARD_BODY):
        assert body in found


def test_bodies_say_their_bounds_and_that_they_are_closed(schema):
    body = schema["components"]["schemas"]["BacktestRequest"]
    assert body["additionalProperties"] is False
    replay = schema["components"]["schemas"]["ReplayRequest"]
    assert replay["additionalProperties"] is False
    speed, limit = replay["properties"]["speed"], body["properties"]["max_drawdown"]
    assert (speed["minimum"], speed["maximum"]) == (0, 1e9)
    assert (limit["minimum"], limit["exclusiveMinimum"]) == (0, True)
    assert (limit["maximum"], limit["exclusiveMaximum"]) == (1, True)
    cash, fee = body["properties"]["initial_cash"], body["properties"]["fee"]
    assert (cash["minimum"], cash["exclusiveMinimum"], cash["maximum"]) == (0, True, 1e12)
    assert (fee["minimum"], fee["maximum"], fee["exclusiveMaximum"]) == (0, 1, True)
    assert fee["nullable"] is True


def test_the_schema_names_every_reason_of_an_exit(schema):
    trade = schema["components"]["schemas"]["TradeSchema"]["properties"]
    named = set(re.findall(r"[a-z_]+", trade["exit_reason"]["description"])) - {"or"}
    assert named == {purpose.name.lower() for purpose in Purpose if purpose != Purpose.ENTRY}


# --- codes -----------------------------------------------------------------------------------


def raised_codes() -> dict[str, set[str]]:
    """Each code that our source raises or answers with, and where."""
    found: dict[str, set[str]] = {}
    makers = {"InvalidInput", "Refused", "NotFound", "Busy", "VenueError", "CracktraderError",
              "BodyTooLarge", "StrategyError", "fail", "_json"}  # fmt: skip
    for app in APPS:
        for file in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                if not isinstance(node, ast.Call):
                    continue
                name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                if name not in makers:
                    continue
                for argument in node.args[:2]:
                    value = getattr(argument, "value", None)
                    if isinstance(value, str) and re.fullmatch(r"[A-Z]+(_[A-Z]+)+", value):
                        found.setdefault(value, set()).add(file.name)
    return found


# Named by tables rather than raised by name.
BY_TABLE = {
    "NOT_AUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "METHOD_NOT_ALLOWED",
    "UNSUPPORTED_MEDIA_TYPE", "RATE_LIMITED", "MISSING_FIELD", "INVALID_REQUEST",
    "INTERNAL_ERROR", "BUSY", "INVALID_CASH", "INVALID_VALUE", "INVALID_JSON", "LOSS_LIMIT",
}  # fmt: skip


def test_every_code_the_source_raises_is_in_a_table():
    known = ERROR_CODES.keys() | RUN_CODES.keys() | COMMAND_CODES.keys() | WEBSOCKET_CODES.keys()
    unknown = {code: files for code, files in raised_codes().items() if code not in known}
    assert not unknown


def test_no_code_of_a_table_is_unused():
    raised = raised_codes().keys()
    for table in (ERROR_CODES, RUN_CODES, COMMAND_CODES, WEBSOCKET_CODES):
        assert set(table) - raised - BY_TABLE == set()
    everything = "".join(file.read_text() for app in APPS for file in (ROOT / app).rglob("*.py"))
    for code in BY_TABLE:
        assert everything.count(f'"{code}"') >= 2, code


def test_the_tables_are_apart():
    assert not COMMAND_CODES.keys() & (ERROR_CODES.keys() | RUN_CODES.keys())
    assert not WEBSOCKET_CODES.keys() & (ERROR_CODES.keys() | RUN_CODES.keys())


# --- answers ---------------------------------------------------------------------------------


def as_json_schema(node: Any) -> Any:
    """OpenAPI 3.0 → JSON Schema, as far as ours goes: null, exclusive bounds, closed objects."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: as_json_schema(value) for key, value in node.items()}
    if node.get("type") == "object" and "properties" in node:
        node.setdefault("additionalProperties", False)
    if node.get("nullable") is True:
        del node["nullable"]
        return {"anyOf": [node, {"type": "null"}]}
    return node


@pytest.fixture(scope="module")
def validate(schema):
    components = as_json_schema(schema["components"])

    def check(method: str, path: str, status: int, body: Any) -> None:
        answer = schema["paths"][API + path][method]["responses"][str(status)]
        wanted = as_json_schema(answer["content"]["application/json"]["schema"])
        whole = {**wanted, "components": components}
        jsonschema.validate(body, whole, format_checker=jsonschema.FormatChecker())

    return check


@pytest.mark.django_db
@pytest.mark.parametrize(
    "state", ["completed", "no_trades", "failed", "stopped", "running", "starting"]
)
def test_answers_obey_the_schema_and_hold_nothing_it_does_not_name(
    client, runs, validate, state  # noqa: F811
):  # fmt: skip
    run_id = str(runs[state].public_id)
    for path in ("/status", "/status/detailed", "/results"):
        answer = client.get(API + path, {"run_id": run_id})
        validate("get", path, 200, answer.json())
    for part in ("", "/trades", "/orders", "/equity", "/events", "/artifacts"):
        answer = client.get(f"{API}/runs/{run_id}{part}")
        validate("get", f"/runs/{{run_id}}{part}", 200, answer.json())
    answer = client.get(f"{API}/runs/nope")
    validate("get", "/runs/{run_id}", 404, answer.json())


@pytest.mark.django_db
@pytest.mark.parametrize("state", PAPER_STATES)
def test_answers_about_paper_runs_obey_the_schema_too(client, papers, validate, state):  # noqa: F811
    run_id = str(papers[state].public_id)
    for path in ("/status", "/status/detailed", "/results"):
        answer = client.get(API + path, {"run_id": run_id})
        validate("get", path, 200, answer.json())
    for path in RUN_PATHS:
        answer = client.get(API + path.format(run_id=run_id))
        validate("get", path, 200, answer.json())


@pytest.mark.django_db
@pytest.mark.usefixtures("desk")
def test_the_other_answers_obey_the_schema_too(client, validate):
    for path in ("/health", "/status", "/status/detailed", "/strategies", "/exchanges", "/runs"):
        validate("get", path, 200, client.get(API + path).json())
    validate("get", "/strategies/{name}", 200, client.get(f"{API}/strategies/BuyAndHold").json())
    checked = post(client, "/strategies/BuyAndHold/check", {})
    validate("post", "/strategies/{name}/check", 200, checked.json())
    started = post(client, "/run/backtest", BACKTEST_BODY)
    validate("post", "/run/backtest", 200, started.json())
    validate("post", "/run/live", 200, post(client, "/run/live", PAPER_BODY).json())
    refused = post(client, "/run/live", PAPER_BODY | {"mode": "live"})
    validate("post", "/run/live", 403, refused.json())
    flatten = {"flatten": True}
    validate("post", "/run/stop", 200, post(client, "/run/stop", flatten).json())
    validate("delete", "/run/reset", 200, client.delete(f"{API}/run/reset").json())
    validate("get", "/results", 404, client.get(f"{API}/results").json())


def examples_of_answers(operation: dict[str, Any]) -> list[Any]:
    content = operation["responses"]["200"]["content"].get("application/json", {})
    return [example["value"] for example in content.get("examples", {}).values()]


def test_each_answer_has_an_example_and_each_example_obeys_the_schema(schema, validate):
    for method, path, operation in operations(schema):
        if "application/json" not in operation["responses"]["200"]["content"]:
            continue
        found = examples_of_answers(operation)
        assert found, (method, path)
        for example in found:
            validate(method, path, 200, example)


def keys_of(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: keys_of(value) for key, value in node.items()}
    return [keys_of(item) for item in node[:1]] if isinstance(node, list) else None


@pytest.fixture(scope="module")
def example(desk, django_db_blocker) -> Run:  # noqa: F811
    """The run of the examples, run again."""
    names = ("strategy_name", "strategy_params", "start_date", "end_date", "fee")
    with django_db_blocker.unblock():
        return finished(**{name: example_run.CONFIG[name] for name in names})


@pytest.mark.django_db
def test_the_examples_of_a_run_are_what_the_server_answers(client, schema, example):
    for path in ("/status", "/status/detailed", "/results", "/runs", *RUN_PATHS):
        shown = examples_of_answers(schema["paths"][API + path]["get"])[0]
        single = path in ("/status", "/status/detailed", "/results")
        query = {"run_id": str(example.public_id)} if single else {}
        answer = client.get(API + path.format(run_id=example.public_id), query).json()
        assert keys_of(shown) == keys_of(answer), path
        for name in ("trades", "orders"):
            assert shown.get(name) == answer.get(name), path
