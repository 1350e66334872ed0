"""Figures of sweeps: what plotly is given, and what is said to those who do not see it."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import plotly.graph_objects as go
import pytest

from runs.charts import to_json
from runs.sweeps import charts

X, Y = [5, 10], [20, 40, 60]
VALUES = [[0.5, None], [-1.0, 2.0], [0.1, 0.2]]
TRIALS = [[0, None], [2, 3], [4, 5]]


def found(values: Any = VALUES, **changes: Any) -> dict[str, Any]:
    return {"x": X, "y": Y, "values": values, "trials": TRIALS} | changes


def drawn(figure: charts.Figure) -> dict[str, Any]:
    """As a browser gets it; plotly knows all of it."""
    read: dict[str, Any] = orjson.loads(to_json(figure))
    go.Figure(read)
    return read


def the_map(**changes: Any) -> dict[str, Any]:
    said = {"x": "fast", "y": "slow", "metric": "sharpe_ratio", "maximize": True} | changes
    return drawn(charts.heatmap(said.pop("found", found()), **said))


def test_a_cell_without_a_result_is_left_blank_and_each_other_knows_its_trial():
    (trace,) = the_map()["data"]
    assert trace["type"] == "heatmap"
    assert trace["z"] == [[0.5, None], [-1.0, 2.0], [0.1, 0.2]]
    assert trace["customdata"] == TRIALS
    assert trace["x"] == ["5", "10"]


def test_long_names_of_bins_have_room_beside_the_axis():
    assert the_map()["layout"]["yaxis"]["automargin"] is True


def test_the_best_is_framed_and_said():
    figure = the_map()
    (frame,) = figure["layout"]["shapes"]
    assert (frame["x0"], frame["x1"], frame["y0"], frame["y1"]) == (0.5, 1.5, 0.5, 1.5)
    assert figure["layout"]["meta"]["text"] == "Best Sharpe ratio: 2.00 at fast 10 and slow 40"
    least = the_map(metric="max_drawdown", maximize=False)
    assert least["layout"]["meta"]["text"].startswith("Best Max drawdown: -100.00 %")


def test_colours_part_at_nothing_where_there_are_both_signs():
    (trace,) = the_map()["data"]
    assert trace["zmin"] == -trace["zmax"] < 0
    assert len(trace["colorscale"]) == 5
    middle = trace["colorscale"][2]
    assert middle == [0.5, charts._NOTHING]


@pytest.mark.parametrize(
    ("values", "maximize", "strongest"),
    [
        ([[1.0, 2.0]], True, "high"),
        ([[1.0, 2.0]], False, "high"),
        ([[-1.0, -2.0]], True, "low"),
        ([[-1.0, -2.0]], False, "low"),
    ],
)
def test_of_one_sign_what_is_far_from_nothing_has_the_strongest_colour(values, maximize, strongest):
    cells = found(values, y=[1], trials=[[0, 1]])
    (trace,) = the_map(found=cells, maximize=maximize)["data"]
    scale = trace["colorscale"]
    assert scale[-1 if strongest == "high" else 0][1] in (charts._MORE, charts._LESS)
    assert scale[0 if strongest == "high" else -1][1] == charts._NOTHING
    is_good = (strongest == "high") == maximize
    assert (charts._MORE in [colour for _, colour in scale]) == is_good


def test_a_freak_does_not_take_the_colour_from_all_others():
    values = np.linspace(1, 2, 200).reshape(10, 20)
    values[0, 0] = 1e6
    cells = found(values.tolist(), x=list(range(20)), y=list(range(10)))
    (trace,) = the_map(found=cells | {"trials": [[1] * 20] * 10})["data"]
    assert trace["zmax"] < 3


def test_a_map_of_the_same_value_everywhere_is_drawn():
    (trace,) = the_map(found=found([[1.0, 1.0]] * 3))["data"]
    assert trace["zmin"] < 1 < trace["zmax"]


@pytest.mark.parametrize("values", [[], [[None, None]] * 3])
def test_a_map_of_nothing_says_so(values):
    cells = found(values) if values else {"x": [], "y": [], "values": [], "trials": []}
    figure = the_map(found=cells)
    assert figure["layout"]["meta"]["text"] == "No trial of these has a result yet."
    assert "shapes" not in figure["layout"]


def test_trials_that_share_no_values_are_points():
    n = 12
    values = [[float(i) if i == j else None for j in range(n)] for i in range(n)]
    trials = [[i if i == j else None for j in range(n)] for i in range(n)]
    cells = {"x": list(range(n)), "y": list(range(n)), "values": values, "trials": trials}
    (trace,) = the_map(found=cells)["data"]
    assert trace["type"] == "scatter"
    assert trace["customdata"] == list(range(n))
    assert trace["marker"]["size"].index(max(trace["marker"]["size"])) == n - 1


def test_names_of_parameters_are_texts_and_no_markup():
    figure = the_map(x="<b>fast", y="slow")
    assert "<b>" not in orjson.dumps(figure).decode().replace("<br>", "")


def test_one_parameter_is_a_line():
    cells = found([[0.5, 2.0]], y=[], trials=[[7, 8]])
    figure = drawn(charts.profile(cells, "fast", "sharpe_ratio", maximize=True))
    (trace,) = figure["data"]
    assert (trace["x"], trace["y"], trace["customdata"]) == (["5", "10"], [0.5, 2.0], [7, 8])
    assert figure["layout"]["meta"]["text"] == "Best Sharpe ratio: 2.00 at fast 10"


def test_durations_are_drawn_in_days():
    cells = found([[86_400.0, 172_800.0]], y=[1], trials=[[0, 1]])
    (trace,) = the_map(found=cells, metric="max_drawdown_duration", maximize=False)["data"]
    assert trace["z"] == [[1.0, 2.0]]
    assert " d<extra>" in trace["hovertemplate"]


def test_logits_are_shares_coloured_by_their_side_of_nothing():
    histogram = {"edges": [-2.0, -1.0, 0.0, 1.0], "counts": [1, 2, 1]}
    figure = drawn(charts.logits(histogram, 0.75))
    (trace,) = figure["data"]
    assert trace["y"] == [0.25, 0.5, 0.25]
    assert trace["marker"]["color"] == [charts.ORANGE, charts.ORANGE, charts.BLUE]
    assert "75.00 %" in figure["layout"]["meta"]["text"]
    assert drawn(charts.logits({}, None))["data"][0]["x"] == []


def test_windows_stand_side_by_side_in_and_out_of_sample():
    rows = [
        {"label": "a", "inside": 1.0, "outside": -0.5},
        {"label": "b", "inside": 2.0, "outside": None},
    ]
    inside, outside = drawn(charts.windows(rows, "sharpe_ratio"))["data"]
    assert (inside["y"], outside["y"]) == ([1.0, 2.0], [-0.5, None])
    assert inside["marker"]["pattern"]["shape"], "not by colour alone"


def test_the_stitched_curve_has_a_line_where_each_window_begins():
    hours = np.arange(10, dtype=np.int64) * 3_600_000
    value = np.linspace(100, 110, 10)
    figure = drawn(charts.stitched(hours, value, [0, 5 * 3_600_000], "USDT"))
    assert figure["data"][0]["y"][-1] == 110
    assert [shape["x0"] for shape in figure["layout"]["shapes"]] == [5 * 3_600_000]
    assert "+10.00 %" in figure["layout"]["meta"]["text"]
    assert drawn(charts.stitched(hours[:0], value[:0], [], "USDT"))["data"] == []
