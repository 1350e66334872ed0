"""Rows of tables as lines of JSON, exact and the same for every database."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from itertools import islice
from typing import IO, Any
from uuid import UUID

from django.apps import apps as current_apps
from django.apps.registry import Apps
from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper

Model = type[models.Model]

LEFT_OUT = frozenset(
    {
        # Rings the bell for work that rows tell of.
        "django_q_ormq",
        "django_q_task",
        "django_q_schedule",
        # Of the processes and visitors of the moment.
        "exchanges_machine",
        "runs_heartbeat",
        "django_session",
        "axes_accessattempt",
        "axes_accessattemptexpiration",
        "axes_accessfailurelog",
        "axes_accesslog",
        # Artifacts: they are files of the archive, wherever they are kept.
        "cracktrader_site_storedfile",
    }
)
ROWS = 1_000
"""So many are in memory at a time."""


def kept(apps: Apps | Any = current_apps) -> list[Model]:
    """What a backup holds, with the tables between many and many."""
    found = {
        model._meta.db_table: model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }
    return [found[table] for table in sorted(found.keys() - LEFT_OUT)]


def columns(model: Model) -> list[str]:
    return [field.column for field in model._meta.concrete_fields]


def rows(model: Model, using: str) -> Iterator[Sequence[Any]]:
    names = [field.attname for field in model._meta.concrete_fields]
    found = model._base_manager.using(using).order_by("pk").values_list(*names)
    return iter(found.iterator(chunk_size=ROWS))


def write(file: IO[bytes], found: Iterable[Sequence[Any]]) -> int:
    """How many rows were written."""
    count = 0
    with gzip.GzipFile(fileobj=file, mode="wb", compresslevel=3, mtime=0) as packed:
        for row in found:
            packed.write(_encode(row) + b"\n")
            count += 1
    return count


def load(model: Model, file: IO[bytes], told: Sequence[str]) -> int:
    """Inserts rows of `told` columns as they were, ids and times too; how many there were.

    Raises ValueError where the model has other columns.
    """
    fields = {field.column: field for field in model._meta.concrete_fields}
    if fields.keys() != set(told):
        raise ValueError(f"{model._meta.db_table} has other columns")
    ordered = [fields[name] for name in told]
    quote = connection.ops.quote_name
    names = ", ".join(map(quote, told))
    values = ", ".join(["%s"] * len(told))
    insert = f"INSERT INTO {quote(model._meta.db_table)} ({names}) VALUES ({values})"
    count = 0
    with gzip.GzipFile(fileobj=file) as packed, connection.cursor() as cursor:
        while lines := list(islice(packed, ROWS)):
            found = [_decode(line, ordered, connection) for line in lines]
            cursor.executemany(insert, found)
            count += len(found)
    return count


def _encode(row: Sequence[Any]) -> bytes:
    return json.dumps(list(row), separators=(",", ":"), default=_plain).encode()


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case bytes() | memoryview():
            return base64.b64encode(value).decode()
    raise TypeError(f"a column of {type(value).__name__}")


def _decode(
    line: bytes, fields: Sequence[models.Field[Any, Any]], to: BaseDatabaseWrapper
) -> list[Any]:
    found = []
    for field, value in zip(fields, json.loads(line), strict=True):
        if value is not None:
            value = field.get_db_prep_save(field.to_python(value), to)
        elif not field.null and isinstance(field, models.JSONField):
            # JSON's own null.
            value = to.ops.adapt_json_value(None, field.encoder)
        found.append(value)
    return found
