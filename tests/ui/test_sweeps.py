"""The pages of sweeps, as a browser asks for them."""

from __future__ import annotations

import csv
import io
import re
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from runs import services as run_services
from runs.engine.metrics import METRICS
from runs.models import Run, Sweep, Trial
from runs.sweeps import queries
from strategies import checked
from strategies.findings import CheckReport, Finding
from tests.ui import sweeps_made
from tests.ui.prepared import prepared_desk  # noqa: F401 - a fixture
from tests.ui.sweeps_made import HONESTY, add_trials, make_sweep, multiply_trials

EVIL = "<script>alert(1)</script>"
LIST = "/ui/sweeps"
PART = {"HX-Request": "true"}

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def computed(
    prepared_desk: None,  # noqa: F811
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[dict[str, int]]:
    """Strategies, venues, and two sweeps by name: their keys, for all tests of the module."""
    folder = tmp_path_factory.mktemp("candles")
    with override_settings(CANDLES_DIR=folder), django_db_blocker.unblock():
        plain, walking = sweeps_made.swept(), sweeps_made.swept(**sweeps_made.WALKING)
        with django_db_blocker.block():
            yield {"plain": plain.pk, "walking": walking.pk}


@pytest.fixture
def swept(computed: dict[str, int]) -> Sweep:
    return Sweep.objects.get(pk=computed["plain"])


@pytest.fixture
def walking(computed: dict[str, int]) -> Sweep:
    return Sweep.objects.get(pk=computed["walking"])


@pytest.fixture
def nothing(computed: dict[str, int]) -> None:
    """No sweep at all."""
    Sweep.objects.all().delete()


def shown(client: Client, path: str, **options: Any) -> str:
    answer = client.get(path, **options)
    assert answer.status_code == 200, answer.content[-800:]
    return answer.content.decode()


def text_of(html: str) -> str:
    """Without tags, on one line."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def at(sweep: Sweep, part: str = "") -> str:
    return f"{LIST}/{sweep.public_id}{part}"


def numbers(html: str) -> list[int]:
    """Of the trials in the table, in their order."""
    return [int(n) for n in re.findall(r'hx-target="#picked"[^>]*>(\d+)</a>', html)]


def login(client: Client, *permissions: str) -> None:
    user = User.objects.create_user("trader", password="x", is_staff=True)
    codenames = [permission.partition(".")[2] for permission in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)


# --- the list --------------------------------------------------------------------------------


@pytest.mark.usefixtures("nothing")
def test_an_empty_list_says_what_a_sweep_is(client):
    text = shown(client, LIST)
    assert "No sweep yet" in text
    assert 'href="/ui/sweeps/new"' in text


def test_a_sweep_is_listed_with_its_best_and_whether_that_is_luck(client):
    best = {"number": 3, "objective": 1.234, "params": {"fast_period": 8, "slow_period": 40}}
    make_sweep(best=best, honesty={"verdict": "likely_luck"})
    text = text_of(shown(client, LIST))
    assert "Sharpe ratio 1.23 fast_period 8, slow_period 40" in text
    assert "likely luck" in text
    assert "BTC/USDT · 1h" in text


@pytest.mark.usefixtures("nothing")
def test_the_newest_comes_first_and_those_of_one_strategy_can_be_had(client):
    from tests.runs.factory import make_version

    make_sweep()
    other = make_sweep(strategy_version=make_version("Other"))
    text = shown(client, LIST)
    assert text.index(">Other<") < text.index(">MovingAverageCross<")
    text = shown(client, f"{LIST}?strategy=Other")
    assert str(other.public_id) in text
    assert ">MovingAverageCross<" not in text


@pytest.mark.usefixtures("nothing")
def test_the_table_is_asked_for_again_only_while_one_goes_on(client):
    sweep = make_sweep()
    assert "every 2s" not in shown(client, LIST)
    Sweep.objects.filter(pk=sweep.pk).update(status="running", trials_done=40)
    part = shown(client, f"{LIST}?page=1", headers=PART)
    assert "every 2s" in part
    assert 'hx-get="/ui/sweeps?page=1"' in part
    assert 'max="100" value="40"' in part
    assert "<h1" not in part


@pytest.mark.usefixtures("nothing")
def test_pages_of_sweeps_follow_each_other(client):
    for _ in range(26):
        make_sweep()
    assert 'rel="next" href="?page=2"' in shown(client, LIST)
    text = shown(client, f"{LIST}?page=2")
    assert text.count('<th scope="row"') == 1
    assert "No more sweeps" in shown(client, f"{LIST}?page=9")


@pytest.mark.usefixtures("nothing")
def test_a_list_costs_as_many_queries_with_many_sweeps_as_with_one(client):
    make_sweep()
    shown(client, LIST)
    with CaptureQueriesContext(connection) as one:
        shown(client, LIST)
    for _ in range(24):
        make_sweep()
    with CaptureQueriesContext(connection) as many:
        shown(client, LIST)
    assert len(many) == len(one) <= 4


# --- one sweep -------------------------------------------------------------------------------


def test_a_sweep_that_was_computed_shows_all_of_it(client, swept):
    text = text_of(shown(client, at(swept)))
    best = swept.best
    assert "MovingAverageCross sweep completed" in text
    assert (
        f"Best Sharpe ratio Of the trial that the objective puts first. "
        f"{best['objective']:.2f}" in text
    )
    assert "16" in text
    assert "3 without a result" in text
    assert f"The best # {best['number']}".replace("# ", "#") in text.replace("# ", "#")
    for label in ("Deflated Sharpe", "Overfitting (PBO)", "Stability", "One step beside the best"):
        assert label in text
    assert "slow_period 20 to 50, step 10" in text


def test_that_the_best_is_likely_luck_is_said_in_plain_words(client):
    sweep = make_sweep(honesty=HONESTY)
    add_trials(sweep, 100)
    html = shown(client, at(sweep))
    assert re.search(r'<div class="notice error" id="verdict">', html)
    text = text_of(html)
    assert "The best of these is likely luck" in text
    assert "31.0 %" in text
    assert "62.0 %" in text
    assert "35.0 % of 3 neighbours, worst 12.0 %" in text
    assert "right of zero" in text
    assert "In the last window" not in text
    assert "A peak, not a plateau &lt;b&gt;." in text
    assert "12,870 ways" in text
    assert "at the edge" in text


def test_a_sweep_of_a_strategy_that_looks_ahead_has_no_verdict_but_that(client):
    sweep = make_sweep(honesty=HONESTY | {"verdict": "holds_up", "warnings": []})
    html = shown(client, at(sweep))
    assert "looks into the future" not in html
    assert "It holds up" in html
    version = sweep.strategy_version
    found = Finding("lookahead", "its signal at a bar changes with a later one", bar=7)
    checked.keep(version, CheckReport(sweep.strategy_name, {}, findings=[found]))
    html = shown(client, at(sweep))
    assert "Its strategy looks into the future" in html
    assert "It holds up" not in html
    told = shown(client, LIST)
    assert "looks ahead" in told
    assert "holds up" not in told


def test_a_best_that_earned_less_than_holding_says_so(client):
    sweep = make_sweep()
    add_trials(sweep, 10)
    trial = sweep.trials.get(number=9)
    for held, said in ((0.3, True), (0.05, False)):
        trial.metrics |= {"total_return": 0.09, "benchmark_return": held}
        trial.save()
        told = "Buying and holding came to +30.00 % over the same bars; this to +9.00 %."
        assert (told in shown(client, at(sweep))) == said


def test_what_fills_cost_stands_beside_the_dates(client, swept):
    assert "0.1 % fee, no slippage" in shown(client, at(swept))


def test_a_best_that_earned_nothing_is_not_called_luck(client):
    lost = [{"code": "NOTHING_EARNED", "message": "The best trial itself earned nothing."}]
    text = text_of(shown(client, at(make_sweep(honesty=HONESTY | {"warnings": lost}))))
    assert "Nothing to trade: even the best earned nothing." in text
    assert "likely luck" not in text
    listed = text_of(shown(client, LIST))
    assert "a loss" in listed


def test_a_verdict_of_one_window_says_so_and_the_curve_stands_above_it(client, walking):
    Sweep.objects.filter(pk=walking.pk).update(
        walk_forward=walking.walk_forward
        | {
            "efficiency": 0.15,
            "metrics": walking.walk_forward["metrics"]
            | {"total_return": 0.1744, "benchmark_return": 1.4828},
        },
        honesty=walking.honesty
        | {
            "warnings": [
                {"code": "FEW_TRIALS", "message": "Few of the window."},
                {"code": "BEHIND_HOLDING", "message": "Behind holding."},
                {"code": "LOW_EFFICIENCY", "message": "Little was kept."},
            ]
        },
    )
    html = shown(client, at(walking))
    text = text_of(html)
    assert f"In the last window, {walking.honesty['trials']} trials with a result:" in text
    windows = len(walking.walk_forward["windows"])
    assert f"what {windows} windows chose came to +17.44 %; buying and holding +148.28 %" in text
    assert "+17.44 % holding +148.28 %" in text
    headline = html[html.index('id="headline"') : html.index('id="verdict"')]
    assert '<div class="notice warning" id="headline">' in html
    assert "Behind holding." in headline
    assert "Little was kept." in headline
    assert "Few of the window." not in headline


def test_what_lies_beside_the_best_of_a_sampler_is_no_step(client):
    text = text_of(shown(client, at(make_sweep(honesty=HONESTY, sampler="tpe"))))
    assert "TPE on" in text
    assert "One step beside" not in text
    assert "a twentieth of the range tried" in text


@pytest.mark.parametrize(
    ("verdict", "level", "said"),
    [
        ("holds_up", "success", "It holds up"),
        ("doubtful", "warning", "Doubtful"),
        ("too_few", "", "too little here to judge"),
    ],
)
def test_each_verdict_has_its_words(client, verdict, level, said):
    sweep = make_sweep(honesty=HONESTY | {"verdict": verdict, "warnings": []})
    html = shown(client, at(sweep))
    assert f'<div class="notice {level}" id="verdict">' in html
    assert said in html


def test_figures_that_are_not_known_are_no_zeros(client):
    bare = dict.fromkeys(HONESTY) | {"verdict": "too_few", "warnings": []}
    sweep = make_sweep(honesty=bare)
    text = text_of(shown(client, at(sweep)))
    assert "0.0 %" not in text
    assert "None" not in text


def test_while_it_goes_on_the_head_is_asked_for_every_second(client, swept):
    Sweep.objects.filter(pk=swept.pk).update(
        status="running", trials_done=9, trials_total=20, best={}, honesty={}
    )
    html = shown(client, at(swept))
    assert f'hx-get="{at(swept, "/top")}?done=9" hx-trigger="every 1s"' in html
    assert "9 of 20" in text_of(html)
    assert "The best so far" in html
    assert 'value="45"' in html
    answer = client.get(at(swept, "/top?done=8"), headers=PART)
    assert str(swept.public_id) in answer["HX-Trigger"], "charts are drawn anew"
    assert "HX-Trigger" not in client.get(at(swept, "/top?done=9"), headers=PART)
    best = shown(client, at(swept, "/best"), headers=PART)
    assert queries.best(swept).number == int(re.search(r"#(\d+)", best)[1])
    Sweep.objects.filter(pk=swept.pk).update(status="completed")
    assert client.get(at(swept, "/top?done=9"), headers=PART)["HX-Refresh"] == "true"


def test_a_failed_sweep_says_why(client):
    sweep = make_sweep(
        status="failed", error_code="NO_CANDLES", error=EVIL, error_details={"symbol": "BTC/USDT"}
    )
    html = shown(client, at(sweep))
    assert "It failed." in html
    assert "NO_CANDLES" in html
    assert EVIL not in html


def test_another_trial_is_shown_by_its_link_and_as_a_part(client, swept):
    number = 4 if swept.best["number"] != 4 else 5
    trial = queries.get_trial(swept, number)
    part = shown(client, at(swept, f"/trials/{number}"), headers=PART)
    assert "<h1" not in part
    for value in trial.params.values():
        assert f"<dd>{value}</dd>" in part
    assert f"{trial.metrics['sharpe_ratio']:.2f}" in part
    whole = client.get(at(swept, f"/trials/{number}"))
    assert whole["Location"] == f"{at(swept)}?trial={number}"
    assert f"#{number}<" in shown(client, whole["Location"])
    assert client.get(at(swept, "/trials/999"), headers=PART).status_code == 404


def test_parts_by_themselves_are_the_whole_page(client):
    sweep = make_sweep()
    for part in ("/top", "/map?x=fast_period", "/cells", "/trials?t-sort=number", "/best"):
        answer = client.get(at(sweep, part))
        assert answer.status_code == 302
        assert answer["Location"].startswith(at(sweep))


@pytest.mark.parametrize("part", ["", "/top", "/trials", "/map.json", "/trials.csv", "/trials/1"])
def test_a_sweep_that_never_was_is_not_found(client, part):
    answer = client.get(f"{LIST}/{uuid.uuid4()}{part}", headers=PART)
    assert answer.status_code == 404
    assert "SWEEP_NOT_FOUND" in answer["HX-Trigger"]


def test_without_permission_there_is_no_page(client, settings):
    settings.AUTH = True
    login(client)
    assert client.get(LIST).status_code == 403


# --- the map ---------------------------------------------------------------------------------


def test_the_map_is_there_without_a_click(client, swept):
    html = shown(client, at(swept))
    url = re.search(r'data-figure="([^"]*map\.json[^"]*)"', html)[1].replace("&amp;", "&")
    answer = client.get(url)
    (trace,) = answer.json()["data"]
    assert trace["type"] == "heatmap"
    cells = {
        (row[i]): trace["z"][j][i]
        for j, row in enumerate(trace["customdata"])
        for i in range(len(row))
        if row[i] is not None
    }
    trials = {t.number: t.objective for t in swept.trials.exclude(objective=None)}
    assert cells == trials
    again = client.get(url, headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304


def test_the_map_as_a_table_says_the_same_and_leads_to_trials(client, swept):
    html = shown(client, at(swept, "/cells"), headers=PART)
    for trial in swept.trials.exclude(objective=None):
        assert re.search(rf'trials/{trial.number}"[^>]*>{trial.objective:.2f}</a>', html)
    assert "<caption" in html
    assert html.count('scope="row"') == 4


def test_another_metric_and_other_parameters_can_be_chosen(client, swept):
    part = client.get(
        at(swept, "/map"),
        {"x": "slow_period", "y": "fast_period", "metric": "max_drawdown"},
        headers=PART,
    )
    html = part.content.decode()
    assert "Max drawdown over slow_period and fast_period" in html
    assert "x=slow_period" in part["HX-Replace-Url"]
    url = re.search(r'data-figure="([^"]*)"', html)[1].replace("&amp;", "&")
    (trace,) = client.get(url).json()["data"]
    assert trace["x"] == ["20", "30", "40", "50"]
    number, value = trace["customdata"][0][0], trace["z"][0][0]
    assert value == queries.get_trial(swept, number).metrics["max_drawdown"]


def test_of_three_parameters_the_third_is_as_of_the_best_or_any(client):
    sweep = sweeps_made.swept(
        space={"fast_period": [3, 5], "slow_period": [20, 30], "run.stop_loss": [0.01, 0.05]}
    )
    held = sweep.best["params"]["run.stop_loss"]
    html = shown(client, at(sweep))
    assert f"At run.stop_loss {'1' if held == 0.01 else '5'} %, as of the best trial." in html
    for others, trials in (("slice", {held}), ("best", {0.01, 0.05})):
        query = {"x": "fast_period", "y": "slow_period", "others": others}
        (trace,) = client.get(at(sweep, "/map.json"), query).json()["data"]
        drawn = [n for row in trace["customdata"] for n in row]
        seen = {queries.get_trial(sweep, n).params["run.stop_loss"] for n in drawn}
        assert seen <= trials
        best_of = max(value for row in trace["z"] for value in row)
        assert best_of == sweep.best["objective"]


@pytest.mark.parametrize(
    "query",
    [
        {"x": EVIL, "y": EVIL, "metric": EVIL, "others": EVIL},
        {"x": "fast_period", "y": "fast_period"},
        {"segment": "99", "variation": "-1"},
        {"metric": "a\0b", "segment": "٣"},
    ],
)
def test_an_address_that_means_nothing_shows_the_map_it_began_with(client, swept, query):
    for part in ("", "/map", "/cells", "/map.json"):
        answer = client.get(at(swept, part), query, headers=PART if part != "/map.json" else {})
        assert answer.status_code == 200
        assert EVIL not in answer.content.decode()


def test_one_parameter_makes_a_line_and_none_of_two_choices(client):
    sweep = sweeps_made.swept(space={"slow_period": [20, 30, 40]})
    html = shown(client, at(sweep))
    assert "Sharpe ratio over slow_period" in html
    assert 'id="map-x"' not in html
    (trace,) = client.get(at(sweep, "/map.json")).json()["data"]
    assert trace["x"] == ["20", "30", "40"]


def test_a_sweep_that_varies_nothing_has_no_map_and_is_no_failure(client):
    sweep = sweeps_made.swept(space={})
    assert 'id="map"' not in shown(client, at(sweep))
    assert client.get(at(sweep, "/map.json")).status_code == 200
    for part in ("/map", "/cells"):
        shown(client, at(sweep, part), headers=PART)


def test_a_map_of_no_trials_yet_is_empty_and_no_error(client):
    sweep = make_sweep(trials_done=0)
    answer = client.get(at(sweep, "/map.json"))
    assert answer.status_code == 200
    assert answer.json()["data"][0]["x"] == []
    assert "No trial has a result yet" in shown(client, at(sweep, "/cells"), headers=PART)


def test_a_map_too_large_for_a_table_says_where_its_numbers_are(client, monkeypatch, swept):
    monkeypatch.setattr("cracktrader_site.ui.pages.sweep_map.MOST_CELLS", 15)
    assert "16 cells, too many" in text_of(shown(client, at(swept, "/cells"), headers=PART))


# --- in sample against out of sample ---------------------------------------------------------


def test_a_walk_forward_sweep_shows_its_windows_and_one_curve(client, walking):
    sweep = walking
    told = sweep.walk_forward["windows"]
    assert len(told) == 4
    html = shown(client, at(sweep))
    text = text_of(html)
    assert "Out of sample" in text
    assert f"{sweep.walk_forward['metrics']['total_return'] * 100:+.2f} %" in text
    assert "2024-01-01 to 2024-01-11" in text
    assert f"{told[0]['out_of_sample']['sharpe_ratio']:.2f}" in text
    assert "The best of the last window" in text
    curve = client.get(at(sweep, "/equity.json")).json()
    _, equity = queries.equity(sweep)
    assert curve["data"][0]["y"][-1] == pytest.approx(equity[-1])
    assert len(curve["layout"]["shapes"]) == 3
    bars = client.get(at(sweep, "/windows.json")).json()["data"]
    assert bars[1]["y"] == [w["out_of_sample"]["sharpe_ratio"] for w in told]


def test_the_map_of_a_window_is_of_its_own_trials(client, walking):
    sweep = walking
    (trace,) = client.get(at(sweep, "/map.json"), {"segment": "1"}).json()["data"]
    drawn = {n for row in trace["customdata"] for n in row if n is not None}
    assert drawn == set(
        sweep.trials.filter(segment=1, error_code="").values_list("number", flat=True)
    )


def test_logits_are_drawn_where_they_are(client, swept):
    assert client.get(at(swept, "/logits.json")).json()["data"][0]["type"] == "bar"
    assert client.get(at(swept, "/nothing.json")).status_code == 404


# --- trials ----------------------------------------------------------------------------------


def test_the_best_trials_come_first_and_failed_ones_are_by_themselves(client, swept):
    html = shown(client, at(swept, "/trials"), headers=PART)
    expected = [t.number for t in queries.trials(swept, failed=False)]
    assert numbers(html) == expected
    assert numbers(html)[0] == swept.best["number"]
    failed = shown(client, at(swept, "/trials?t-outcome=failed"), headers=PART)
    assert len(numbers(failed)) == 3
    assert "INVALID_PARAMS" in failed
    assert "Run it" not in failed
    assert len(numbers(shown(client, at(swept, "/trials?t-outcome=all"), headers=PART))) == 16


@pytest.mark.parametrize(
    "column", ["number", "objective", "total_return", "max_drawdown", "trade_count"]
)
def test_headings_sort_up_and_down(client, swept, column):
    for sign in ("", "-"):
        html = shown(client, at(swept, f"/trials?t-sort={sign}{column}"), headers=PART)
        name = "number" if column == "number" else column
        rows = list(swept.trials.filter(error_code=""))
        values = [next(getattr(t, name) for t in rows if t.number == n) for n in numbers(html)]
        assert values == sorted(values, reverse=sign == "-")
        assert f'aria-sort="{"descending" if sign else "ascending"}"' in html


def test_a_parameters_heading_sorts_by_its_numbers(client, swept):
    html = shown(client, at(swept, "/trials"), headers=PART)
    assert 't-sort=param%3Afast_period"' in html
    for sign in ("", "-"):
        html = shown(client, at(swept, f"/trials?t-sort={sign}param:fast_period"), headers=PART)
        params = dict(swept.trials.values_list("number", "params"))
        values = [params[number]["fast_period"] for number in numbers(html)]
        assert values == sorted(values, reverse=sign == "-")
        assert len(set(values)) > 2
        assert f'aria-sort="{"descending" if sign else "ascending"}"' in html


def test_a_choice_of_no_numbers_has_a_heading_that_sorts_nothing(client):
    sweep = sweeps_made.swept(space={"fast_period": [5, 10], "run.stop_loss": [None]})
    html = shown(client, at(sweep, "/trials"), headers=PART)
    assert "run.stop_loss</th>" in html
    assert "param%3Afast_period" in html


def test_trials_of_one_market_or_window_can_be_had(client):
    sweep = sweeps_made.swept(symbols=["BTC/USDT", "ETH/USDT"], each_symbol=True)
    html = shown(client, at(sweep, "/trials?t-variation=1"), headers=PART)
    found = set(numbers(html))
    assert found
    assert all(number % 2 == 1 for number in found)
    assert "ETH/USDT" in html


def test_what_the_table_cannot_be_asked_is_passed_over(client, swept):
    query = {"t-sort": EVIL, "t-outcome": "no", "t-segment": "7", "t-variation": "x", "t-page": "0"}
    answer = client.get(at(swept, "/trials"), query, headers=PART)
    assert numbers(answer.content.decode())[0] == swept.best["number"]


def test_all_trials_with_all_metrics_come_as_csv(client, swept):
    answer = client.get(at(swept, "/trials.csv"))
    assert answer["Content-Disposition"].startswith("attachment")
    text = b"".join(answer.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert len(rows) == 16
    best = rows[swept.best["number"]]
    assert float(best["sharpe_ratio"]) == swept.best["metrics"]["sharpe_ratio"]
    assert set(METRICS) <= set(best)
    assert sum(row["error_code"] == "INVALID_PARAMS" for row in rows) == 3


def test_a_text_of_the_csv_is_no_formula(client):
    sweep = make_sweep()
    Trial.objects.create(sweep=sweep, number=0, params={"fast_period": "=1+1"}, error="@x")
    text = b"".join(client.get(at(sweep, "/trials.csv")).streaming_content).decode()
    assert "'=1+1" in text
    assert "'@x" in text


# --- deeds -----------------------------------------------------------------------------------


def test_a_trial_becomes_its_whole_backtest_once_however_often_it_is_asked_for(client, swept):
    number = swept.best["number"]
    first = client.post(at(swept, f"/trials/{number}/run"), {"mode": "backtest"})
    assert first.status_code == 302
    assert (
        client.post(at(swept, f"/trials/{number}/run"), {"mode": "backtest"})["Location"]
        == (first["Location"])
    )
    run = Run.objects.get()
    assert run.mode == "backtest"
    assert run.config["strategy_params"] == swept.best["params"]
    assert run.config["engine"]["end_ms"] == swept.config["variations"][0]["engine"]["end_ms"]


def test_a_trial_becomes_a_paper_run(client, swept, monkeypatch):
    asked: list[dict[str, Any]] = []
    real = run_services.start_live

    def started(request: dict[str, Any], *rest: Any, **named: Any) -> Run:
        asked.append(request)
        return real(request, *rest, **named)

    monkeypatch.setattr(run_services, "start_live", started)
    number = swept.best["number"]
    for key in ("one", "one", "two"):
        sent = {"mode": "paper", "key": key}
        assert client.post(at(swept, f"/trials/{number}/run"), sent).status_code == 302
    assert Run.objects.filter(mode="paper").count() == 2
    assert asked[0]["strategy_params"] == swept.best["params"]


def test_a_trial_is_run_in_no_other_way(client, swept):
    for mode in ("live", "", EVIL):
        answer = client.post(at(swept, "/trials/0/run"), {"mode": mode})
        assert answer.status_code == 400
    assert client.post(at(swept, "/trials/999/run"), {"mode": "backtest"}).status_code == 404
    assert client.get(at(swept, "/trials/0/run")).status_code == 405
    assert not Run.objects.exists()


def test_who_may_only_look_has_no_buttons_and_starts_nothing(client, settings, swept):
    settings.AUTH = True
    login(client, "runs.view_run")
    Sweep.objects.filter(pk=swept.pk).update(owner=f"user:{User.objects.get().pk}")
    html = shown(client, at(swept)) + shown(client, at(swept, "/trials"), headers=PART)
    assert "Run it" not in text_of(html)
    assert "again with changes" not in html
    for path in ("/trials/1/run", "/stop"):
        assert client.post(at(swept, path), {"mode": "backtest"}).status_code == 403
    assert not Run.objects.exists()


def test_a_sweep_is_asked_to_stop(client):
    sweep = sweeps_made.start()
    assert "Stop this sweep?" in shown(client, at(sweep))
    assert client.post(at(sweep, "/stop")).status_code == 302
    sweep.refresh_from_db()
    assert sweep.stop_requested_at is not None
    assert "What was tried so far stays" in shown(client, at(sweep))
    sweep = sweeps_made.finish(sweep)
    assert sweep.status == "stopped"
    client.post(at(sweep, "/stop"))
    assert "stopped already" in shown(client, at(sweep))


# --- many trials -----------------------------------------------------------------------------


def test_a_hundred_thousand_trials_are_a_page_in_a_fifth_of_a_second(client):
    sweep = make_sweep(honesty=HONESTY)
    add_trials(sweep, 1_000, side=40)
    multiply_trials(sweep, 100)
    for path, headers, most in (
        ("", {}, 8),
        ("/trials", PART, 6),
        ("/trials?t-page=1900", PART, 6),
    ):
        shown(client, at(sweep, path), headers=headers)
        took = []
        for _ in range(3):
            began = time.process_time()
            with CaptureQueriesContext(connection) as asked:
                shown(client, at(sweep, path), headers=headers)
            took.append(time.process_time() - began)
        print(
            f"{path or 'page'} of 100,000 trials: {min(took) * 1000:.0f} ms, {len(asked)} queries"
        )
        assert len(asked) <= most
        assert min(took) < 0.2
