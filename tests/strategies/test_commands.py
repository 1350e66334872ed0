from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from .sources import GOOD, one

pytestmark = pytest.mark.django_db


def run(*args, **options):
    out = StringIO()
    call_command(*args, stdout=out, no_color=True, skip_checks=True, **options)
    return out.getvalue()


def test_sync_tells_what_became_of_each(strategies_dir):
    (strategies_dir / "mine.py").write_text(GOOD)
    (strategies_dir / "bad.py").write_text("def f(:\n")
    out = run("sync_strategies")
    assert "added     Mine\n" in out
    assert "broken    bad.py: line 1: SyntaxError" in out
    assert out.count("added     ") > 8
    assert out.endswith(f"{out.count('added     ')} strategies, 1 broken files\n")
    assert "Mine" not in run("sync_strategies")
    with pytest.raises(CommandError):
        run("sync_strategies", "--strict")


def test_strategies_are_listed(strategies_dir):
    (strategies_dir / "bad.py").write_text("def f(:\n")
    run("sync_strategies")
    out = run("strategies")
    assert "fast_period=10, slow_period=30" in out
    assert "SyntaxError" in out
    names = [entry["name"] for entry in json.loads(run("strategies", "--json"))["strategies"]]
    assert "MovingAverageCross" in names


def test_a_clean_check_ends_well(strategies_dir):
    run("sync_strategies")
    out = run("check_strategy", "MovingAverageCross", "--params", '{"fast_period": 5}')
    assert "warm-up 30" in out
    assert out.endswith("nothing found\n")


def test_a_finding_ends_with_exit_code_1(strategies_dir):
    (strategies_dir / "mine.py").write_text(one("above = close > close.mean()"))
    run("sync_strategies")
    out = StringIO()
    with pytest.raises(SystemExit) as caught:
        call_command("check_strategy", "Mine", "--json", stdout=out, skip_checks=True)
    assert caught.value.code == 1
    report = json.loads(out.getvalue())
    assert report["passed"] is False
    assert {"lookahead", "warmup"} == {finding["kind"] for finding in report["findings"]}
    assert report["findings"][0]["bar"] is not None


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        (["Nope"], "UNKNOWN_STRATEGY"),
        (["BuyAndHold", "--params", "{"], "not JSON"),
        (["BuyAndHold", "--params", "[]"], "INVALID_TYPE"),
        (["BuyAndHold", "--params", '{"x": 1}'], "UNKNOWN_PARAM"),
        (["BuyAndHold", "--candles", "/nowhere.csv"], "INVALID_CANDLES"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_code_2(strategies_dir, args, expected):
    run("sync_strategies")
    with pytest.raises(CommandError, match=expected) as caught:
        run("check_strategy", *args)
    assert caught.value.returncode == 2
    assert "\n" not in str(caught.value)


def test_a_check_takes_candles_from_files(strategies_dir, tmp_path):
    run("sync_strategies")
    files = []
    for name in ("one", "two"):
        file = tmp_path / f"{name}.csv"
        rows = [f"{3_600_000 * i},10,12,9,{10 + i % 3},5" for i in range(300)]
        file.write_text("\n".join(["timestamp,open,high,low,close,volume", *rows]))
        files += ["--candles", str(file)]
    out = run("check_strategy", "DonchianBreakout", "--params", '{"entry_period": 2}', *files)
    assert "600 bars" in out


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time,open\n1,2\n",
        "timestamp,open,high,low,close,volume\n1,1,1,1,1,1\n",
        "timestamp,open,high,low,close,volume\n0,1,1,1,1,1\n3600000,1,1,1,nan,1\n",
        "timestamp,open,high,low,close,volume\n0,1,1,1,1,1\n3600000,1,1,1\n",
        "timestamp,open,high,low,close,volume\n0,1,1,1,1,1\n7,1,1,1,1,1\n",
        "timestamp,open,high,low,close,volume\n3600000,1,1,1,1,1\n0,1,1,1,1,1\n",
    ],
)
def test_malformed_candles_are_refused(strategies_dir, tmp_path, text):
    run("sync_strategies")
    file = tmp_path / "x.csv"
    file.write_text(text)
    with pytest.raises(CommandError, match="INVALID_CANDLES"):
        run("check_strategy", "BuyAndHold", "--candles", str(file))
