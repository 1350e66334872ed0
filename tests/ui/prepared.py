"""Strategies and venues for the tests of a module, written once and taken back at its end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import transaction

from tests.runs.finished import prepare_desk


@pytest.fixture(scope="module")
def prepared_desk(django_db_setup: None, django_db_blocker) -> Iterator[None]:
    """The transactions of the tests, which are taken back as well, lie within its own."""
    with django_db_blocker.unblock(), transaction.atomic():
        prepare_desk()
        yield
        transaction.set_rollback(True)
