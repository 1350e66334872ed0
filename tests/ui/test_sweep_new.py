"""The form of a new sweep, as a browser asks for it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.http import QueryDict
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from cracktrader_site.ui.forms.sweep_axes import RANGE, Axis
from runs.models import Sweep
from tests.runs.factory import make_run
from tests.ui import sweeps_made
from tests.ui.prepared import prepared_desk  # noqa: F401 - a fixture
from tests.ui.test_new import Controls

pytestmark = pytest.mark.django_db

NEW, PARTS, LOOK = "/ui/sweeps/new", "/ui/sweeps/new/form", "/ui/sweeps/new/outlook"
DATES = {"start_date": "2024-01-01T00:00", "end_date": "2024-02-01T00:00"}
FAST, SLOW = "MovingAverageCross.fast_period", "MovingAverageCross.slow_period"
EVIL = "<script>alert(1)</script>"


@pytest.fixture(scope="module", autouse=True)
def prepared(prepared_desk: None) -> None:  # noqa: F811
    """Strategies and venues, for all tests of the module."""


def page(client: Client, query: Any = None, path: str = NEW) -> str:
    answer = client.get(path, query or {})
    assert answer.status_code == 200, answer.content[-500:]
    return answer.content.decode().replace("\N{MULTIPLICATION SIGN}", "x")


def opened(client: Client, query: Any = None) -> dict[str, str]:
    """What a browser would send of the page without a change."""
    sent = Controls(page(client, query)).sent
    return {name: text for name, text in sent.items() if name != "csrfmiddlewaretoken"}


def body_of(html: str) -> dict[str, Any]:
    """The JSON in the snippet for the shell."""
    text = re.search(r'id="code-curl"[^>]*><code>(.*?)</code>', html, re.DOTALL)[1]
    text = text.replace("&quot;", '"').replace("&#x27;", "'")
    return json.loads(text.partition("-d '")[2].rpartition("'")[0])


def mistakes(answer: Any) -> dict[str, str]:
    """What is wrong, by field."""
    html = answer.content.decode()
    found = re.findall(r'<p class="mistake" id="id_(.+?)_error">(.*?)</p>', html)
    return dict(found)


def login(client: Client, *permissions: str) -> None:
    user = User.objects.create_user("trader", password="x", is_staff=True)
    codenames = [permission.partition(".")[2] for permission in permissions]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    client.force_login(user)


# --- the page as it opens --------------------------------------------------------------------


def test_the_page_as_it_opens_starts_a_grid_of_two_parameters(client):
    answer = client.post(NEW, opened(client))
    sweep = Sweep.objects.get()
    assert answer["Location"] == f"/ui/sweeps/{sweep.public_id}"
    assert set(sweep.config["space"]) == {"fast_period", "slow_period"}
    assert sweep.trials_total == 54
    assert sweep.sampler == "grid"


def test_every_strategy_with_parameters_has_something_to_try(client):
    from strategies.models import Strategy

    for strategy in Strategy.objects.filter(current__isnull=False):
        html = page(client, {"strategy": strategy.name})
        body = body_of(html)
        names = list(strategy.current.params_schema.get("properties", {}))
        assert body["strategy_name"] == strategy.name
        if len(names) >= 2:
            assert len(body["space"]) >= 1, strategy.name
            assert re.search(r"<strong>[\d,]+</strong> trials", html), strategy.name


def test_no_strategy_refuses_any_of_what_the_page_begins_with(client):
    from runs.engine.space import Space
    from strategies.models import Strategy
    from strategies.services import validate_params

    for strategy in Strategy.objects.filter(current__isnull=False):
        body = body_of(page(client, {"strategy": strategy.name}))
        space = Space.parse(body["space"], strategy.current.params_schema)
        for i in range(space.size()):
            validate_params(strategy.current, space.grid(i))


def test_ranges_around_two_close_values_do_not_meet(client):
    sent = {FAST: "19", SLOW: "20"}
    space = body_of(page(client, sent))["space"]
    assert space["fast_period"]["max"] < space["slow_period"]["min"]
    assert space["fast_period"]["max"] == 19
    assert space["slow_period"]["min"] == 20


def test_every_field_has_its_label(client):
    found = Controls(page(client, {"sampler": "tpe", "walk_forward": "on"}))
    assert set(found.visible.values()) - {""} <= found.labels | {
        name for name in found.visible.values() if name.startswith("id_sampler")
    }


def test_a_twice_sent_form_makes_one_sweep(client):
    sent = opened(client)
    first, again = client.post(NEW, sent), client.post(NEW, sent)
    assert first["Location"] == again["Location"]
    other = client.post(NEW, sent | {"symbols": "ETH/USDT"})
    assert other.status_code == 200
    assert "has started" in other.content.decode()
    assert Sweep.objects.count() == 1


# --- what the fields say ---------------------------------------------------------------------


def test_a_list_a_range_and_one_value_are_told_as_such(client):
    asked = {
        f"{FAST}:how": "list",
        f"{FAST}:list": "5, 10;20",
        f"{SLOW}:how": "fixed",
        SLOW: "77",
        "stop_loss:how": "range",
        "stop_loss:min": "1",
        "stop_loss:max": "5",
        "stop_loss:step": "0.5",
    }
    body = body_of(page(client, asked))
    assert body["space"] == {
        "fast_period": [5, 10, 20],
        "run.stop_loss": {"min": 0.01, "max": 0.05, "step": 0.005},
    }
    assert body["strategy_params"] == {"slow_period": 77}
    assert "stop_loss" not in body


def test_the_grid_is_counted_with_symbols_and_timeframes(client):
    query = QueryDict(mutable=True)
    query.update({f"{FAST}:how": "list", f"{FAST}:list": "5,6", f"{SLOW}:how": "fixed"})
    query.update({"symbols": "BTC/USDT, ETH/USDT", "each_symbol": "on"} | DATES)
    query.setlist("timeframe", ["1h", "4h", "1d"])
    html = page(client, dict(query.lists()), LOOK)
    assert "<strong>12</strong> trials" in html
    assert "Fast period 2 x 2 symbols x 3 timeframes" in html
    assert body_of(html)["timeframes"] == ["1h", "4h", "1d"]
    assert "one worker&#x27;s time" in html


def test_random_and_tpe_take_trials_and_a_seed_and_a_grid_does_not(client):
    asked = {"sampler": "tpe", "trials": "50", "seed": "7"}
    body = body_of(page(client, asked))
    assert (body["sampler"], body["trials"], body["seed"]) == ("tpe", 50, 7)
    body = body_of(page(client, asked | {"sampler": "grid"}))
    assert not {"sampler", "trials", "seed"} & set(body)


def test_a_log_scale_is_of_what_is_drawn_and_has_no_step(client):
    asked = {"sampler": "random", f"{SLOW}:log": "on"}
    space = body_of(page(client, asked))["space"]
    assert space["slow_period"]["log"] is True
    assert "step" not in space["slow_period"]
    assert "log" not in body_of(page(client, asked | {"sampler": "grid"}))["space"]["slow_period"]


def test_the_windows_a_form_begins_with_fit_into_its_range(client):
    html = page(client, opened(client) | {"walk_forward": "on"}, LOOK)
    assert "does not fit" not in html
    assert "x 2 windows" in html


def test_walk_forward_counts_each_window(client):
    asked = DATES | {"walk_forward": "on", "in_sample": "240", "out_of_sample": "120"}
    html = page(client, asked | {"anchored": "on"}, LOOK)
    assert "x 4 windows" in html
    assert body_of(html)["walk_forward"] == {
        "in_sample": 240,
        "out_of_sample": 120,
        "anchored": True,
    }


def test_of_a_thousand_trials_it_is_said_that_the_best_is_luck(client):
    asked = {f"{FAST}:min": "2", f"{FAST}:max": "121", f"{FAST}:step": "1"}
    assert "looks good by luck alone" in page(client, asked, LOOK)


def estimated(client: Client, **asked: str) -> float:
    """Seconds that the form says."""
    answer = client.get(LOOK, opened(client) | asked)
    seconds: float = answer.context["outlook"].seconds
    return seconds


def test_what_the_strategy_refuses_is_counted_before_the_start(client):
    asked = {f"{FAST}:how": "list", f"{FAST}:list": "10, 30, 50"}
    asked |= {f"{SLOW}:how": "list", f"{SLOW}:list": "20, 40"}
    told = page(client, asked, LOOK)
    # 30 and 50 of 20, 50 of 40.
    assert "3 of the 6 combinations are refused and will have no result" in told
    assert "Fast period must be smaller than Slow period" in told
    assert "refused" not in page(client, path=LOOK)


def test_of_a_large_space_a_part_tells_how_much_is_refused(client):
    whole = {"how": "range", "min": "1", "max": "200", "step": "1"}
    asked = {f"{FAST}:{part}": text for part, text in whole.items()}
    asked |= {f"{SLOW}:{part}": text for part, text in (whole | {"min": "2", "max": "201"}).items()}
    share = re.search(r"About (\d+) % of the combinations are refused", page(client, asked, LOOK))
    # Those of 1 ... 200 that are not below one of 2 ... 201: 199 x 200 / 2 of 40,000.
    assert 40 <= int(share[1]) <= 60


def test_what_fills_cost_is_said_before_the_start(client):
    assert "Of each fill: 0.1 % fee, no slippage." in page(client, path=LOOK)
    told = page(client, {"fee": "0", "slippage": "0.05"}, LOOK)
    assert "Of each fill: no fee, 0.05 % slippage." in told


def test_the_time_a_sweep_takes_counts_more_than_computing(client):
    """Commits, choices out of sample and what a sampler thinks, as measured from end to end."""
    two_years = {"start_date": "2022-01-01T00:00", "end_date": "2024-01-01T00:00"}
    grid = estimated(client, **two_years)
    assert 0.4 < grid < 2
    windows = {"walk_forward": "on", "in_sample": "2000", "out_of_sample": "500"}
    assert grid < estimated(client, **two_years, **windows) < 5
    learnt = estimated(client, **two_years, sampler="tpe", trials="80")
    assert learnt == pytest.approx(grid + 80 * 0.02, rel=0.05)
    ten_fold = estimated(client, **two_years, sampler="random", trials="800")
    assert 3 * grid < ten_fold < 10 * grid


def test_an_estimate_is_no_more_exact_than_it_can_be(client):
    said = "of one worker&#x27;s time from start to end"
    assert f"Less than a second {said}" in page(client, path=LOOK)
    asked = {"sampler": "tpe", "trials": "2000"}
    assert re.search(rf"About \d+ s {said}", page(client, asked, LOOK))


# --- what is wrong ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({f"{FAST}:min": ""}, f"{FAST}:min", "first and a last value"),
        ({f"{FAST}:min": "30", f"{FAST}:max": "20"}, f"{FAST}:min", "above where it ends"),
        ({f"{FAST}:min": "0"}, f"{FAST}:min", "out of bounds"),
        ({f"{FAST}:how": "list", f"{FAST}:list": ""}, f"{FAST}:list", "no values"),
        ({f"{FAST}:how": "list", f"{FAST}:list": "5, ten"}, f"{FAST}:list", "not of its type"),
        ({f"{FAST}:how": "list", f"{FAST}:list": "5, 5"}, f"{FAST}:list", "twice"),
        ({"stop_loss:how": "range"}, "stop_loss:min", "first and a last value"),
        ({"symbols": "nonsense"}, "symbols", ""),
        ({"sampler": "random", "trials": ""}, "trials", "how many"),
        ({"sampler": "random", "trials": "many"}, "trials", ""),
        ({"sampler": "tpe", "seed": "-1"}, "seed", ""),
        ({"walk_forward": "on", "in_sample": "1"}, "in_sample", ""),
        ({"walk_forward": "on", "in_sample": "9000000"}, "in_sample", "fit"),
        ({"timeframe": "7x"}, "timeframe", ""),
        ({"start_date": "2024-02-01T00:00", "end_date": "2024-01-01T00:00"}, "start_date", ""),
    ],
)
def test_what_is_wrong_is_said_at_its_field(client, changes, field, said):
    answer = client.post(NEW, opened(client) | changes)
    assert answer.status_code == 200
    assert not Sweep.objects.exists()
    found = mistakes(answer)
    assert field in found, found
    assert said in found[field]
    assert "Nothing was started" in answer.content.decode()


def test_too_many_trials_are_refused_with_their_number(client, settings):
    settings.MAX_TRIALS = 50
    answer = client.post(NEW, opened(client))
    assert "54 trials; at most 50" in answer.content.decode()
    assert not Sweep.objects.exists()
    assert "54 trials; at most 50" in page(client, {}, LOOK)


@pytest.mark.parametrize(
    "asked",
    [
        {f"{FAST}:how": EVIL},
        {"sampler": EVIL, "objective": EVIL, "maximize": EVIL},
        {"timeframe": EVIL, "symbols": EVIL, "strategy": EVIL, "exchange": EVIL},
        {f"{FAST}:min": "1e999", f"{FAST}:max": "nan", f"{FAST}:step": "-1"},
        {f"{FAST}:how": "list", f"{FAST}:list": ",".join("9" * 50 for _ in range(50))},
        {"trials": "9" * 50, "seed": "٣", "sampler": "random"},
        {f"{FAST}:min": "\0"},
        {"in_sample": "x", "walk_forward": "on"},
    ],
)
def test_whatever_is_typed_is_no_failure(client, asked):
    for path in (NEW, PARTS, LOOK):
        answer = client.get(path, asked)
        assert answer.status_code == 200
        assert EVIL not in answer.content.decode()
    assert client.post(NEW, opened(client) | asked).status_code in (200, 302)


def test_who_may_not_start_backtests_starts_no_sweep(client, settings):
    settings.AUTH = True
    login(client, "runs.view_run")
    answer = client.post(NEW, {"symbols": "BTC/USDT", "timeframe": "1h"} | DATES)
    assert answer.status_code == 403
    assert not Sweep.objects.exists()


# --- again, and around a run -----------------------------------------------------------------


def test_a_sweep_again_is_the_same_sweep(client):
    sweep = sweeps_made.start(
        space={
            "fast_period": [3, 5],
            "slow_period": {"min": 20, "max": 40, "log": True},
            "run.take_profit": {"min": 0.01, "max": 0.03, "step": 0.01},
        },
        sampler="random",
        trials=12,
        seed=5,
        objective="max_drawdown",
        maximize=True,
        timeframe=None,
        timeframes=["1h", "4h"],
        symbols=["BTC/USDT", "ETH/USDT"],
        each_symbol=True,
        fee=0.002,
        initial_cash=500.0,
    )
    sent = opened(client, {"again": str(sweep.public_id)})
    html = page(client, {"again": str(sweep.public_id)})
    checked = re.findall(r'name="timeframe" value="(\w+)" checked', html)
    assert checked == ["1h", "4h"]
    client.post(NEW, {**sent, "timeframe": checked})
    again = Sweep.objects.exclude(pk=sweep.pk).get()
    assert again.config == sweep.config
    assert (again.sampler, again.objective, again.maximize) == ("random", "max_drawdown", True)


def test_a_walk_forward_sweep_again_has_its_windows(client):
    walk = {"in_sample": 100, "out_of_sample": 50, "anchored": True}
    sweep = sweeps_made.start(walk_forward=walk)
    assert body_of(page(client, {"again": str(sweep.public_id)}))["walk_forward"] == walk


def test_a_sweep_around_a_run_has_its_bars_its_costs_and_its_values(client):
    from strategies.services import get_version

    version = get_version("MovingAverageCross")
    run = make_run(strategy_version=version)
    run.config["strategy_params"] = {"fast_period": 20, "slow_period": 100}
    run.config["engine"] |= {"fee": 0.003, "start_ms": 0, "end_ms": 86_400_000}
    run.save()
    body = body_of(page(client, {"run": str(run.public_id)}))
    space = body["space"]
    assert space["fast_period"]["min"] <= 20 <= space["fast_period"]["max"]
    assert space["slow_period"]["min"] <= 100 <= space["slow_period"]["max"] <= 200
    assert body["fee"] == 0.003
    assert body["end_date"] == "1970-01-02T00:00:00Z"
    assert f'/ui/sweeps/new?run={run.public_id}"' not in page(client)


def test_links_lead_to_the_form(client):
    run = make_run(status="completed")
    assert f'href="/ui/sweeps/new?run={run.public_id}"' in page(
        client, path=f"/ui/runs/{run.public_id}"
    )
    text = page(client, path="/ui/strategies/MovingAverageCross")
    assert 'href="/ui/sweeps/new?strategy=MovingAverageCross"' in text
    assert 'href="/ui/sweeps"' in text


# --- what a range begins with ----------------------------------------------------------------


@given(st.integers(1, 10_000))
def test_a_range_is_around_a_whole_number_in_steps_people_choose(middle):
    axis = Axis("n", "n", "N", is_whole=True, low=1, high=5_000)
    asked = axis.asked(axis.beginnings(str(min(middle, 5_000)), varied=True))
    middle = min(middle, 5_000)
    assert 1 <= asked["min"] <= middle <= asked["max"] <= 5_000
    assert (middle - asked["min"]) % asked["step"] == 0
    assert (asked["max"] - asked["min"]) // asked["step"] <= 16
    assert str(asked["step"]).rstrip("0") in ("1", "2", "5")


@given(st.decimals("0.0001", "1000", places=4))
def test_a_range_is_around_a_fraction(middle):
    axis = Axis("x", "x", "X")
    texts = axis.beginnings(f"{middle:f}", varied=True)
    asked = axis.asked(texts)
    assert texts["x:how"] == RANGE
    assert asked["min"] <= float(middle) <= asked["max"]
    assert asked["min"] > 0
    assert asked["step"] > 0


@pytest.mark.parametrize("value", ["", "0", "-3", "ten"])
def test_where_there_is_nothing_to_go_by_a_value_stays_one(value):
    texts = Axis("x", "x", "X").beginnings(value, varied=True)
    assert texts["x:how"] == "fixed"
    assert texts["x:min"] == ""


def test_what_an_axis_asks_comes_back_as_its_texts():
    axis = Axis("run.stop_loss", "stop_loss", "Stop loss", is_percent=True)
    for asked in (
        [0.01, 0.05],
        {"min": 0.01, "max": 0.1, "step": 0.005},
        {"min": 0.01, "max": 0.2},
    ):
        texts = axis.beginnings("", varied=False) | axis.texts(asked)
        assert axis.asked(texts | {"sampler": "grid"}) == asked
    log = {"min": 0.01, "max": 0.2, "log": True}
    assert axis.asked(axis.texts(log) | {"sampler": "random"}) == log


def test_choices_are_tried_each_or_one():
    axis = Axis("kind", "kind", "Kind", options=("a", "b"))
    assert axis.asked({"kind:how": "all"}) == ["a", "b"]
    assert axis.asked({"kind:how": "fixed"}) is None
