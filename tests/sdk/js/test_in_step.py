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


def stale(schema, folder):
    """The files that the schema would have otherwise."""
    generate.write(schema, folder)
    return [
        name
        for name in generate.FILES
        if (folder / name).read_text() != (SOURCES / name).read_text()
    ]


def test_types_and_codes_are_those_of_the_schema(schema, tmp_path):
    assert stale(schema, tmp_path) == [], "run `make sdk` and commit what it changes"


def test_a_field_a_parameter_or_a_code_that_the_client_lacks_is_noticed(schema, tmp_path):
    newer = copy.deepcopy(schema)
    models = newer["components"]["schemas"]
    models["BacktestRequest"]["properties"]["leverage"] = {"type": "number"}
    assert stale(newer, tmp_path) == ["schema.ts"]

    newer = copy.deepcopy(schema)
    query = {"name": "q", "in": "query", "schema": {"type": "string"}}
    newer["paths"]["/api/v1/runs"]["get"]["parameters"].append(query)
    assert stale(newer, tmp_path) == ["schema.ts"]

    newer = copy.deepcopy(schema)
    newer["components"]["schemas"]["ErrorCode"]["enum"].append("NEW_CODE")
    assert stale(newer, tmp_path) == ["schema.ts", "codes.ts"]


def test_a_new_operation_without_a_method_does_not_compile(schema, tmp_path):
    newer = copy.deepcopy(schema)
    answer = {"responses": {"200": {"description": ""}}}
    newer["paths"]["/api/v1/new"] = {"get": {"operationId": "new_one", **answer}}
    for source in SOURCES.glob("*.ts"):
        (tmp_path / source.name).write_bytes(source.read_bytes())
    generate.write(newer, tmp_path)
    options = ["--strict", "--noEmit", "--types", "", "--target", "es2022"]
    options += ["--module", "es2022", "--moduleResolution", "bundler"]
    command = [package.NODE, str(package.TSC), *options, "operations.ts"]
    with pytest.raises(AssertionError, match="new_one"):
        package.run(*command, cwd=tmp_path)


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
    text = (SOURCES / "events.ts").read_text() + (SOURCES / "sequence.ts").read_text()

    def listed(name):
        found = re.search(rf"{name}\b[^=]*= (?:new Set\()?\[(.*?)\]", text)
        assert found is not None, name
        return set(re.findall(r"'([\w.]+)'", found[1]))

    assert listed("CHANNELS") == set(CHANNELS) - {"ticker"}
    assert listed("ENDS") == set(ENDS)
    assert listed("TOLD_TWICE") == set(ALSO_LOGGED)
