"""A run in words and rows, for the pages of it."""

from __future__ import annotations

from typing import Any

import orjson
from django.utils import timezone

from . import clusters, formats, overview, payloads, punctuality, queries
from .models import Run

Row = tuple[str, str]

RATES = (
    *("fee", "slippage", "stop_loss", "take_profit", "trailing_stop", "position_size"),
    *("max_drawdown", "daily_loss"),
)
"""Settings of a run that are fractions, which people read and write in percent."""

_NAMES = {
    "exchange": "Venue",
    "start_date": "From",
    "end_date": "Until",
    "cash": "Cash split",
    "max_drawdown": "Largest drawdown",
    "daily_loss": "Largest daily loss",
}
_SPLITS = {"sleeves": "Each its own part", "shared": "One pool"}
BRIEF_DAYS = 30
"""Of less than these, what a year would bring is hardly known."""
_MOMENTS = frozenset({"start_date", "end_date", "warmup_from"})


def mode(run: Run) -> str:
    """`paper`, whose money a live run trades with, or how fast it replays."""
    if run.replay is None:
        return overview.mode_name(run.mode, run.account is not None and run.account.sandbox)
    return f"{run.mode}, replay {pace(run.replay['speed'])}"


def pace(speed: float) -> str:
    """Of a replay."""
    return f"at {speed:,g} times real time" if speed else "at full speed"


def state(run: Run, health: dict[str, Any]) -> list[tuple[str, str, str]]:
    """How a stepped run that goes on is getting on: (label, value, what it means)."""
    until = health["stepped_until"]
    rows = [("Stepped until (UTC)", formats.moment(until) if until else "not begun", "")]
    if (due := punctuality.due(run)) is not None:
        closes = f"closes {formats.moment(due.closes_ms)}"
        rows.append(("Next bar (UTC)", closes if due.late is None else due.text, ""))
    rows += [
        ("At the moment", doing(run), ""),
        ("Late bars", f"{health['late_bars']:,}", "Stepped long after they had closed."),
        ("Missing bars", f"{health['gaps']:,}", "Never delivered by the venue."),
        ("Last error", health["last_error"] or "none", ""),
    ]
    return rows


def doing(run: Run) -> str:
    """What a stepped run that goes on does at the moment."""
    if run.stage:
        return run.stage
    if run.lease_expires_at is not None and run.lease_expires_at > timezone.now():
        return "a worker steps it"
    if run.status == Run.Status.STOPPING:
        return "sells at the next open, then stops" if run.flatten else "stops"
    if run.due_at is not None and run.due_at <= timezone.now():
        return "waits for a worker"
    return "waits for the next bar"


def waits(run: Run) -> str:
    """Why a run that nobody has worked on yet does not begin; else empty."""
    if run.status != Run.Status.STARTING or run.lease_expires_at is not None:
        return ""
    if not clusters.answers(clusters.JOBS) and not queries.anyone_works():
        return "It waits, and no worker of this desk answers: `manage.py serve` starts them."
    waiting = clusters.waiting_tasks(clusters.JOBS)
    if waiting is None:
        return "It waits, and the task queue cannot be reached."
    if waiting > 1:
        return f"It waits for a free worker; {waiting} tasks are in the queue, this one among them."
    return "It waits for a free worker."


def shows_progress(run: Run) -> bool:
    """Whether it can be told how far it is: not of a run that waits for bars without an end."""
    return run.is_active and (not run.on_live or bool(run.stage))


def feed_rows(health: dict[str, Any]) -> list[dict[str, Any]]:
    """`health`: `payloads.health`.  Each of its feeds with its `state`: fresh, failing or stale."""

    def state_of(feed: dict[str, Any]) -> str:
        return "stale" if feed["stale"] else "failing" if feed["failures"] else "fresh"

    return [feed | {"state": state_of(feed)} for feed in health["feeds"]]


def position_rows(run: Run) -> list[dict[str, Any]]:
    """`payloads.positions`, each with its `value` and the `return` of its price, a fraction."""

    def row(held: dict[str, Any]) -> dict[str, Any]:
        entry, last = held["entry_price"], held["last_price"]
        return held | {
            "value": held["size"] * last,
            "return": last / entry - 1 if entry else None,
        }

    return [row(held) for held in payloads.positions(run)]


def pending_rows(run: Run) -> list[dict[str, Any]]:
    """`payloads.pending_orders`, their purposes in words."""
    return [order | {"purpose": words(order["purpose"])} for order in payloads.pending_orders(run)]


def trade_texts(trade: dict[str, Any]) -> dict[str, str]:
    """`trade`: a row of `results.Results.rows`."""
    quote = formats.quote(trade["symbol"])
    return {
        "id": str(trade["trade_id"]),
        "symbol": trade["symbol"],
        "entry": formats.moment(trade["entry_time"]),
        "entry_price": formats.price(trade["entry_price"]),
        "exit": formats.moment(trade["exit_time"]),
        "exit_price": formats.price(trade["exit_price"]),
        "reason": words(trade["exit_reason"] or trade["status"]),
        "amount": formats.price(trade["amount"]),
        "fees": formats.money(trade["fees"], quote),
        "pnl": formats.signed_money(trade["pnl"], quote),
        "return": formats.signed_percent(trade["return"]),
        "bars": f"{trade['bars']:,}",
    }


def config_rows(config: dict[str, Any]) -> list[Row]:
    """`config`: `payloads.public_config`."""
    rows = []
    for key, value in config.items():
        if key == "strategy_params":
            rows += [(f"{key}.{name}", shown(item)) for name, item in value.items()]
        else:
            rows.append((key, setting(key, value)))
    return rows


def setting_name(name: str) -> str:
    """As forms call it."""
    return _NAMES.get(name) or words(name).capitalize()


def setting(name: str, value: Any, currency: str = "") -> str:
    """A value of `payloads.public_config`: what is a fraction there in percent."""
    if value is None:
        return formats.NOTHING
    if name in RATES:
        return formats.rate(value)
    if name == "replay":
        return pace(value["speed"])
    if name in _MOMENTS:
        return f"{formats.moment(value)} UTC"
    if name == "initial_cash":
        return formats.money(value, currency)
    return _SPLITS.get(value, value) if name == "cash" else shown(value)


def brevity(run: Run) -> str:
    """How much there is of a run that is too short for figures a year; else empty."""
    from . import series

    start_ms, end_ms = series.span(run)
    if end_ms - start_ms >= BRIEF_DAYS * 86_400_000:
        return ""
    return formats.duration((end_ms - start_ms) / 1000)


def gap_row(gap: dict[str, Any]) -> tuple[str, str, str, str]:
    start, end = formats.moment(gap["start"]), formats.moment(gap["end"])
    return gap["symbol"], start, end, f"{gap['bars']:,}"


def flat(tree: Any, path: str = "") -> list[Row]:
    """Nested objects as rows of `a.b.c` and a text."""
    if isinstance(tree, dict):
        return [row for key, item in tree.items() for row in flat(item, f"{path}.{key}")]
    return [(path.lstrip("."), shown(tree))]


def shown(value: Any) -> str:
    if value is None:
        return formats.NOTHING
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()


def words(name: str) -> str:
    return name.replace("_", " ")
