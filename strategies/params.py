"""Parameters from outside: what is wrong with them, said so that it can be put right."""

from __future__ import annotations

import json
import reprlib
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from exchanges.domain import InvalidInput

from .base import Params

ROOT = "strategy_params"
MAX_DEPTH = 16
LARGEST = 2**63 - 1
"""No number may be beyond it; what is not finite is not within it either."""

_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "enum")


def validate(params_class: type[Params], values: Any) -> Params:
    """`values` is what a JSON object gives: str, int, float, bool, None, list, dict.

    Raises UNKNOWN_PARAM, INVALID_TYPE, INVALID_NUMBER, INVALID_TEXT or
    INVALID_PARAMS; details hold `field`, the schema of the parameter and its
    bounds.
    """
    refuse_hostile(values)
    try:
        # As JSON: strict still lets a list be a tuple and a word an enum.
        return params_class.model_validate_json(json.dumps(values))
    except ValidationError as error:
        raise _explain(params_class, error.errors(include_url=False)) from None
    except Exception as error:
        raise InvalidInput(
            "INVALID_PARAMS",
            f"the strategy's own check failed: {type(error).__name__}: {error}"[:300],
            field=ROOT,
        ) from error


def refuse_hostile(values: Any) -> None:
    """What can be refused without the strategy: INVALID_TYPE, _NUMBER, _TEXT, JSON_TOO_DEEP."""
    if not isinstance(values, dict):
        raise InvalidInput("INVALID_TYPE", f"{ROOT} must be an object", field=ROOT)
    _refuse_hostile(values, ROOT, 0)


def parameters(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """One flat entry a parameter: type, default, minimum, maximum, description."""
    required = schema.get("required", [])
    return {
        name: _flat(field, schema, name in required)
        for name, field in schema.get("properties", {}).items()
    }


def _flat(field: dict[str, Any], schema: dict[str, Any], required: bool) -> dict[str, Any]:
    options = [_resolved(option, schema) for option in field.get("anyOf", [field])]
    typed = [option for option in options if option.get("type") != "null"]
    merged = {**(typed[0] if len(typed) == 1 else {}), **field}
    types = list(dict.fromkeys(option.get("type", "object") for option in typed))
    return {
        "type": " | ".join(types),
        "default": merged.get("default"),
        "minimum": merged.get("minimum", merged.get("exclusiveMinimum")),
        "maximum": merged.get("maximum", merged.get("exclusiveMaximum")),
        "description": merged.get("description", ""),
        "nullable": len(typed) < len(options),
        "required": required,
        **({"enum": merged["enum"]} if "enum" in merged else {}),
    }


def _resolved(option: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = option.get("$ref", "").rpartition("/")[2]
    return {**schema.get("$defs", {}).get(name, {}), **option} if name else option


def _refuse_hostile(value: Any, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidInput("JSON_TOO_DEEP", f"{ROOT} is nested too deeply", maximum=MAX_DEPTH)
    if isinstance(value, dict):
        for key, inner in value.items():
            _refuse_hostile(key, path, depth)
            _refuse_hostile(inner, f"{path}.{str(key)[:100]}", depth + 1)
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            _refuse_hostile(inner, f"{path}[{i}]", depth + 1)
    elif isinstance(value, str):
        if "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise InvalidInput(
                "INVALID_TEXT", f"{path} holds a character no text may have", field=path
            )
    elif isinstance(value, bool) or value is None:
        return
    elif not isinstance(value, int | float):
        raise InvalidInput("INVALID_TYPE", f"{path} is not a JSON value", field=path)
    elif not -LARGEST <= value <= LARGEST:
        raise InvalidInput(
            "INVALID_NUMBER", f"{path} must be a finite number of ordinary size", field=path
        )


def _explain(params_class: type[Params], errors: list[ErrorDetails]) -> InvalidInput:
    schema = params_class.model_json_schema()
    known = sorted(schema.get("properties", {}))
    unknown = [e for e in errors if e["type"] == "extra_forbidden"]
    error = (unknown or errors)[0]
    field = ROOT + "".join(
        f"[{part}]" if isinstance(part, int) else f".{part[:100]}" for part in error["loc"]
    )
    if unknown:
        return InvalidInput(
            "UNKNOWN_PARAM",
            f"{field} is not a parameter of this strategy",
            field=field,
            valid_params=known,
        )
    details: dict[str, Any] = {"field": field, "valid_params": known}
    name = error["loc"][0] if error["loc"] else None
    if name in known:
        own = schema["properties"][name]
        details["schema"] = own
        options = [own, *own.get("anyOf", [])]
        details |= {key: o[key] for o in options for key in _BOUNDS if key in o}
        if error["type"] != "missing":
            details["value"] = reprlib.repr(error["input"])
    message = error["msg"].removeprefix("Value error, ")
    return InvalidInput(_code(error["type"]), f"{field}: {message[:300]}", **details)


def _code(kind: str) -> str:
    if kind == "finite_number":
        return "INVALID_NUMBER"
    return "INVALID_TYPE" if kind.endswith(("_type", "_from_float")) else "INVALID_PARAMS"
