"""The order of the suite."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import migrated, servers
from tests.desk import Desk, calmed

# Files of tests that share a desk, which one worker does, one after the other.
TOGETHER = {
    "tests/sdk/python/": "clients",
    "tests/ui/test_desk_": "pages",
    "tests/site/test_load.py": "plain",
    "tests/site/test_paper_parity.py": "plain",
    "tests/site/test_docs.py": "plain",
    "tests/site/test_schemathesis.py": "plain",
}


def desk_of(nodeid: str) -> str:
    return next((desk for start, desk in TOGETHER.items() if nodeid.startswith(start)), "")


_NEXT = pytest.StashKey[str]()


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
            return desk_of(nodeid) or super()._split_scope(nodeid)

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
    first: dict[str, int] = {}
    for number, item in enumerate(items):
        first.setdefault(desk_of(item.nodeid) or str(item.path), number)
    items.sort(key=lambda item: first[desk_of(item.nodeid) or str(item.path)])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    item.session.stash[_NEXT] = desk_of(nextitem.nodeid) if nextitem else ""


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


@pytest.fixture(scope="module")
def plain_desk(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Desk]:
    """A desk without any settings on which nothing is under way.

    Modules share it: there are runs, candles and lines in its log that are not of this one.
    """
    desk = _PLAIN.pop() if _PLAIN else None
    if desk is not None and not calmed(desk):
        desk.close()
        desk = None
    if desk is None:
        desk = Desk(tmp_path_factory.mktemp("plain") / "home").__enter__()
    yield desk
    if request.session.stash.get(_NEXT, "") == "plain":
        _PLAIN.append(desk)
    else:
        desk.close()


_PLAIN: list[Desk] = []


def pytest_sessionfinish() -> None:
    while _PLAIN:
        _PLAIN.pop().close()


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
        # What is alive is not looked through again after each of the tests that follow.
        gc.freeze()


@pytest.fixture(scope="module", autouse=True)
def _leaks_of_a_module_are_told_with_it(request: pytest.FixtureRequest) -> Iterator[None]:
    """What outlived a test and became garbage later, such as a desk that tests shared."""
    yield
    if request.config.getoption("markexpr") == "process":
        gc.unfreeze()
        gc.collect()
        gc.freeze()
