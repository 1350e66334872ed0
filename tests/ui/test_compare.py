"""Two to eight runs side by side."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from runs import comparing, palette
from runs.engine.metrics import METRICS
from runs.models import Run
from tests.runs.factory import ENGINE, make_run
from tests.runs.finished import finished, prepare_desk
from tests.ui.crowd import stepping

EVIL = "<script>alert(1)</script>"
PAGE, FIGURE = "/ui/compare", "/ui/compare/figure"

pytestmark = pytest.mark.django_db


def named(*runs: Run) -> str:
    return ",".join(str(run.public_id) for run in runs)


def text_of(client: Any, *runs: Run) -> str:
    answer = client.get(PAGE, {"runs": named(*runs)})
    assert answer.status_code == 200, answer.content
    return answer.content.decode()


def with_engine(**changes: Any) -> Run:
    config = {"strategy_params": {}, "exchange": "simulated", "source_hash": "0" * 64}
    return make_run(
        status=Run.Status.STOPPED,
        initial_cash=changes.get("initial_cash", 1000.0),
        config=config | {"engine": ENGINE | changes},
    )


def test_real_runs_lie_side_by_side_with_what_differs_and_what_is_best(
    client, transactional_db, tmp_path, settings
):
    settings.CANDLES_DIR = tmp_path / "candles"
    prepare_desk()
    one, two = finished(fee=0.0), finished(fee=0.002)
    text = text_of(client, one, two)
    assert text.count('class="differs"') == 1
    (differing,) = re.findall(r'<tr class="differs">.*?</tr>', text, re.DOTALL)
    assert "Fee" in differing
    assert "differs" in differing
    (row,) = re.findall(r"<tr[^>]*><th[^>]*><button[^>]*>Total return.*?</tr>", text)
    assert row.count(">best<") == 1
    assert row.index(">best<") < row.index(f"{two.total_return * 100:,.2f}")
    assert "They pay different costs." in text
    assert "different dates" not in text
    figure = client.get(FIGURE, {"runs": named(one, two)})
    assert [len(curve["x"]) > 2 for curve in figure.json()["data"]] == [True, True]
    assert f'data-figure="{FIGURE}?runs={named(one, two)}"' in text
    again = finished(fee=0.0)
    assert "The very same result, bit for bit" in text_of(client, one, again)


def test_runs_may_be_named_by_commas_or_one_by_one(client):
    one, two = make_run(), make_run()
    for asked in ({"runs": named(one, two)}, {"runs": [str(one.public_id), str(two.public_id)]}):
        assert client.get(PAGE, asked).status_code == 200
        assert client.get(FIGURE, asked).status_code == 200


def test_without_a_name_the_page_says_how_to_choose(client):
    for asked in ({}, {"runs": ""}, {"runs": ",,"}):
        answer = client.get(PAGE, asked)
        assert answer.status_code == 200
        assert "Tick 2 to 8 runs" in answer.content.decode()


@pytest.mark.parametrize("count", [1, 9])
def test_two_to_eight_runs_can_be_compared(client, count):
    runs = [make_run() for _ in range(count)]
    answer = client.get(PAGE, {"runs": named(*runs)})
    assert answer.status_code == 400
    assert "Choose 2 to 8 runs" in answer.content.decode()
    assert "INVALID_VALUE" in answer.content.decode()


def test_one_run_named_twice_is_one_run(client):
    run = make_run()
    for other in (str(run.public_id), run.public_id.hex):
        answer = client.get(PAGE, {"runs": [str(run.public_id), other]})
        assert answer.status_code == 400, other


@pytest.mark.parametrize(
    "other",
    [
        "x",
        "2dcb2940-29cc-4516-9b25-0a743230fc04",
        "0",
        EVIL,
        "a\x00b",
        "9" * 5000,
        "../../etc/passwd",
    ],
)
def test_a_run_that_is_none_is_not_found(client, other):
    run = make_run()
    for path in (PAGE, FIGURE):
        answer = client.get(path, {"runs": [str(run.public_id), other]})
        assert answer.status_code == 404
        assert EVIL not in answer.content.decode()
    assert "RUN_NOT_FOUND" in answer.content.decode()


def test_another_s_run_is_as_unknown_as_none():
    mine, other = make_run(owner="ann"), make_run(owner="bob")
    asked = [str(mine.public_id), str(other.public_id)]
    assert comparing.find(asked, "") == [mine, other]
    with pytest.raises(comparing.queries.NotFound):
        comparing.find(asked, "ann")


def test_a_run_can_be_taken_away_while_two_are_left(client):
    runs = [make_run() for _ in range(3)]
    text = text_of(client, *runs)
    for i in range(3):
        left = runs[:i] + runs[i + 1 :]
        assert f'href="{PAGE}?runs={named(*left)}"' in text
    assert "Remove" not in text_of(client, *runs[:2])


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"end_ms": 7_200_000}, "different dates"),
        ({"symbols": ["ETH/USDT"]}, "different markets"),
        ({"timeframe": "4h"}, "bars differ in length"),
        ({"slippage": 0.001}, "different costs"),
        ({"initial_cash": 5.0}, "different cash"),
    ],
)
def test_what_makes_runs_hard_to_compare_is_told(client, changes, told):
    one, two = with_engine(), with_engine(**changes)
    assert told in text_of(client, one, two)
    assert told not in text_of(client, one, with_engine())


def test_runs_that_go_on_or_came_to_nothing_are_told(client):
    failed, going = make_run(status=Run.Status.FAILED), make_run(status=Run.Status.RUNNING)
    text = text_of(client, failed, going)
    assert "Some of them go on" in text
    assert f"Without a result: {str(failed.public_id)[:8]}." in text


def test_a_paper_run_that_goes_on_is_compared_as_it_stands(client):
    text = text_of(client, stepping(bars=3), make_run())
    assert text.count("paper</span>") == 1


def rows_of(**measured: list[float | None]) -> dict[str, list[bool]]:
    count = len(next(iter(measured.values())))
    runs = [make_run(metrics={name: v[i] for name, v in measured.items()}) for i in range(count)]
    names = {metric.label: name for name, metric in METRICS.items()}
    return {names[row.name]: row.best for row in comparing.metric_rows(runs)}


def test_the_best_is_the_highest_or_the_lowest_and_none_where_it_is_no_merit():
    best = rows_of(
        sharpe_ratio=[1.0, 2.0, None],
        max_drawdown=[0.1, 0.3, 0.1],
        worst_trade=[-0.1, -0.5, -0.2],
        exposure=[0.1, 0.5, 0.9],
        sortino_ratio=[1.0, 1.0, 1.0],
        calmar_ratio=[3.0, None, None],
    )
    assert best["sharpe_ratio"] == [False, True, False]
    assert best["max_drawdown"] == [True, False, True]
    assert best["worst_trade"] == [True, False, False]
    for name in ("exposure", "sortino_ratio", "calmar_ratio", "total_trades"):
        assert best[name] == [False] * 3, name


def test_what_is_called_best_is_a_metric():
    assert set(METRICS) >= comparing._HIGHER | comparing._LOWER
    assert not comparing._HIGHER & comparing._LOWER


def test_params_are_named_as_the_strategy_names_them(client):
    config = make_run().config
    one = make_run(config=config | {"strategy_params": {"fast_period": 5}})
    two = make_run(config=config | {"strategy_params": {"fast_period": 6}})
    text = text_of(client, one, two)
    (row,) = re.findall(r'<tr class="differs"><th[^>]*>fast_period.*?</tr>', text, re.DOTALL)
    assert ">5<" in row
    assert ">6<" in row


def test_names_are_shown_and_never_run(client):
    config = make_run().config
    evil = make_run(
        strategy_name=EVIL, config=config | {"strategy_params": {EVIL: EVIL}}, symbols=[EVIL]
    )
    text = text_of(client, evil, make_run())
    assert EVIL not in text
    assert "&lt;script&gt;" in text
    answer = client.get(FIGURE, {"runs": named(evil, make_run())})
    assert answer["Content-Type"] == "application/json"
    # plotly takes names for markup.
    assert EVIL not in answer.json()["data"][0]["name"]


def test_each_run_has_a_line_of_its_own(client):
    runs = [make_run() for _ in range(comparing.MOST)]
    text = text_of(client, *runs)
    drawn = re.findall(r'<path d="M0 4H44" stroke="([^"]+)"(?: stroke-dasharray="([^"]+)")?', text)
    assert [colour for colour, _ in drawn] == list(palette.COLOURS)
    assert len({dash for _, dash in drawn}) == comparing.MOST


def test_eight_runs_cost_a_few_queries(client):
    runs = [make_run() for _ in range(comparing.MOST)]
    text_of(client, *runs)
    with CaptureQueriesContext(connection) as found:
        text_of(client, *runs)
    assert len(found) <= 2 * comparing.MOST


def test_who_may_not_see_runs_compares_none(client, django_user_model, settings):
    settings.AUTH = True
    asked = {"runs": named(make_run(), make_run())}
    assert client.get(PAGE, asked).status_code == 302
    client.force_login(django_user_model.objects.create_user("nobody", is_staff=True))
    assert client.get(PAGE, asked).status_code == 403
    assert client.get(FIGURE, asked).status_code == 403
