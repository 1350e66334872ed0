"""Reads of runs: whose they are, which one is current, and what of a lost table is left."""

from __future__ import annotations

import pytest

from exchanges.domain import NotFound
from runs import payloads, queries
from runs.models import Run, Runner
from tests.runs.factory import make_run

pytestmark = pytest.mark.django_db


def test_the_current_run_is_the_newest_that_was_not_reset() -> None:
    assert queries.current_run() is None
    first, second = make_run(), make_run()
    assert queries.current_run() == second
    Runner.objects.create(owner="", reset_through=second.id)
    assert queries.current_run() is None
    assert queries.get_run(str(first.public_id)) == first
    third = make_run()
    assert queries.current_run() == third


def test_a_caller_sees_its_own_runs_only_and_nobody_sees_all() -> None:
    mine, theirs = make_run(owner="me"), make_run(owner="them")
    assert queries.current_run("me") == mine
    assert list(queries.list_runs("me")) == [mine]
    assert queries.get_run(str(mine.public_id), "me") == mine
    with pytest.raises(NotFound) as unknown:
        queries.get_run(str(theirs.public_id), "me")
    assert unknown.value.code == "RUN_NOT_FOUND"
    assert set(queries.list_runs()) == {mine, theirs}


def test_one_callers_reset_is_not_anothers() -> None:
    mine, theirs = make_run(owner="me"), make_run(owner="them")
    Runner.objects.create(owner="me", reset_through=theirs.id)
    assert queries.current_run("me") is None
    assert queries.current_run("them") == theirs
    assert queries.get_run(str(mine.public_id), "me") == mine


@pytest.mark.parametrize("text", ["", "nope", "\x00", "0" * 31, "é" * 32, None])
def test_what_is_no_id_finds_no_run(text) -> None:
    make_run()
    with pytest.raises(NotFound):
        queries.get_run(text)


def test_an_id_with_or_without_dashes_is_the_same_run() -> None:
    run = make_run()
    assert queries.get_run(run.public_id.hex) == queries.get_run(str(run.public_id)) == run


def test_keys_of_starts_belong_to_their_owner() -> None:
    mine = make_run(owner="me", idempotency_key="k")
    theirs = make_run(owner="them", idempotency_key="k")
    nobodys = make_run(idempotency_key="k")
    assert queries.run_by_key("k", "me") == mine
    assert queries.run_by_key("k", "them") == theirs
    assert queries.run_by_key("k") == nobodys
    assert queries.run_by_key("other", "me") is None


def test_runs_are_counted_by_status() -> None:
    for status in ("running", "running", "failed"):
        make_run(status=status)
    assert queries.counts() == {"running": 2, "failed": 1}
    assert queries.active_runs().count() == 2


def test_a_run_in_progress_has_no_tables_and_no_final_value() -> None:
    run = make_run(status=Run.Status.RUNNING, value=1234.0)
    results = payloads.results(run)
    assert results["trades"] == results["orders"] == results["equity_curve"] == []
    assert results["final_value"] is None
    assert payloads.status(run)["value"] == 1234.0
    assert payloads.status(run)["pnl"] == 234.0
