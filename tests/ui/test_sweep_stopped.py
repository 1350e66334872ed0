"""Which window a walk-forward sweep's page says its verdict is of."""

from __future__ import annotations

import pytest

from cracktrader_site.ui.pages import sweep_sheet
from runs.engine.honesty import forward_warnings
from runs.models import Sweep


@pytest.mark.parametrize(
    ("segment", "codes", "expected"),
    [
        (2, [], "In the last window, 9 trials"),
        (1, ["WINDOWS_LEFT_OUT"], "In window 2, the last tried whole, 9 trials"),
        (1, ["PARTLY_TRIED", "WINDOWS_LEFT_OUT"], "In window 2, the last tried, 9 trials"),
    ],
)
def test_a_verdict_names_the_window_it_is_of(segment, codes, expected):
    warnings = [{"code": code, "message": ""} for code in codes]
    sweep = Sweep(
        config={"windows": [{}, {}, {}]},
        best={"segment": segment},
        honesty={"trials": 9, "warnings": warnings},
    )
    assert sweep_sheet._verdict_of(sweep) == f"{expected} with a result:"
    assert sweep_sheet._judged(sweep) in expected


def test_what_is_said_of_the_curve_stands_with_the_curve():
    every = forward_warnings(-0.1, 0.1, -0.5, left_out=1)
    assert {warning["code"] for warning in every} == set(sweep_sheet.OF_THE_CURVE)
