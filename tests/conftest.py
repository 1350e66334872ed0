"""The order of the suite."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests import servers


def pytest_configure(config: pytest.Config) -> None:
    if servers.wanted():
        # Of a thread that has ended; SQLite says nothing of those.
        config.addinivalue_line("filterwarnings", "ignore:<psycopg.Connection:ResourceWarning")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules come first: of several workers none is left with one in the end."""
    long = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="session")
def django_db_keepdb(request: pytest.FixtureRequest) -> bool:
    """Of PostgreSQL, the whole server goes at the end; a thread may still be at its database."""
    return bool(request.config.getvalue("reuse_db")) or servers.wanted()


@pytest.fixture(autouse=True)
def _no_messages_of_another_test(request: pytest.FixtureRequest) -> None:
    """Redis knows no transactions that a test could be rolled back with."""
    if servers.wanted() and not request.node.get_closest_marker("process"):
        from tests import messages

        messages.clear()


@pytest.fixture(autouse=True)
def _leaks_are_told_where_they_are(request: pytest.FixtureRequest) -> Iterator[None]:
    """A socket or process left open is of this test, not of the one that collects it by chance."""
    yield
    if request.node.get_closest_marker("process"):
        gc.collect()
