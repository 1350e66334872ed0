"""Bodies of the strategy endpoints, for the schema."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample

_ENTRY = {
    "name": "MovingAverageCross",
    "description": "Follows the trend by two means of closes.",
    "kind": "strategy",
    "origin": "catalog",
    "parameters": {
        "fast_period": {
            "type": "integer",
            "default": 10,
            "minimum": 1,
            "maximum": 5000,
            "description": "Bars in the fast mean of closes.",
            "nullable": False,
            "required": False,
        }
    },
    "params_schema": {
        "type": "object",
        "properties": {
            "fast_period": {"type": "integer", "default": 10, "minimum": 1, "maximum": 5000}
        },
        "additionalProperties": False,
    },
    "defaults": {"fast_period": 10, "slow_period": 30},
    "version": "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
    "available": True,
    "error": None,
}
LISTING = OpenApiExample("The catalogue", value={"strategies": [_ENTRY]}, response_only=True)
DETAIL = OpenApiExample(
    "One strategy",
    value={
        **_ENTRY,
        "file": "moving_average_cross.py",
        "source": "class MovingAverageCross(Strategy): …",
        "versions": [{"version": _ENTRY["version"], "created_at": "2024-03-01T12:00:00Z"}],
    },
    response_only=True,
)
CHECK = OpenApiExample("With parameters", value={"params": {"fast_period": 5}}, request_only=True)
CLEAN = OpenApiExample(
    "Nothing found",
    value={
        "passed": True,
        "strategy": "MovingAverageCross",
        "params": {"fast_period": 5, "slow_period": 30},
        "bars": 9090,
        "warmup": 30,
        "decisions": 412,
        "comparisons": 871,
        "findings": [],
        "notes": [],
    },
    response_only=True,
)
