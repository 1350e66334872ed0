"""Fields for a strategy's parameters, made from the JSON Schema of its version."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms

from .values import number, number_text, parsed

OMITTED = object()
"""The value of what is left to its default."""

_NUMBERS = {"integer", "number"}
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter: its field, and how its value is written and read.

    `default` is OMITTED where the schema has none.
    """

    name: str
    field: forms.CharField
    default: Any
    nullable: bool
    is_text: bool
    read: Callable[[str], Any]
    write: Callable[[Any], str]

    @property
    def initial(self) -> str:
        return "" if self.default is OMITTED else self.text(self.default)

    def text(self, value: Any) -> str:
        """What the field shows for a value."""
        return "" if value is None else self.write(value)

    def value(self, text: str) -> Any:
        """What the text means; OMITTED where that is what would be taken anyway."""
        if text == "" and self.nullable:
            value = None
        elif text == "" and not self.is_text:
            return OMITTED
        else:
            value = self.read(text)
        return OMITTED if _same(value, self.default) else value


def params_of(schema: dict[str, Any], defaults: dict[str, Any]) -> list[Param]:
    """In the order of the schema.  `defaults`: those that only the strategy's code knows."""
    from strategies.params import parameters

    raw = schema.get("properties", {})
    return [
        _param(name, entry, raw[name], schema, defaults)
        for name, entry in parameters(schema).items()
    ]


def _param(
    name: str,
    entry: dict[str, Any],
    raw: dict[str, Any],
    schema: dict[str, Any],
    defaults: dict[str, Any],
) -> Param:
    default = raw["default"] if "default" in raw else defaults.get(name, OMITTED)
    types = set(entry["type"].split(" | "))
    nullable = entry["nullable"] or None in entry.get("enum", [])
    widget, read, write = _way(entry, raw, types, nullable)
    field = forms.CharField(
        required=False,
        label=_label(name, raw),
        help_text=_help(entry, raw, types),
        widget=widget,
        strip=types != {"string"},
    )
    is_text = types == {"string"} and "enum" not in entry
    return Param(name, field, default, nullable, is_text, read, write)


def _way(
    entry: dict[str, Any], raw: dict[str, Any], types: set[str], nullable: bool
) -> tuple[forms.Widget, Callable[[str], Any], Callable[[Any], str]]:
    none = [("", "none")] if nullable else []
    if "enum" in entry:
        options = [(json.dumps(v), str(v)) for v in entry["enum"] if v is not None]
        return forms.Select(choices=none + options), parsed, json.dumps
    if types == {"boolean"}:
        options = [("true", "Yes"), ("false", "No")]
        return forms.Select(choices=none + options), lambda t: _WORDS.get(t, t), json.dumps
    if len(types) == 1 and types <= _NUMBERS:
        return forms.NumberInput(attrs=_bounds(entry, raw, types)), number, number_text
    if types == {"string"}:
        return forms.TextInput(), str, str
    if types == {"array"} and (item := _item_type(raw)):
        return forms.TextInput(), _reader_of_list(item), _list_text
    if types <= _NUMBERS | {"string", "boolean"}:
        return forms.TextInput(), lambda text: _scalar(text, types), _plain
    return forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}), parsed, _json_text


def _label(name: str, raw: dict[str, Any]) -> str:
    """The schema's title, unless it is only the name with capitals."""
    words = name.replace("_", " ")
    title = str(raw.get("title", ""))
    return title if title and title.lower() != words.lower() else words.capitalize()


def _help(entry: dict[str, Any], raw: dict[str, Any], types: set[str]) -> str:
    low, high = entry["minimum"], entry["maximum"]
    bounds = ""
    if low is not None and high is not None:
        bounds = f"{_counted(low)} to {_counted(high)}."
    elif low is not None or high is not None:
        word = "At least" if high is None else "At most"
        bounds = f"{word} {_counted(low if high is None else high)}."
    shape = ""
    if types == {"array"}:
        shape = "A list, with commas." if _item_type(raw) else "A list, as JSON."
    elif types == {"object"} and "enum" not in entry:
        shape = "As JSON."
    return " ".join(part for part in (entry["description"], bounds, shape) if part).replace("`", "")


def _counted(bound: float) -> str:
    return f"{bound:,}" if isinstance(bound, int) else number_text(bound)


def _bounds(entry: dict[str, Any], raw: dict[str, Any], types: set[str]) -> dict[str, Any]:
    whole = 1 if types == {"integer"} else "any"
    named = {"min": entry["minimum"], "max": entry["maximum"], "step": raw.get("multipleOf", whole)}
    return {name: value for name, value in named.items() if value is not None}


def _item_type(raw: dict[str, Any]) -> str:
    """Of a list whose items are all of one simple type."""
    options = [option for option in raw.get("anyOf", [raw]) if option.get("type") == "array"]
    items = options[0].get("items") if len(options) == 1 else None
    kind = items.get("type", "") if isinstance(items, dict) else ""
    return kind if kind in _NUMBERS | {"string"} else ""


def _reader_of_list(item: str) -> Callable[[str], Any]:
    def read(text: str) -> Any:
        if text.startswith("["):
            return parsed(text)
        parts = [part.strip() for part in text.split(",") if part.strip()]
        return parts if item == "string" else [number(part) for part in parts]

    return read


def _list_text(value: Any) -> str:
    """Items with commas between them, or JSON where that would be read otherwise."""
    if not isinstance(value, list) or not value:
        return _json_text(value)
    parts = [_plain(item) for item in value]
    plain = all(part and part == part.strip() and "," not in part for part in parts)
    return ", ".join(parts) if plain and not parts[0].startswith("[") else json.dumps(value)


def _scalar(text: str, types: set[str]) -> Any:
    if types & _NUMBERS and not isinstance(read := number(text), str):
        return read
    return _WORDS.get(text, text) if "boolean" in types else text


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return number_text(value) if not isinstance(value, bool) else json.dumps(value)


def _json_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _same(value: Any, default: Any) -> bool:
    return bool(value == default) and isinstance(value, bool) == isinstance(default, bool)
