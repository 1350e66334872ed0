"""Venues, credentials and sinks for the tests of credentials and accounts."""

from __future__ import annotations

import base64
import html
import io
import json
import secrets
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from exchanges.models import Exchange
from exchanges.sealing import new_key

KEYS = {"apiKey": "an-api-key", "secret": "a-secret"}
OTHER = {"apiKey": "another-api-key", "secret": "another-secret"}


def make_exchange(name: str = "binance", **fields: Any) -> Exchange:
    defaults = {
        "ccxt_id": "binance",
        "title": name.title(),
        "sandbox": True,
        "credentials": ["apiKey", "secret"],
    }
    return Exchange.objects.create(name=name, **defaults | fields)


def set_keys(settings: Any, *keys: str) -> list[str]:
    """Those given, or one new key, as the server's."""
    settings.CREDENTIALS_KEY = list(keys or (new_key(),))
    return settings.CREDENTIALS_KEY


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out, stderr=out, **options)
    return out.getvalue()


def fails(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        run(*arguments)
    assert "\n" not in str(error.value)
    return str(error.value)


def canaries() -> dict[str, str]:
    """Values with letters that HTML, URLs and JSON each write differently."""
    return {
        "apiKey": f"ca+na/ry&{secrets.token_hex(12)}=",
        "secret": f'pa"ss<word>{secrets.token_hex(12)} \\ü',
    }


def shapes(value: str) -> set[str]:
    """How a value may look in a text, in base64 also as part of something longer."""
    raw = value.encode()
    found = {value, html.escape(value), quote(value), quote(value, safe=""), quote_plus(value)}
    found |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}
    found |= {repr(value)[1:-1], raw.hex(), raw.decode("latin-1")}
    for offset in range(3):
        encoded = base64.b64encode(b"x" * offset + raw)
        core = encoded[4 if offset else 0 : len(encoded) - len(encoded) % 4 - 4].decode()
        found |= {core, core.replace("+", "-").replace("/", "_")}
    return found


def hits(text: str, values: dict[str, str]) -> list[str]:
    return [name for name, value in values.items() for shape in shapes(value) if shape in text]


def around_hits(text: str, values: dict[str, str]) -> list[str]:
    """What stands before each hit, to find where it came from."""
    return [
        text[max(0, text.index(shape) - 300) : text.index(shape)]
        for value in values.values()
        for shape in shapes(value)
        if shape in text
    ]


def whole_database() -> str:
    parts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                parts += [
                    bytes(item).decode("latin-1")
                    if isinstance(item, bytes | memoryview)
                    else str(item)
                    for item in row
                ]
    return "\n".join(parts)
