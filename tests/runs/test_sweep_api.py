"""Sweeps over the API: from the body to the best trial, and on to its run."""

from __future__ import annotations

import itertools
import json
import math
from typing import Any

import pytest
from django.test import Client

from cracktrader_site.api import keys
from runs.engine.metrics import METRICS
from runs.models import Run, Sweep, Trial
from runs.sweeps import services, work
from runs.sweeps.examples import GRID_BODY, WALK_FORWARD_BODY
from runs.sweeps.ordering import SIGNED
from tests.runs import finished as made
from tests.runs import sweeping
from tests.site.api import API, desk, error, get, post  # noqa: F401 - fixtures
from tests.site.test_schema import schema, validate  # noqa: F401 - fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("desk")]

START = "/run/sweep"
DATES = ("start_date", "end_date")
# 10 and 20 are refused: the fast period must be below the slow one.
REFUSED_SPACE = {"fast_period": [5, 10, 20], "slow_period": [10, 40]}
VARIATIONS_BODY = GRID_BODY | {
    "symbols": ["BTC/USDT", "ETH/USDT"],
    "timeframe": None,
    "timeframes": ["1h", "4h"],
    "each_symbol": True,
}


@pytest.fixture(scope="module")
def swept(desk: None, django_db_blocker: Any) -> dict[str, Sweep]:  # noqa: F811
    """Sweeps in each state, each come to honestly."""
    with django_db_blocker.unblock():
        stopped = sweeping.start(**GRID_BODY)
        services.request_stop(stopped)
        return {
            "grid": sweeping.finished(**GRID_BODY),
            "walk-forward": sweeping.finished(**WALK_FORWARD_BODY),
            "tpe": sweeping.finished(**GRID_BODY, sampler="tpe", trials=20),
            "with refusals": sweeping.finished(**GRID_BODY | {"space": REFUSED_SPACE}),
            "variations": sweeping.finished(**VARIATIONS_BODY),
            "stopped": sweeping.finish(stopped),
            "starting": sweeping.start(**GRID_BODY),
        }


def path(sweep: Sweep, *parts: str | int) -> str:
    return "/".join(["/sweeps", str(sweep.public_id), *map(str, parts)])


def all_trials(client: Client, sweep: Sweep, limit: int = 5_000, **query: Any) -> list[Any]:
    """Page after page."""
    found: list[Any] = []
    while True:
        page = get(client, path(sweep, "trials"), limit=limit, **query)
        found += page["trials"]
        if page["next_cursor"] is None:
            return found
        assert len(page["trials"]) == limit
        query["cursor"] = page["next_cursor"]


# --- the whole way ---------------------------------------------------------------------------


def test_a_sweep_is_started_tried_and_judged(client):
    answer = post(client, START, GRID_BODY)
    assert answer.status_code == 200, answer.content
    started = answer.json()
    assert started.keys() == {"sweep_id", "status", "message", "trials"}
    assert (started["status"], started["trials"]) == ("starting", 12)
    sweep = Sweep.objects.get(public_id=started["sweep_id"])
    fresh = get(client, path(sweep))
    assert (fresh["progress"], fresh["best"], fresh["honesty"]) == (0, None, None)
    assert (fresh["trials_per_second"], fresh["eta_seconds"]) == (None, None)
    sweeping.finish(sweep)
    told = get(client, path(sweep))
    assert told["status"] == "completed"
    assert (told["trials_done"], told["trials_failed"], told["progress"]) == (12, 0, 1)
    assert told["trials_per_second"] > 0
    assert told["eta_seconds"] is None
    assert told["honesty"]["trials"] == 12
    assert told["walk_forward"] is None
    assert {name: told[name] for name in DATES} == {name: GRID_BODY[name] for name in DATES}
    trials = all_trials(client, sweep)
    assert [t["number"] for t in trials] == list(range(12))
    assert {json.dumps(t["params"], sort_keys=True) for t in trials} == {
        json.dumps({"fast_period": fast, "slow_period": slow})
        for fast, slow in itertools.product([5, 10, 20], [30, 40, 50, 60])
    }
    best = max(trials, key=lambda t: t["objective"])
    for name in ("number", "params", "objective", "metrics"):
        assert told["best"][name] == best[name]
    assert best["objective"] == best["sharpe_ratio"] == best["metrics"]["sharpe_ratio"]
    assert best["metrics"].keys() == METRICS.keys()
    assert get(client, path(sweep, "trials", best["number"])) == best


def test_while_it_goes_on_it_says_how_fast_it_is_and_the_best_so_far(client):
    # More than the quickest machine tries in a turn.
    space = {"fast_period": {"min": 2, "max": 31}, "slow_period": {"min": 40, "max": 139}}
    sweep = sweeping.start(**GRID_BODY | {"space": space})
    while not sweep.trials_done:
        work.turn(0.02, sweep)
        sweep.refresh_from_db()
    done = Trial.objects.filter(sweep=sweep).count()
    assert 0 < done < sweep.trials_total
    told = get(client, path(sweep))
    assert told["trials_done"] == done
    assert told["eta_seconds"] == pytest.approx(
        (sweep.trials_total - done) / told["trials_per_second"]
    )
    assert told["best"]["objective"] == max(t["objective"] for t in all_trials(client, sweep))
    assert told["honesty"] is None


@pytest.fixture(scope="module")
def whole(swept, django_db_blocker: Any) -> dict[int, tuple[Run, Run]]:
    """Of some trials by number: the run it was made, and the backtest of its parameters."""
    alike = {name: value for name, value in GRID_BODY.items() if name != "space"}
    with django_db_blocker.unblock():
        client, found = Client(), {}
        for number in (0, 7, 11):
            answer = post(client, path(swept["grid"], "trials", number, "run"), {})
            assert answer.status_code == 200, answer.content
            assert answer.json().keys() == {"run_id", "status", "message"}
            run = made.finish(Run.objects.get(public_id=answer.json()["run_id"]))
            params = get(client, path(swept["grid"], "trials", number))["params"]
            found[number] = run, made.finished(**alike | {"strategy_params": params})
    return found


@pytest.mark.parametrize("number", [0, 7, 11])
def test_a_trial_made_a_run_is_that_backtest_to_the_last_digit(client, swept, whole, number):
    run, ordinary = whole[number]
    trial = get(client, path(swept["grid"], "trials", number))
    results = get(client, "/results", run_id=str(run.public_id))
    for name, value in results["performance_metrics"].items():
        assert trial["metrics"][name] == pytest.approx(value, rel=1e-9, abs=1e-12), name
    assert run.result_hash == ordinary.result_hash
    assert run.config == ordinary.config


def test_a_trial_made_a_paper_run_trades_its_parameters_from_now_on(client, swept):
    sweep = swept["grid"]
    answer = post(client, path(sweep, "trials", 5, "run"), {"mode": "paper"})
    assert answer.status_code == 200, answer.content
    run = get(client, f"/runs/{answer.json()['run_id']}")
    config = run["config"]
    assert (run["mode"], config["end_date"], config["replay"]) == ("paper", None, None)
    params = get(client, path(sweep, "trials", 5))["params"]
    assert config["strategy_params"].items() >= params.items()


def test_walking_forward_each_window_chooses_and_what_follows_is_one_curve(client, swept):
    sweep = swept["walk-forward"]
    told = get(client, path(sweep))
    windows = told["walk_forward"]["windows"]
    assert [w["segment"] for w in windows] == [0, 1, 2]
    for window in windows:
        chosen = get(client, path(sweep, "trials", window["number"]))
        best = all_trials(client, sweep, segment=window["segment"], sort="-objective")[0]
        assert chosen["params"] == window["params"]
        assert chosen["objective"] == best["objective"]
        assert chosen["metrics"] == window["in_sample"]
    assert all(a["end"] == b["split"] for a, b in itertools.pairwise(windows))
    curve = get(client, path(sweep, "equity"))
    assert curve["total"] == sum(w["end"] - w["split"] for w in windows) // 3_600_000
    assert curve["equity"][0]["timestamp"] == windows[0]["split"]
    assert curve["equity"][-1]["value"] == pytest.approx(
        told["walk_forward"]["metrics"]["final_value"]
    )
    few = get(client, path(sweep, "equity"), points=10)
    assert len(few["equity"]) <= 10
    assert few["total"] == curve["total"]
    assert {p["timestamp"] for p in few["equity"]} <= {p["timestamp"] for p in curve["equity"]}
    assert get(client, path(swept["grid"], "equity")) == {"equity": [], "total": 0}


def test_each_symbol_and_timeframe_is_a_variation(client, swept):
    sweep = swept["variations"]
    told = get(client, path(sweep))
    assert told["variations"] == [
        {"symbols": [symbol], "timeframe": timeframe}
        for symbol in ("BTC/USDT", "ETH/USDT")
        for timeframe in ("1h", "4h")
    ]
    assert (told["symbols"], told["timeframes"]) == (["BTC/USDT", "ETH/USDT"], ["1h", "4h"])
    assert told["trials_total"] == 48
    for number in range(4):
        assert len(all_trials(client, sweep, variation=number)) == 12
    assert told["best"]["symbols"] == told["variations"][told["best"]["variation"]]["symbols"]


def test_what_a_strategy_refuses_is_a_failed_trial_and_no_more(client, swept):
    sweep = swept["with refusals"]
    told = get(client, path(sweep))
    assert (told["status"], told["trials_total"], told["trials_failed"]) == ("completed", 6, 2)
    failed = all_trials(client, sweep, failed="true")
    assert [t["params"] for t in failed] == [
        {"fast_period": 10, "slow_period": 10},
        {"fast_period": 20, "slow_period": 10},
    ]
    for trial in failed:
        assert trial["error"].startswith("INVALID_PARAMS: ")
        assert (trial["objective"], trial["metrics"], trial["trade_count"]) == (None, {}, 0)
    assert len(all_trials(client, sweep, failed="false")) == 4
    answer = post(client, path(sweep, "trials", failed[0]["number"], "run"), {})
    error(answer, 400, "INVALID_PARAMS")


# --- stopping --------------------------------------------------------------------------------


def test_a_stop_is_idempotent_and_keeps_what_is_done(client, swept):
    sweep = sweeping.start(**GRID_BODY)
    for _ in range(2):
        answer = post(client, path(sweep, "stop"), {})
        assert (answer.status_code, answer.json()["status"]) == (200, "stopping")
    assert sweeping.finish(sweep).status == "stopped"
    assert post(client, path(sweep, "stop"), b"").json()["status"] == "stopped"
    over = post(client, path(swept["grid"], "stop"), {}).json()
    assert (over["status"], over["message"]) == ("completed", "the sweep is completed already")
    error(post(client, path(sweep, "stop"), {"flatten": True}), 400, "UNKNOWN_FIELD")
    error(post(client, path(sweep, "stop"), b"[]"), 400, "INVALID_TYPE")


# --- trials ----------------------------------------------------------------------------------


@pytest.mark.parametrize("sort", SIGNED)
@pytest.mark.parametrize("state", ["grid", "with refusals"])
def test_pages_in_any_order_have_each_trial_once(client, swept, sort, state):
    sweep = swept[state]
    figure, sign = sort.lstrip("-"), -1 if sort.startswith("-") else 1
    found = all_trials(client, sweep, limit=2, sort=sort)
    assert [t["number"] for t in found] == [
        t["number"] for t in all_trials(client, sweep, sort=sort)
    ]
    places = [(sign * t[figure], t["number"]) for t in found]
    assert places == sorted(places)
    known = [t for t in all_trials(client, sweep) if t[figure] is not None]
    assert len(found) == len({t["number"] for t in found}) == len(known)


@pytest.mark.parametrize("sort", ["param:fast_period", "-param:fast_period", "-param:slow_period"])
def test_trials_are_sorted_by_a_parameter_as_a_number(client, swept, sort):
    """5, 10, 15: not 10, 15, 5."""
    sweep = swept["with refusals"]
    name, sign = sort.split(":")[1], -1 if sort.startswith("-") else 1
    found = all_trials(client, sweep, limit=2, sort=sort)
    places = [(sign * t["params"][name], t["number"]) for t in found]
    assert places == sorted(places)
    assert len(places) == 6
    assert len({value for value, _ in places}) > 1


def test_trials_without_a_number_for_a_parameter_are_left_out_of_its_order(client, swept):
    asked = {"space": {"run.stop_loss": [None, 0.5, 0.25], "fast_period": [5]}}
    sweep = sweeping.finished(**asked)
    found = all_trials(client, sweep, limit=1, sort="param:run.stop_loss")
    assert [t["params"]["run.stop_loss"] for t in found] == [0.25, 0.5]
    at = API + path(sweep, "trials")
    cursor = get(client, path(sweep, "trials"), limit=1, sort="param:run.stop_loss")["next_cursor"]
    answer = client.get(at, {"sort": "param:fast_period", "cursor": cursor})
    error(answer, 400, "INVALID_CURSOR")
    for unknown in ("param:period", "param:", "fast_period", "-param:params"):
        told = error(client.get(at, {"sort": unknown}), 400, "INVALID_VALUE")
        assert {"number", "-param:run.stop_loss", "param:fast_period"} <= set(
            told["details"]["valid"]
        )


def test_a_page_has_at_most_5000_trials_and_a_cursor_belongs_to_its_order(client, swept):
    at = path(swept["grid"], "trials")
    assert len(get(client, at, limit=5_000)["trials"]) == 12
    error(client.get(API + at, {"limit": 5_001}), 400, "INVALID_VALUE")
    error(client.get(f"{API}/sweeps", {"limit": 501}), 400, "INVALID_VALUE")
    cursor = get(client, at, limit=2, sort="-objective")["next_cursor"]
    error(client.get(API + at, {"cursor": cursor}), 400, "INVALID_CURSOR")
    error(client.get(API + at, {"sort": "-objective", "cursor": "x"}), 400, "INVALID_CURSOR")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"sort": "sharpe"}, "INVALID_VALUE"),
        ({"sort": ""}, "INVALID_VALUE"),
        ({"sort": "-"}, "INVALID_VALUE"),
        ({"sort": "--objective"}, "INVALID_VALUE"),
        ({"sort": "sweep__owner"}, "INVALID_VALUE"),
        ({"failed": "yes"}, "INVALID_VALUE"),
        ({"segment": "-1"}, "INVALID_VALUE"),
        ({"segment": "9" * 30}, "INVALID_VALUE"),
        ({"variation": "x"}, "INVALID_VALUE"),
        ({"order": "best"}, "UNKNOWN_FIELD"),
    ],
)
def test_a_filter_that_is_none_is_refused(client, swept, query, code):
    error(client.get(API + path(swept["grid"], "trials"), query), 400, code)


@pytest.mark.parametrize("number", ["12", "99", "2147483648", "9" * 40, "-1", "x", "²", "0x1"])
def test_a_trial_that_there_is_not_is_not_found(client, swept, number):
    at = path(swept["grid"], "trials", number)
    error(client.get(API + at), 404, "TRIAL_NOT_FOUND")
    error(post(client, f"{at}/run", {}), 404, "TRIAL_NOT_FOUND")


def test_a_trial_that_was_not_tried_yet_is_not_found_either(client, swept):
    error(client.get(API + path(swept["starting"], "trials", 0)), 404, "TRIAL_NOT_FOUND")


@pytest.mark.parametrize("sweep_id", ["x", "0" * 36, "1c7f2a30-9b1e-4a57-8a52-0f5f9f6f3c11"])
def test_a_sweep_that_there_is_not_is_not_found(client, sweep_id):
    at = f"/sweeps/{sweep_id}"
    for part in ("", "/trials", "/trials/0", "/heatmap?x=a", "/equity"):
        error(client.get(API + at + part), 404, "SWEEP_NOT_FOUND")
    for part in ("/stop", "/trials/0/run"):
        error(post(client, at + part, {}), 404, "SWEEP_NOT_FOUND")


# --- the heat map ----------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["", "sharpe_ratio", "max_drawdown", "win_rate"])
def test_a_heat_map_has_each_trial_in_its_cell(client, swept, metric):
    sweep = swept["grid"]
    query = {"x": "fast_period", "y": "slow_period"} | ({"metric": metric} if metric else {})
    told = get(client, path(sweep, "heatmap"), **query)
    assert (told["x"], told["y"]) == ([5, 10, 20], [30, 40, 50, 60])
    by_params = {tuple(t["params"].values()): t for t in all_trials(client, sweep)}
    for (row, slow), (column, fast) in itertools.product(
        enumerate(told["y"]), enumerate(told["x"])
    ):
        trial = by_params[fast, slow]
        assert told["values"][row][column] == trial["metrics"][metric or "sharpe_ratio"]
        assert told["trials"][row][column] == trial["number"]
        assert told["counts"][row][column] == 1
    shown = [value for row in told["values"] for value in row]
    assert told["best"]["value"] == (min if metric == "max_drawdown" else max)(shown)


def test_a_heat_map_is_of_the_window_of_the_best_unless_another_is_asked_for(client, swept):
    sweep = swept["walk-forward"]
    x = next(iter(sweep.space))
    at, best = path(sweep, "heatmap"), get(client, path(sweep))["best"]
    assert best["segment"] > 0
    told = get(client, at, x=x)
    assert told["best"]["number"] == best["number"]
    assert told == get(client, at, x=x, segment=best["segment"])
    assert get(client, at, x=x, segment=0)["best"]["number"] != best["number"]


def test_a_slice_of_a_heat_map_shows_only_its_trials(client, swept):
    at = path(swept["grid"], "heatmap")
    one = get(client, at, x="fast_period", fixed='{"slow_period": 40}')
    whole = get(client, at, x="fast_period", y="slow_period")
    assert one["values"] == [whole["values"][1]]
    over = get(client, at, x="fast_period")
    assert over["counts"] == [[4, 4, 4]]
    assert over["values"][0] == [max(column) for column in zip(*whole["values"], strict=True)]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "MISSING_FIELD"),
        ({"x": "fast"}, "INVALID_VALUE"),
        ({"x": "fast_period", "y": "threshold"}, "INVALID_VALUE"),
        ({"x": "fast_period", "metric": "luck"}, "INVALID_VALUE"),
        ({"x": "fast_period", "z": "slow_period"}, "UNKNOWN_FIELD"),
        *(
            ({"x": "fast_period", "fixed": fixed}, "INVALID_VALUE")
            for fixed in ("", "40", "[]", "{", '{"slow_period": [40]}', '{"other": 1}', "[" * 3_000,
                          '{"slow_period": NaN}', " " * 5_000)
        ),
    ],
)  # fmt: skip
def test_a_heat_map_of_what_is_not_there_is_refused(client, swept, query, code):
    error(client.get(API + path(swept["grid"], "heatmap"), query), 400, code)


# --- bodies ----------------------------------------------------------------------------------


def without(name: str) -> dict[str, Any]:
    return {field: value for field, value in GRID_BODY.items() if field != name}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (GRID_BODY | {"spaces": {}}, "UNKNOWN_FIELD"),
        (without("space"), "MISSING_FIELD"),
        (without("timeframe"), "MISSING_FIELD"),
        (GRID_BODY | {"timeframes": ["4h"]}, "INVALID_VALUE"),
        (without("timeframe") | {"timeframes": []}, "INVALID_VALUE"),
        (without("timeframe") | {"timeframes": ["1h", "1h"]}, "INVALID_VALUE"),
        (without("timeframe") | {"timeframes": ["1h", "1x"]}, "UNKNOWN_TIMEFRAME"),
        (without("timeframe") | {"timeframes": "1h"}, "INVALID_TYPE"),
        (GRID_BODY | {"sampler": "genetic"}, "INVALID_VALUE"),
        (GRID_BODY | {"sampler": "tpe"}, "MISSING_FIELD"),
        (GRID_BODY | {"trials": 0}, "INVALID_VALUE"),
        (GRID_BODY | {"trials": 1.5}, "INVALID_TYPE"),
        (GRID_BODY | {"trials": "10"}, "INVALID_TYPE"),
        (GRID_BODY | {"trials": True}, "INVALID_TYPE"),
        (GRID_BODY | {"trials": 11}, "INVALID_SPACE"),
        (GRID_BODY | {"seed": -1}, "INVALID_VALUE"),
        (GRID_BODY | {"seed": 1e300}, "INVALID_VALUE"),
        (GRID_BODY | {"objective": "luck"}, "INVALID_VALUE"),
        (GRID_BODY | {"maximize": "yes"}, "INVALID_TYPE"),
        (GRID_BODY | {"each_symbol": 1}, "INVALID_TYPE"),
        (GRID_BODY | {"walk_forward": {"in_sample": 100}}, "MISSING_FIELD"),
        (GRID_BODY | {"walk_forward": {"in_sample": 100, "out": 50}}, "UNKNOWN_FIELD"),
        (GRID_BODY | {"walk_forward": [100, 50]}, "INVALID_TYPE"),
        (
            GRID_BODY | {"walk_forward": {"in_sample": 5_000, "out_of_sample": 50}},
            "INVALID_WALK_FORWARD",
        ),
        (GRID_BODY | {"strategy_params": {"slow_period": 50}}, "INVALID_SPACE"),
        (GRID_BODY | {"strategy_name": "Nope"}, "UNKNOWN_STRATEGY"),
        (GRID_BODY | {"initial_cash": -1}, "INVALID_CASH"),
        (GRID_BODY | {"symbols": []}, "INVALID_SYMBOLS"),
    ],
)
def test_a_body_that_is_wrong_is_refused_with_what_would_be_right(client, body, code):
    found = error(post(client, START, body), 400, code)
    if code == "UNKNOWN_FIELD":
        assert found["details"]["valid_fields"]
    assert not Sweep.objects.filter(owner="", request__seed=-1).exists()


@pytest.mark.parametrize(
    ("space", "field"),
    [
        ([], "space"),
        ({"period": [1]}, "space.period"),
        ({"fast_period": []}, "space.fast_period"),
        ({"fast_period": 5}, "space.fast_period"),
        ({"fast_period": [5, "six"]}, "space.fast_period"),
        ({"fast_period": [5, -1]}, "space.fast_period"),
        ({"fast_period": {"min": 20, "max": 5}}, "space.fast_period"),
        ({"fast_period": {"min": 5}}, "space.fast_period"),
        ({"fast_period": {"min": 5, "max": 20, "stop": 1}}, "space.fast_period"),
        ({"run.stop_loss": [2]}, "space.run.stop_loss"),
        ({"run.fee": [0.1]}, "space.run.fee"),
    ],
)
def test_a_space_that_is_wrong_names_the_field(client, space, field):
    found = error(post(client, START, GRID_BODY | {"space": space}), 400)
    assert found["code"] in ("INVALID_SPACE", "INVALID_TYPE")
    if found["code"] == "INVALID_SPACE":
        assert found["details"]["field"].startswith(field)


def test_more_trials_than_allowed_are_refused_with_the_bound(client, settings):
    settings.MAX_TRIALS = 11
    found = error(post(client, START, GRID_BODY), 400, "TOO_MANY_TRIALS")
    assert (found["details"]["trials"], found["details"]["maximum"]) == (12, 11)


@pytest.mark.parametrize("body", [{"mode": "live"}, {"mode": None}, {"mode": 1}, {"modes": 1}, []])
def test_a_trial_is_made_a_backtest_or_a_paper_run_and_nothing_else(client, swept, body):
    before = Run.objects.count()
    error(post(client, path(swept["grid"], "trials", 0, "run"), body), 400)
    assert Run.objects.count() == before


# --- once ------------------------------------------------------------------------------------


def test_one_key_starts_one_sweep(client):
    header = {"Idempotency-Key": "monday"}
    first = post(client, START, GRID_BODY, **header)
    again = post(client, START, GRID_BODY, **header)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"
    other = error(post(client, START, WALK_FORWARD_BODY, **header), 400, "IDEMPOTENCY_MISMATCH")
    assert other["details"] == {"sweep_id": first.json()["sweep_id"]}
    assert Sweep.objects.filter(idempotency_key="monday").count() == 1


def test_one_key_makes_a_trial_one_run(client, swept):
    header = {"Idempotency-Key": "tuesday"}
    at = path(swept["grid"], "trials", 3, "run")
    first, again = (post(client, at, {}, **header).json() for _ in range(2))
    assert first == again
    for other, body in ((at, {"mode": "paper"}), (path(swept["grid"], "trials", 4, "run"), {})):
        error(post(client, other, body, **header), 400, "IDEMPOTENCY_MISMATCH")
    assert Run.objects.filter(idempotency_key="tuesday").count() == 1


# --- whose, and who may ----------------------------------------------------------------------


def keyed(*scopes: str) -> tuple[str, dict[str, str]]:
    """A key's owner, and its header."""
    row, text = keys.create(f"key-{'-'.join(scopes)}", scopes, "command")
    return row.prefix, {"Authorization": f"Bearer {text}"}


def test_a_sweep_is_its_keys_and_a_trial_of_it_as_well(client, settings):
    settings.AUTH = True
    owner, header = keyed("read", "backtest")
    started = post(client, START, GRID_BODY, **header).json()
    sweep = Sweep.objects.get(public_id=started["sweep_id"])
    assert sweep.owner == owner
    sweeping.finish(sweep)
    listed = client.get(f"{API}/sweeps", headers=header).json()["sweeps"]
    assert [row["sweep_id"] for row in listed] == [started["sweep_id"]]
    run_id = post(client, path(sweep, "trials", 0, "run"), {}, **header).json()["run_id"]
    assert Run.objects.get(public_id=run_id).owner == owner
    _, other = keyed("read", "backtest", "paper", "live")
    assert client.get(f"{API}/sweeps", headers=other).json()["sweeps"] == []
    error(client.get(API + path(sweep), headers=other), 404, "SWEEP_NOT_FOUND")


def test_each_mode_of_a_trials_run_needs_its_own_scope(client, settings):
    settings.AUTH = True
    _, backtester = keyed("backtest")
    _, reader = keyed("read", "live")
    sweep = Sweep.objects.get(
        public_id=post(client, START, GRID_BODY, **backtester).json()["sweep_id"]
    )
    sweeping.finish(sweep)
    at = path(sweep, "trials", 0, "run")
    found = error(post(client, at, {"mode": "paper"}, **backtester), 403, "PERMISSION_DENIED")
    assert found["details"]["needed"] == ["paper"]
    error(post(client, START, GRID_BODY, **reader), 403, "PERMISSION_DENIED")
    error(post(client, path(sweep, "stop"), {}, **reader), 403, "PERMISSION_DENIED")
    assert post(client, at, {"mode": "backtest"}, **backtester).status_code == 200


# --- the schema ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state", ["grid", "walk-forward", "tpe", "with refusals", "variations", "stopped", "starting"]
)
def test_answers_about_sweeps_obey_the_schema(client, swept, validate, state):  # noqa: F811
    sweep = swept[state]
    x, y = list(sweep.config["space"])[:2]
    for part, query in (
        ("", {}),
        ("/trials", {}),
        ("/trials", {"sort": "-objective", "limit": 3}),
        ("/heatmap", {"x": x, "y": y}),
        ("/equity", {}),
    ):
        answer = get(client, path(sweep) + part, **query)
        validate("get", f"/sweeps/{{sweep_id}}{part}", 200, answer)
    validate("get", "/sweeps", 200, get(client, "/sweeps"))
    validate("post", "/sweeps/{sweep_id}/stop", 200, post(client, path(sweep, "stop"), {}).json())
    if state not in ("stopped", "starting"):
        trial = get(client, path(sweep, "trials", 0))
        validate("get", "/sweeps/{sweep_id}/trials/{number}", 200, trial)


def test_every_number_of_every_sweep_is_one(client, swept):
    def numbers(value: Any) -> list[float]:
        if isinstance(value, dict):
            return [n for item in value.values() for n in numbers(item)]
        if isinstance(value, list):
            return [n for item in value for n in numbers(item)]
        return [value] if isinstance(value, float) else []

    for sweep in swept.values():
        found = numbers([get(client, path(sweep)), all_trials(client, sweep)])
        assert all(map(math.isfinite, found))
