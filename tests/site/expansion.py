"""Which migrations a server of the version before could not work with (docs/upgrading.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader

RELEASED = {"api": "0002", "exchanges": "0004", "runs": "0007", "strategies": "0001"}
"""The last migration of each app that one machine alone ever ran; all since may meet old code."""

ALLOWED = {
    # The first version for several machines: none before it shared a database.
    ("exchanges", "0005_machines"),
    ("strategies", "0002_machines"),
}

_HARMLESS = (
    migrations.CreateModel,
    migrations.AddIndex,
    migrations.RemoveIndex,
    migrations.RenameIndex,
    migrations.AlterModelOptions,
    migrations.AlterModelManagers,
    migrations.RemoveConstraint,
)


def breaks() -> Iterator[str]:
    graph = MigrationLoader(None).graph
    created: set[tuple[str, str]] = set()
    for app, last in RELEASED.items():
        found = sorted((key for key in graph.nodes if key[0] == app), key=lambda key: key[1])
        for key in found:
            if key[1][:4] <= last or key in ALLOWED:
                continue
            for operation in graph.nodes[key].operations:
                yield from (f"{app}.{key[1]}: {why}" for why in why_not(app, operation, created))


def why_not(app: str, operation: Any, created: set[tuple[str, str]]) -> Iterator[str]:
    """`created`: models that no old code knows, of which this one may be another."""
    if isinstance(operation, migrations.CreateModel):
        created.add((app, operation.name_lower))
    if isinstance(operation, _HARMLESS):
        return
    if (app, getattr(operation, "model_name_lower", "")) in created:
        return
    if isinstance(operation, migrations.AddField):
        field = operation.field
        stays_out = isinstance(field, models.ManyToManyField)
        if not (field.null or field.has_db_default() or stays_out):
            yield f"{operation.name} of {operation.model_name} needs null or db_default"
        return
    yield f"{operation.describe()}: the version before may use what it was"
