"""Django's PostgreSQL backend, for text and numbers that PostgreSQL cannot hold.

SQLite keeps NUL and halves of surrogate pairs, which strategies, venues and
strangers may say at any place.  Here each becomes U+FFFD, in text and in JSON,
instead of an error there.  Large floats in JSON stay floats.
"""

from __future__ import annotations

import json
import re
from functools import partial
from typing import Any

from django.db.backends.postgresql import base, operations
from psycopg.types.json import Jsonb
from psycopg.types.string import StrDumperUnknown

from exchanges.json_text import written_out

_UNHELD = re.compile("[\0\ud800-\udfff]")
# Escapes as json.dumps writes them; a whole pair and an escaped backslash pass.
_ESCAPED = re.compile(r"\\(?:u(?P<pair>d[89ab]..\\ud[c-f]..)|u(?P<unheld>0000|d[89a-f]..)|.)")


def held(text: str) -> str:
    """The text as it can be kept."""
    return text if text.isascii() and "\0" not in text else _UNHELD.sub("\ufffd", text)


def held_json(value: Any, encoder: type[json.JSONEncoder] | None = None) -> str:
    text = written_out(json.dumps(value, cls=encoder))
    if "\\u0000" not in text and "\\ud" not in text:
        return text
    return _ESCAPED.sub(lambda found: "\\ufffd" if found["unheld"] else found[0], text)


class DatabaseOperations(operations.DatabaseOperations):
    def adapt_json_value(self, value: Any, encoder: type[json.JSONEncoder] | None) -> Jsonb:
        return Jsonb(value, dumps=partial(held_json, encoder=encoder))


class Text(StrDumperUnknown):
    def dump(self, obj: str) -> Any:
        return super().dump(held(obj))


class DatabaseWrapper(base.DatabaseWrapper):
    ops_class = DatabaseOperations

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        connection.adapters.register_dumper(str, Text)
        return connection
