"""The order of the suite."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import migrated, servers

# Files of tests that share a desk, which one worker does.
TOGETHER = ("tests/sdk/python/", "tests/ui/test_desk_")


def pytest_configure(config: pytest.Config) -> None:
    if servers.wanted():
        # Of a thread that has ended; SQLite says nothing of those.
        config.addinivalue_line("filterwarnings", "ignore:<psycopg.Connection:ResourceWarning")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A file at a time, or files that share a desk."""
    from xdist.scheduler import LoadFileScheduling

    class ByDesk(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next(filter(nodeid.startswith, TOGETHER), super()._split_scope(nodeid))

    return ByDesk(config, log) if config.getoption("markexpr") == "process" else None


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Nobody imports six thousand tests to run those few that start a desk."""
    if config.getoption("markexpr") != "process" or collection_path.suffix != ".py":
        return None
    return "mark.process" not in collection_path.read_text() or None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Those marked `long` run where they are asked for by that name (`make test-long`).

    Modules that take long come first: of several workers none is left with one in the end.
    """
    if "long" not in config.getoption("markexpr"):
        left_out = [item for item in items if item.get_closest_marker("long")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("long")]
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_collection() -> None:
    """All that is made until its end stays: nobody need look for garbage there, now or later."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _clients_ask_as_of_the_server() -> Iterator[None]:
    """Programs' requests take the way through the middlewares that they take in `wsgi`."""
    from django.test.client import ClientHandler

    from cracktrader_site import passage

    def load(handler: ClientHandler, is_async: bool = False) -> None:
        super(ClientHandler, handler).load_middleware(is_async)
        passage.part(handler)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ClientHandler, "load_middleware", load)
        yield


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """SQLite's is a copy that is migrated, and goes with its folder; PostgreSQL's whole server goes
    at the end, when a thread may still be at its database."""
    return True


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    if not servers.wanted():
        from django.db import connection

        migrated.copy_to(Path(connection.creation._get_test_db_name()))


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
