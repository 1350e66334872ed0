from __future__ import annotations

from functools import partial

import numpy as np
import pytest

from exchanges.domain import Bars
from strategies import bias, registry
from strategies.synthetic import synthetic_bars

from .sources import HEAD, one

SERIES = [synthetic_bars("BTC/USDT", seed=7), synthetic_bars("ETH/USDT", seed=7)]


def check(source, name="Mine", series=SERIES, **options):
    strategy = registry.load(source, name)
    return bias.check(strategy, strategy.Params(), series, **options)


def check_anew(source):
    anew = partial(registry.load_anew, source, "Mine")
    return check(source, series=[SERIES[0][:400]], load_anew=anew)


def kinds(report):
    return sorted({finding.kind for finding in report.findings})


def test_an_honest_strategy_passes():
    report = check(one("above = close > sma(close, 10)"))
    assert report.passed
    assert report.notes == []
    assert report.comparisons > 100
    assert report.bars == sum(len(bars) for bars in SERIES)


PEEKING = {
    "the next close": "above = np.append(close[1:], close[-1]) > close",
    "a close five bars on, rarely": (
        "later = np.append(close[5:], np.full(min(5, len(close)), np.nan))[: len(close)]\n"
        "above = later > close * 1.08"
    ),
    "a centred mean": (
        "n = len(close)\n"
        "mean = np.array([close[max(0, i - 5):i + 6].mean() for i in range(n)])\n"
        "above = close > mean"
    ),
    "a centred mean of pandas": (
        "import pandas as pd\n"
        "mean = pd.Series(close).rolling(11, center=True).mean().to_numpy()\n"
        "above = close > mean"
    ),
    "the whole series' mean": "above = close > close.mean()",
    "the whole series' scale": "above = (close - close.min()) / (np.ptp(close) + 1e-9) > 0.5",
    "the whole series' rank": "above = np.argsort(np.argsort(close)) > len(close) // 2",
    "the number of bars": "above = np.arange(len(close)) > len(close) // 2",
    "filling backwards": (
        "import pandas as pd\n"
        "spikes = pd.Series(np.where(np.diff(close, prepend=close[0]) > 3, close, np.nan))\n"
        "above = (spikes.bfill() > close).to_numpy()"
    ),
    "the last bar only": "above = np.full(len(close), close[-1] > 100)",
}


@pytest.mark.parametrize("what", PEEKING)
def test_lookahead_is_found(what):
    report = check(one(PEEKING[what]), series=[b[:1200] for b in SERIES])
    assert "lookahead" in kinds(report)
    finding = next(f for f in report.findings if f.kind == "lookahead")
    assert finding.decision in ("entry", "exit")
    assert finding.time_ms == SERIES[0].time[finding.bar]
    assert finding.message.startswith(f"bar {finding.bar} (20")


REMEMBERING = """\
later = np.append(close[1:] > close[:-1], False)
for time, rises in zip(bars.time.tolist(), later.tolist()):
    SEEN.setdefault(time, rises)
above = np.array([SEEN[time] for time in bars.time.tolist()])"""


def test_lookahead_is_found_where_the_module_remembers_the_whole():
    source = one(REMEMBERING, head="SEEN = {}")
    assert kinds(check_anew(source)) == ["lookahead"]
    with_memory = check(source, series=[SERIES[0][:400]])
    assert "lookahead" not in kinds(with_memory), "what it is loaded anew for"


def test_parameters_are_of_the_module_that_is_loaded_anew():
    sides = (
        "from enum import Enum\n\nclass Side(Enum):\n    UP = 'up'\n\n"
        "class Sided(Params):\n    side: Side = Side.UP\n"
    )
    source = one("above = (close > sma(close, 10)) & (params.side is Side.UP)", head=sides)
    report = check_anew(source.replace("Params = NoParams", "Params = Sided"))
    assert report.passed
    assert report.decisions


def test_lookahead_by_a_single_bar_names_the_bar_that_was_peeked_from():
    close = np.full(400, 100.0)
    close[250] = 120.0
    flat = SERIES[0][:400]
    bars = Bars(flat.symbol, flat.timeframe, flat.time, *[close] * 4, flat.volume)
    source = one("above = np.append(close[1:] > close[:-1], False)").replace(
        "exits=~above", "exits=np.zeros(len(close), bool)"
    )
    report = check(source, series=[bars])
    assert [(f.kind, f.bar, f.decision) for f in report.findings] == [("lookahead", 249, "entry")]


def test_future_prices_in_a_column_of_the_same_length_are_found_by_altering_them():
    """No cut of the series shows it: the strategy only acts when all bars are there."""
    source = one(
        "above = np.zeros(len(close), bool)\n"
        "if len(close) == 3000:\n"
        "    above = np.append(close[1:], close[-1]) > close"
    )
    assert "lookahead" in kinds(check(source))


@pytest.mark.parametrize(
    "body",
    [
        "above = close > sma(close, 50)",
        "above = close > ema(close, 30)",
        "above = np.arange(len(close)) % 7 == 0",
        "above = close > np.maximum.accumulate(close) * 0.98",
        "above = np.cumsum(np.diff(close, prepend=close[0]) > 0) % 2 == 0",
    ],
    ids=["mean", "exponential", "row index", "record high", "parity of rises"],
)
def test_too_short_a_warmup_is_found(body):
    report = check(one(body, warmup="20"))
    assert kinds(report) == ["warmup"]
    assert report.findings[0].bar > 20


def test_one_bar_too_short_a_warmup_is_found():
    body = "above = crossed_above(sma(close, 5), sma(close, 30))"
    assert check(one(body, warmup="30")).passed
    assert kinds(check(one(body, warmup="29"))) == ["warmup"]


def test_a_warmup_longer_than_the_candles_is_noted_and_not_judged():
    report = check(one("above = close > sma(close, 10)", warmup="5000"))
    assert report.passed
    assert "could not be judged" in report.notes[0]


def test_a_strategy_that_never_acts_is_noted():
    source = one("above = close > 1e12").replace("exits=~above", "exits=above")
    report = check(source)
    assert report.passed
    assert "never acts" in report.notes[0]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("above = np.random.random(len(close)) > 0.5", "randomness"),
        (
            "self.n = getattr(self, 'n', 0) + 1\nabove = close > 100 + self.n",
            "randomness",
        ),
        ("above = close > 100\nclose[0] = 5", "mutation"),
        ("above = (close > 100)[1:]", "output"),
        ("above = (close > 100).astype(bool).tolist()", "error"),
        ("above = np.ones((len(close), 1), bool)", "output"),
        ("return None", "output"),
        ("return bars.close > 100", "output"),
        ("raise RuntimeError('no')", "error"),
        ("raise SystemExit(3)", "error"),
        ("return self.signals(bars, params)", "error"),
    ],
)
def test_careless_strategies_are_found(body, kind):
    assert kinds(check(one(body))) == [kind]


def test_a_change_to_the_bars_behind_the_read_only_flag_is_found():
    bars = synthetic_bars(seed=99, count=500)
    body = "above = close > 100\nowner = bars.volume.base\nowner[3] = 1e9"
    assert bars.volume.base.flags.writeable
    assert kinds(check(one(body), series=[bars])) == ["mutation"]


@pytest.mark.parametrize("column", ["entries=above.astype(int)", "entries=above.astype(float)"])
def test_signals_that_are_not_bool_are_found(column):
    source = one("above = close > 100").replace("entries=above", column)
    report = check(source)
    assert kinds(report) == ["output"]
    assert "entries must be bool (3000,)" in report.findings[0].message


def test_an_error_on_short_histories_is_found_with_its_cut():
    report = check(one("above = close > close[:5].sum() * 0 + close[4]"))
    assert "error" in kinds(report)
    assert "cut at bar" in report.findings[0].message


@pytest.mark.parametrize("warmup", ["-1", "2.5", "None", "True", "1 / 0"])
def test_a_warmup_that_is_no_number_of_bars_is_found(warmup):
    report = check(one("above = close > 100", warmup=warmup))
    assert kinds(report)[0] in ("output", "error")


def portfolio(body, warmup="1"):
    return f"""{HEAD}
class Mine(PortfolioStrategy):
    Params = NoParams

    def warmup(self, params):
        return {warmup}

    def signals(self, bars, params):
        close = np.nan_to_num(bars.close)
        weights = np.full(close.shape, np.nan)
{body}
        return Weights(weights)
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("        weights[5:] = np.where(close[5:] > close[:-5], 0.5, 0.0)", []),
        ("        weights[:-1] = np.where(close[1:] > close[:-1], 0.5, 0.0)", ["lookahead"]),
        ("        weights[::10] = 0.5", ["warmup"]),
        ("        weights[5:] = 0.7", ["output"]),
        ("        weights[5:] = -0.1", ["output"]),
        ("        weights[5:, 0] = np.where(close[5:, 0] > close[:-5, 0], 0.5, 0.0)", []),
        ("        weights[5:, 0] = 1.1", ["output"]),
        ("        weights[5:, 0] = -0.1", ["output"]),
        ("        weights = weights[:, :1]", ["output"]),
        ("        weights = weights.astype('f4')", ["output"]),
        ("        bars.close[0] = 1.0", ["mutation"]),
    ],
)
def test_portfolio_strategies_are_checked_alike(body, expected):
    assert kinds(check(portfolio(body, warmup="5"))) == expected


def test_a_portfolio_finding_names_the_weight():
    body = "        weights[:-1] = np.where(close[1:] > close[:-1], 0.5, 0.0)"
    finding = check(portfolio(body)).findings[0]
    assert finding.decision in ("weight of BTC/USDT", "weight of ETH/USDT")
    assert finding.symbol is None


def test_the_check_is_the_same_each_time_and_its_report_is_json():
    import json

    source = one(PEEKING["a centred mean"])
    series = [SERIES[0][:600]]
    first, second = check(source, series=series), check(source, series=series)
    assert first.to_dict() == second.to_dict()
    json.dumps(first.to_dict(), allow_nan=False)


def test_a_check_out_of_time_says_so():
    report = check(one("above = close > sma(close, 10)"), seconds=0.0)
    assert report.passed
    assert any("out of time" in note for note in report.notes)


def test_made_up_candles_are_the_same_everywhere_and_well_formed():
    first, again = synthetic_bars(seed=3), synthetic_bars(seed=3)
    assert first.content_hash() == again.content_hash()
    assert first.content_hash() != synthetic_bars(seed=4).content_hash()
    assert first.content_hash() != synthetic_bars("ETH/USDT", seed=3).content_hash()
    assert (first.low <= np.minimum(first.open, first.close)).all()
    assert (first.high >= np.maximum(first.open, first.close)).all()
    assert (first.low > 0).all()
    assert (first.time % first.timeframe.ms == 0).all()
    assert any(first.gaps())
    flat = (first.high == first.low) & (first.volume == 0)
    assert flat.sum() > 30
