"""The JavaScript client has every operation, field and error code of the API's schema."""

from __future__ import annotations

import copy
import re

import pytest

from runs.channels import ALSO_LOGGED, CHANNELS, ENDS

from . import generate, package

SOURCES = package.PACKAGE / "src"


@pytest.fixture(scope="module")
def schema():
    return generate.schema()


def operations(schema):
    """(verb, path, operation) of each."""
    return [
        (verb.upper(), path, operation)
        for path, verbs in schema["paths"].items()
        for verb, operation in verbs.items()
    ]


def differing(folder):
    return [
        name
        for name in generate.FILES
        if (folder / name).read_text() != (SOURCES / name).read_text()
    ]


def test_types_and_codes_are_those_of_the_schema(schema, tmp_path):
    generate.write(schema, tmp_path)
    assert differing(tmp_path) == [], "run `make sdk` and commit what it changes"


def test_a_field_a_parameter_a_model_or_a_code_that_the_client_lacks_is_noticed(schema, tmp_path):
    newer = copy.deepcopy(schema)
    models = newer["components"]["schemas"]
    models["BacktestRequest"]["properties"]["new_field"] = {"type": "number"}
    models["NewModel"] = {"type": "object"}
    models["ErrorCode"]["enum"].append("NEW_CODE")
    query = {"name": "new_parameter", "in": "query", "schema": {"type": "string"}}
    newer["paths"]["/api/v1/runs"]["get"]["parameters"].append(query)
    generate.write(newer, tmp_path)
    assert differing(tmp_path) == ["schema.ts", "models.ts", "codes.ts"]
    for name, news in (
        ("schema.ts", "new_field"),
        ("schema.ts", "new_parameter"),
        ("models.ts", "NewModel"),
        ("codes.ts", "NEW_CODE"),
    ):
        assert news in (tmp_path / name).read_text()
        assert news not in (SOURCES / name).read_text()


def test_every_operation_has_a_method_that_asks_for_it_with_all_its_parameters(schema):
    seen = package.node("operations.mjs")
    assert sorted(seen) == sorted(o["operationId"] for _, _, o in operations(schema))
    for verb, path, operation in operations(schema):
        request = seen[operation["operationId"]]
        assert request["verb"] == verb, operation["operationId"]
        assert re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request["path"]), request
        asked = {"query": set(), "header": set(), "path": set()}
        for parameter in operation.get("parameters", []):
            asked[parameter["in"]].add(parameter["name"])
        # The stop names its run in the body.
        in_body = {"run_id"} if operation["operationId"] == "run_stop" else set()
        assert set(request["query"]) == asked["query"] - in_body, operation["operationId"]
        assert asked["header"] <= set(request["headers"]), operation["operationId"]
        assert (request["body"] is not None) == ("requestBody" in operation)


def test_a_path_keeps_the_slashes_of_a_name_apart():
    assert package.node("operations.mjs")["run"]["path"] == "/api/v1/runs/a%20run%2F1"


def test_the_streams_know_the_channels_the_ends_and_what_is_told_twice():
    text = (SOURCES / "events.ts").read_text()

    def listed(name):
        found = re.search(rf"{name}\b[^=]*= (?:new Set\()?\[(.*?)\]", text, re.S)
        assert found is not None, name
        return set(re.findall(r"'([\w.]+)'", found[1]))

    assert listed("CHANNELS") == set(CHANNELS) - {"ticker"}
    assert listed("ENDS") == set(ENDS)
    assert all(kind.startswith("run.") for kind in ALSO_LOGGED)
    assert "startsWith('run.')" in (SOURCES / "sequence.ts").read_text()
