"""What tests have committed is deleted; what a migration makes of every table's model stays.

Django's own way deletes the content types and the permissions too, and makes them anew after each
test that commits: twenty times the work of deleting its rows.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session", autouse=True)
def deleted_only() -> Iterator[None]:
    """For the `conftest` of a folder with tests that commit."""
    from django.contrib.auth.models import Permission
    from django.contrib.contenttypes.models import ContentType
    from django.core.management.color import no_style
    from django.db import connections
    from django.test import TransactionTestCase

    plain = TransactionTestCase._fixture_teardown
    kept = (ContentType, Permission)
    made: dict[str, list[set[object]]] = {}

    def there(alias: str) -> list[set[object]]:
        return [set(model.objects.using(alias).values_list()) for model in kept]

    def delete(case: TransactionTestCase) -> None:
        aliases = case._databases_names(include_mirrors=False)
        if any(made.get(alias) != there(alias) for alias in aliases):
            # Of the first test, or of one that changed what is kept.
            plain(case)
            made.update((alias, there(alias)) for alias in aliases)
            return
        for alias in aliases:
            connection = connections[alias]
            names = connection.introspection.django_table_names(
                only_existing=True, include_views=False
            )
            left = set(names) - {model._meta.db_table for model in kept}
            statements = connection.ops.sql_flush(no_style(), sorted(left))
            connection.ops.execute_sql_flush(statements)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", delete)
        yield
