"""What a sweep's page says, as its templates take it."""

from __future__ import annotations

import uuid
from collections.abc import Container, Iterator, Mapping
from typing import Any, NamedTuple

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from cracktrader_site.api import keys
from cracktrader_site.ui import checks, costs
from cracktrader_site.ui.snippets import Snippet, snippets
from runs import descriptions, formats
from runs.engine.metrics import METRICS
from runs.models import Run, Sweep, Trial
from runs.sweeps import queries
from runs.sweeps.charts import value_name

from .run_parts import may

SHOWN_SYMBOLS = 3
SHOWN_METRICS = (
    *("total_return", "annual_return", "benchmark_return", "sharpe_ratio", "sortino_ratio"),
    *("max_drawdown", "calmar_ratio", "total_trades", "win_rate", "profit_factor", "exposure"),
)
REASSURED, SURE = 0.05, 0.95
LAST_WINDOW = "the last window"
SAMPLERS = {"grid": "Grid", "random": "Random", "tpe": "TPE"}
OF_THE_CURVE = ("WINDOWS_LEFT_OUT", "CURVE_LOST", "LOW_EFFICIENCY", "BEHIND_HOLDING")
"""Codes of warnings of a walk-forward's stitched curve; all others are of one window."""

DEFINITIONS = {
    "trials": "Sets of parameters that were tried, on each market and in each window. The more "
    "there are, the better the best looks by luck alone.",
    "best": "Of the trial that the objective puts first.",
    "deflated_sharpe": "The probability that the best's Sharpe ratio is more than what the best "
    "of so many trials without any skill would show. 95 % is asked of a finding.",
    "pbo": "Probability of backtest overfitting: of all ways to halve the time, how often the "
    "best of one half was no better than the middle of all in the other. 50 % is a coin's toss.",
    "stability": "What is left of the objective beside the best, on average and at the worst. "
    "Near 100 % is a plateau; little is a peak that luck may have made.",
    "efficiency": "Annual return out of sample over the mean one in sample of what was chosen. "
    "1: it earned afterwards what it had earned before.",
    "outside": "Of the stitched curve: every window's choice, traded on the bars that followed; "
    "beside it what buying and holding earned over the same bars.",
}


class Verdict(NamedTuple):
    """`level`: of a notice; `tone`: of a badge."""

    name: str
    level: str
    tone: str
    text: str


LOOKS_AHEAD = Verdict("looks ahead", "error", "bad", "Its strategy looks into the future.")
"""Whatever the figures say: they are of a strategy that nobody can trade."""

VERDICTS = {
    "likely_luck": Verdict(
        "likely luck",
        "error",
        "bad",
        "The best of these is likely luck. Its figures say little of what it would earn.",
    ),
    "doubtful": Verdict(
        "doubtful",
        "warning",
        "warn",
        "Doubtful: the best may be skill, but as much of it may be the luck of many trials.",
    ),
    "holds_up": Verdict(
        "holds up",
        "success",
        "good",
        "It holds up: the best is more than the luck of many trials, and what was best in one "
        "part of the time was good in the rest.",
    ),
    "too_few": Verdict("too few", "", "plain", "There is too little here to judge by."),
}
NOTHING_EARNED = Verdict(
    "a loss", "error", "bad", "Nothing to trade: even the best earned nothing."
)


class Tile(NamedTuple):
    """`kind`: how the value is shown, text or signed; `definition`: a key of DEFINITIONS."""

    label: str
    value: Any
    definition: str
    kind: str = "text"
    note: str = ""
    tone: str = ""

    @property
    def told(self) -> str:
        return DEFINITIONS[self.definition]


def whole(request: HttpRequest, sweep: Sweep) -> dict[str, Any]:
    """Everything that stands on the page at once; its trials and its map follow."""
    walk = sweep.walk_forward or {}
    return top(request, sweep) | {
        "varied": list(_varied(sweep)),
        "config": list(_config(sweep)),
        "params": descriptions.flat(sweep.config["strategy_params"]),
        "request_json": descriptions.pretty(sweep.request),
        "snippets": _code(request, sweep),
        "windows": window_rows(sweep),
        "judged": _judged(sweep),
        "walk_metrics": _walk_metrics(walk),
        "has_equity": bool(sweep.equity_sha256),
        "has_logits": bool(((sweep.honesty or {}).get("pbo_logits") or {}).get("counts")),
        "degradation": _degradation(sweep),
        "combinations": (sweep.honesty or {}).get("pbo_combinations") or 0,
        "stability": [row for row in _stability(sweep) if row["below"] or row["above"]],
        "is_grid": sweep.sampler == Sweep.Sampler.GRID,
        "started_by": keys.called(sweep.owner),
        "api_url": f"/api/v1/sweeps/{sweep.public_id}",
    }


def top(request: HttpRequest, sweep: Sweep) -> dict[str, Any]:
    """The page's head, and what is new of a sweep that goes on."""
    honesty = sweep.honesty or {}
    warnings = honesty.get("warnings") or []
    ahead = bool(checks.looking_ahead([sweep.strategy_version_id]))
    told = verdict(honesty.get("verdict"), [warning["code"] for warning in warnings])
    of_curve = [w["message"] for w in warnings if w["code"] in OF_THE_CURVE]
    return {
        "sweep": sweep,
        "sampler": SAMPLERS[sweep.sampler],
        "markets": markets(sweep),
        "range": _range(sweep),
        "costs": _costs(sweep),
        "looks_ahead": ahead,
        "objective": label_of(sweep.objective),
        "tiles": list(_tiles(sweep)),
        "headline": _headline(sweep),
        "curve_level": "warning" if of_curve else "",
        "curve_warnings": of_curve,
        # Luck or skill, it is nothing that can be traded.
        "verdict": None if ahead else told,
        "verdict_of": _verdict_of(sweep),
        "warnings": [w["message"] for w in warnings if w["code"] not in OF_THE_CURVE],
        "may_start": may(request, Run.Mode.BACKTEST.value),
        "may_paper": may(request, Run.Mode.PAPER.value),
        "percent": int(100 * sweep.progress),
        "pace": _pace(sweep),
        "error_details": descriptions.pretty(sweep.error_details) if sweep.error_details else "",
    }


def verdict(word: str | None, codes: Container[str]) -> Verdict | None:
    """`codes`: of the warnings.  Luck is no word for a best that earned nothing."""
    return NOTHING_EARNED if "NOTHING_EARNED" in codes else VERDICTS.get(word or "")


def _headline(sweep: Sweep) -> str:
    """What came of a walk-forward sweep as a whole: its verdict is of one window only."""
    walk = sweep.walk_forward or {}
    found = walk.get("metrics")
    if not found:
        return ""
    windows = len(walk["windows"])
    held = found.get("benchmark_return")
    beside = f"; buying and holding {formats.signed_percent(held)}" if held is not None else ""
    return (
        f"Out of sample, what {windows} window{'s' * (windows > 1)} chose came to "
        f"{formats.signed_percent(found.get('total_return'))}{beside}."
    )


def _verdict_of(sweep: Sweep) -> str:
    """Which trials a verdict is of, where that is not all of them."""
    windows = sweep.config["windows"]
    if not windows:
        return ""
    honesty = sweep.honesty or {}
    trials = honesty.get("trials") or 0
    window = _judged(sweep)
    if window != LAST_WINDOW:
        codes = [warning["code"] for warning in honesty.get("warnings") or []]
        window += ", the last tried" + (" whole" if "PARTLY_TRIED" not in codes else "")
    return f"In {window}, {trials:,} trial{'s' * (trials != 1)} with a result:"


def _judged(sweep: Sweep) -> str:
    """The window that best and honesty are of: after a stop not always the last."""
    number = (sweep.best or {}).get("segment", 0) + 1
    return LAST_WINDOW if number == len(sweep.config["windows"]) else f"window {number}"


def markets(sweep: Sweep) -> str:
    """BTC/USDT, ETH/USDT +3 · 1h, 4h"""
    variations = sweep.config["variations"]
    symbols = list(dict.fromkeys(name for v in variations for name in v["symbols"]))
    frames = list(dict.fromkeys(v["timeframe"] for v in variations))
    more = len(symbols) - SHOWN_SYMBOLS
    said = ", ".join(symbols[:SHOWN_SYMBOLS]) + (f" +{more}" if more > 0 else "")
    return f"{said} · {', '.join(frames)}"


def variation_names(sweep: Sweep) -> list[str]:
    """Of each variation, as short as tells it from the others."""
    variations = sweep.config["variations"]
    frames = {v["timeframe"] for v in variations}
    sets = {tuple(v["symbols"]) for v in variations}
    names = []
    for variation in variations:
        parts = [", ".join(variation["symbols"])] if len(sets) > 1 or len(frames) < 2 else []
        parts += [variation["timeframe"]] if len(frames) > 1 else []
        names.append(" · ".join(parts))
    return names


def label_of(metric: str) -> str:
    return METRICS[metric].label if metric in METRICS else metric


def text_of(metric: str, value: float | None) -> str:
    kind = METRICS[metric].kind if metric in METRICS else "ratio"
    return formats.by_kind(kind, value)


def params_text(params: Mapping[str, Any]) -> str:
    """fast_period 8, slow_period 40"""
    return ", ".join(f"{name} {value_text(name, value)}" for name, value in params.items())


def value_text(name: str, value: Any) -> str:
    """A value of what is varied; settings of the engine are fractions."""
    if name.startswith("run.") and isinstance(value, int | float):
        return formats.rate(value)
    return "nothing" if value is None else value_name(value)


def trial_context(request: HttpRequest, sweep: Sweep, trial: Trial | None) -> dict[str, Any]:
    """For templates/ui/parts/sweep_trial.html."""
    context = {
        "sweep": sweep,
        "trial": trial,
        "may_start": may(request, Run.Mode.BACKTEST.value),
        "may_paper": may(request, Run.Mode.PAPER.value),
        "key": uuid.uuid4(),
    }
    if trial is None:
        return context
    engine = sweep.config["variations"][trial.variation]["engine"]
    shown = [sweep.objective, *(name for name in SHOWN_METRICS if name != sweep.objective)]
    rows = {row.name: row for row in formats.metric_rows(trial.metrics, _quote(engine))}
    window = _window(sweep, trial.segment)
    return context | {
        "is_best": (sweep.best or {}).get("number") == trial.number,
        "judged": _judged(sweep),
        "trial_params": [(name, value_text(name, v)) for name, v in trial.params.items()],
        "trial_metrics": [rows[name] for name in shown if name in rows],
        "behind": _behind(trial.metrics),
        "variation": variation_names(sweep)[trial.variation],
        "window": "" if window is None else _span(window["in_start_ms"], window["in_end_ms"]),
    }


def _behind(metrics: Mapping[str, Any]) -> str:
    """What a trial had to beat and did not."""
    earned, held = metrics.get("total_return"), metrics.get("benchmark_return")
    if earned is None or held is None or earned >= held:
        return ""
    told, beside = formats.signed_percent(earned), formats.signed_percent(held)
    return f"Buying and holding came to {beside} over the same bars; this to {told}."


def best_trial(sweep: Sweep) -> Trial | None:
    """While it goes on, the best so far; of a walk-forward sweep, of its last window then."""
    number = (sweep.best or {}).get("number")
    if number is not None:
        return sweep.trials.filter(number=number).first()
    newest = sweep.trials.order_by("-number").first() if sweep.config["windows"] else None
    return queries.best(sweep, newest.segment if newest else 0) if sweep.trials_done else None


def _tiles(sweep: Sweep) -> Iterator[Tile]:
    honesty, walk, best = sweep.honesty or {}, sweep.walk_forward or {}, sweep.best or {}
    if not best and (so_far := best_trial(sweep)) is not None:
        best = {"objective": so_far.objective, "params": so_far.params}
    failed = f"{sweep.trials_failed:,} without a result" if sweep.trials_failed else ""
    of_all = f" of {sweep.trials_total:,}" if sweep.trials_done < sweep.trials_total else ""
    yield Tile("Trials", f"{sweep.trials_done:,}{of_all}", "trials", note=failed)
    value = best.get("objective")
    label = f"Best {label_of(sweep.objective)}"
    yield Tile(
        label, text_of(sweep.objective, value), "best", note=params_text(best.get("params", {}))
    )
    metrics = walk.get("metrics")
    if metrics:
        held = metrics.get("benchmark_return")
        note = "" if held is None else f"holding {formats.signed_percent(held)}"
        yield Tile("Out of sample", metrics.get("total_return"), "outside", "signed", note)
        efficiency = formats.ratio(walk.get("efficiency"))
        codes = {warning["code"] for warning in honesty.get("warnings") or []}
        tone = "warn" if "LOW_EFFICIENCY" in codes else ""
        yield Tile("Efficiency", efficiency, "efficiency", tone=tone)
    if not honesty:
        return
    deflated, pbo = honesty.get("deflated_sharpe"), honesty.get("pbo")
    expected = honesty.get("expected_max_sharpe")
    note = "" if expected is None else f"luck alone: Sharpe {formats.ratio(expected)}"
    yield Tile(
        "Deflated Sharpe",
        _share(deflated),
        "deflated_sharpe",
        note=note,
        tone=_tone(deflated, SURE, 0.5),
    )
    yield Tile(
        "Overfitting (PBO)",
        _share(pbo),
        "pbo",
        tone="" if pbo is None else _tone(1 - pbo, 1 - REASSURED, 0.5),
    )
    beside = honesty.get("stability") or {}
    stability, worst = beside.get("share"), beside.get("worst")
    neighbours = beside.get("neighbours")
    note = f"of {neighbours} neighbour{'s' * (neighbours > 1)}" if neighbours else ""
    note += "" if worst is None else f", worst {_share(worst)}"
    least = min(value for value in (stability, worst, 1.0) if value is not None)
    yield Tile(
        "Stability", _share(stability), "stability", note=note, tone="warn" if least < 0.5 else ""
    )


def _share(value: float | None) -> str:
    """A probability: to a tenth of a percent, for they are no more exact."""
    return formats.NOTHING if value is None else f"{value * 100:.1f} %"


def _tone(value: float | None, good: float, bad: float) -> str:
    if value is None:
        return ""
    return "up" if value >= good else "down" if value < bad else "warn"


def _pace(sweep: Sweep) -> str:
    """Trials a second, and how long it will take at that."""
    if not sweep.is_active or sweep.started_at is None or not sweep.trials_done:
        return ""
    seconds = max((timezone.now() - sweep.started_at).total_seconds(), 0.001)
    rate = sweep.trials_done / seconds
    left = (sweep.trials_total - sweep.trials_done) / rate
    return f"{rate:,.3g} trials/s, about {formats.duration(round(left) or 1)} left"


def _range(sweep: Sweep) -> str:
    engine = sweep.config["variations"][0]["engine"]
    return f"{_span(engine['start_ms'], engine['end_ms'])} UTC"


def _costs(sweep: Sweep) -> str:
    engine = sweep.config["variations"][0]["engine"]
    return costs.told(engine["fee"], engine["slippage"])


def _span(start_ms: int, end_ms: int) -> str:
    """Of whole days, the days."""
    texts = [formats.moment(ms) for ms in (start_ms, end_ms)]
    if all(text.endswith(" 00:00") for text in texts):
        texts = [text.removesuffix(" 00:00") for text in texts]
    return " to ".join(texts)


def _quote(engine: Mapping[str, Any]) -> str:
    return formats.quote(engine["symbols"][0])


def _varied(sweep: Sweep) -> Iterator[tuple[str, str]]:
    """Each varied parameter, and what of it is tried."""
    for name, asked in sweep.space.items():
        if isinstance(asked, list):
            yield name, ", ".join(value_text(name, value) for value in asked)
            continue
        low, high = (value_text(name, asked[end]) for end in ("min", "max"))
        step = f", step {value_text(name, asked['step'])}" if "step" in asked else ""
        yield name, f"{low} to {high}{step}{', log scale' if asked.get('log') else ''}"


def _config(sweep: Sweep) -> Iterator[tuple[str, str]]:
    engine = sweep.config["variations"][0]["engine"]
    yield "Sampler", SAMPLERS[sweep.sampler]
    yield "Objective", f"{label_of(sweep.objective)}, {'highest' if sweep.maximize else 'lowest'}"
    if sweep.sampler != Sweep.Sampler.GRID:
        yield "Seed", str(sweep.config["seed"])
    walk = sweep.config["walk_forward"]
    if walk:
        kind = "anchored" if walk.get("anchored") else "rolling"
        said = f"{walk['in_sample']:,} bars, then {walk['out_of_sample']:,}; {kind}"
        yield "Walk forward", said
    yield "Venue", sweep.exchange.title or sweep.exchange.name
    names = ("initial_cash", "fee", "slippage", "position_size", "cash", "stop_loss")
    for name in (*names, "take_profit", "trailing_stop", "max_drawdown", "daily_loss"):
        if engine.get(name) is not None and f"run.{name}" not in sweep.space:
            text = descriptions.setting(name, engine[name], _quote(engine))
            yield descriptions.setting_name(name), text


def _code(request: HttpRequest, sweep: Sweep) -> list[Snippet]:
    wanted = {name: value for name, value in sweep.request.items() if value not in (None, {})}
    return snippets(wanted, "sweep", request.build_absolute_uri("/"), settings.AUTH)


def _window(sweep: Sweep, segment: int) -> dict[str, int] | None:
    windows = sweep.config["windows"]
    return windows[segment] if segment < len(windows) else None


def window_names(sweep: Sweep) -> list[str]:
    """Of each walk-forward window, by when its choice is traded."""
    return [
        f"{number}: {formats.moment(window['in_end_ms'])[:10]}"
        for number, window in enumerate(sweep.config["windows"], 1)
    ]


def window_rows(sweep: Sweep) -> list[dict[str, Any]]:
    """Each window's times, choice, and what that came to in sample and after."""
    rows = []
    for found in (sweep.walk_forward or {}).get("windows", []):
        inside, outside = found["in_sample"], found["out_of_sample"]
        before, after = inside.get(sweep.objective), outside.get(sweep.objective)
        rows.append(
            {
                "number": found["segment"] + 1,
                "chosen": _span(found["in_start_ms"], found["in_end_ms"]),
                "traded": _span(found["in_end_ms"], found["out_end_ms"]),
                "trial": found["trial"],
                "params": params_text(found["params"]),
                "inside": before,
                "outside": after,
                "inside_text": text_of(sweep.objective, before),
                "outside_text": text_of(sweep.objective, after),
                "inside_return": inside.get("total_return"),
                "outside_return": outside.get("total_return"),
                "trades": outside.get("total_trades"),
                "label": formats.moment(found["in_end_ms"])[:10],
            }
        )
    return rows


def _walk_metrics(walk: Mapping[str, Any]) -> list[formats.MetricRow]:
    rows = {row.name: row for row in formats.metric_rows(walk.get("metrics") or {})}
    return [rows[name] for name in SHOWN_METRICS if name in rows]


def _degradation(sweep: Sweep) -> dict[str, str] | None:
    found = (sweep.honesty or {}).get("performance_degradation")
    if not found:
        return None
    return {
        "slope": formats.ratio(found.get("slope")),
        "loss": _share(found.get("probability_of_loss")),
    }


def _stability(sweep: Sweep) -> Iterator[dict[str, Any]]:
    """Of each parameter the best value and those beside it, with what they keep."""
    params = ((sweep.honesty or {}).get("stability") or {}).get("params") or {}
    for name, found in params.items():
        sides = {}
        for side in ("below", "above"):
            step = found.get(side)
            sides[side] = step and {
                "value": value_text(name, step["value"]),
                "objective": text_of(sweep.objective, step["objective"]),
                "share": _share(step["share"]),
            }
        yield {
            "name": name,
            "best": value_text(name, found["best"]),
            "at_edge": found["at_edge"],
            **sides,
        }


def address(sweep: Sweep) -> str:
    return reverse("ui:sweep", args=[sweep.public_id])
