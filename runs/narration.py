"""A run's Events in words: one line each, for terminals and pages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from . import formats

Data = Mapping[str, Any]

PAST = {"buy": "bought", "sell": "sold"}


@dataclass(frozen=True, slots=True)
class Line:
    """`topic`: run, order, trade, equity or warning; `tone`: one of `TONES`."""

    time: str
    topic: str
    text: str
    tone: str = ""

    def __str__(self) -> str:
        return f"{self.time}  {self.topic:<7}  {self.text}"


TONES = ("", "quiet", "up", "down", "warning", "error")


def line(kind: str, data: Data, created_at: datetime) -> Line:
    """By the run's own time where the Event has one, else by when it was written."""
    told = _TELLERS.get(kind)
    written = created_at.strftime("%Y-%m-%d %H:%M")
    if told is not None:
        try:
            found = told(data)
        except (KeyError, TypeError, ValueError, AttributeError):
            # Of another version, or by another hand: shown as it is.
            pass
        else:
            return Line(
                found.time or written, found.topic, formats.printable(found.text), found.tone
            )
    topic = kind.partition(".")[0]
    text = f"{kind} {orjson.dumps(dict(data)).decode()}" if data else kind
    return Line(written, formats.printable(topic), formats.printable(text))


def _run(text: str, tone: str = "") -> Line:
    return Line("", "run", text, tone)


def _failed(data: Data) -> Line:
    return _run(f"failed, {data['code']}: {data['message']}", "error")


def _completed(data: Data) -> Line:
    return _run(
        f"completed: {formats.money(data['value'])} after {_count(data['trade_count'], 'trade')}"
    )


def _prepared(data: Data) -> Line:
    return _run(f"prepared, begins at {formats.moment(data['start_ms'])}", "quiet")


def _stop_requested(data: Data) -> Line:
    return _run("asked to sell everything and stop" if data["flatten"] else "asked to stop")


def _order_new(data: Data) -> Line:
    text = f"{data['side']} {data['symbol']} at the next open, {_words(data['purpose'])}"
    return Line(formats.moment(data["created"]), "order", text, "quiet")


def _order_filled(data: Data) -> Line:
    fee = formats.money(data["fee"], formats.quote(data["symbol"]))
    text = (
        f"{PAST[data['side']]} {formats.price(data['amount'])} {data['symbol']} at "
        f"{formats.price(data['price'])}, fee {fee}, "
        f"{_words(data['purpose'])}"
    )
    return Line(formats.moment(data["timestamp"]), "order", text)


def _order_canceled(data: Data) -> Line:
    text = (
        f"{data['side']} {data['symbol']} canceled: {_words(data['reason'] or 'no reason given')}"
    )
    return Line(formats.moment(data["timestamp"]), "order", text, "warning")


def _order_refused(data: Data) -> Line:
    again = "" if data["times"] == 1 else f", {data['times']} times in a row"
    reason = _words(data["reason"] or "no reason given")
    text = f"{data['symbol']} could not be sold: {reason}{again}; it is tried again"
    return Line(formats.moment(data["timestamp"]), "warning", text, "error")


def _order_skipped(data: Data) -> Line:
    text = f"{data['side']} {data['symbol']} not placed: {_words(data['reason'])}"
    return Line(formats.moment(data["created"]), "order", text, "warning")


def _at_venue(words: str, tone: str = "quiet") -> Callable[[Data], Line]:
    """Of an order on its way, of which `words` tell where it is."""

    def tell(data: Data) -> Line:
        amount = "" if data["amount"] is None else f" {formats.price(data['amount'])}"
        text = f"{data['side']}{amount} {data['symbol']} {words}, {_words(data['purpose'])}"
        return Line(formats.moment(data["timestamp"]), "order", text, tone)

    return tell


def _execution(data: Data) -> Line:
    text = (
        f"{PAST[data['side']]} {formats.price(data['filled'])} of {formats.price(data['amount'])} "
        f"{data['symbol']} so far"
    )
    return Line(formats.moment(data["timestamp"]), "order", text, "quiet")


def _protection(data: Data) -> Line:
    levels = [
        f"{name} {formats.price(data[name])} {_WATCHED[data[f'{name}_at']]}"
        for name in ("stop", "target")
        if data[name] is not None
    ]
    left = "nobody" in (data["stop_at"], data["target_at"])
    why = f": {_words(data['reason'])}" if data.get("reason") else ""
    text = f"{data['symbol']}: {', '.join(levels)}{why}"
    return Line("", "order", text, "warning" if left else "quiet")


_WATCHED = {"venue": "at the venue", "desk": "watched here", "nobody": "watched by nobody"}


def _unsold(data: Data) -> Line:
    text = (
        f"{data['symbol']} has reached its {_words(data['purpose'])} "
        f"{formats.price(data['level'])} and could not be sold: {_words(data['reason'])}"
    )
    return Line("", "warning", text, "error")


def _stop_lost(data: Data) -> Line:
    text = f"the stop of {data['symbol']} is gone, {_words(data['reason'])}: it is placed again"
    return Line("", "warning", text, "warning")


def _unprotected(data: Data) -> Line:
    text = f"{data['symbol']} is protected no more: {_words(data['reason'])}"
    return Line("", "warning", text, "warning")


def _trade_opened(data: Data) -> Line:
    text = f"trade #{data['trade_id']} opened, {formats.price(data['amount'])} {data['symbol']}"
    return Line(formats.moment(data["entry_time"]), "trade", text, "quiet")


def _trade_changed(data: Data) -> Line:
    bought = f"{formats.price(data['amount'])} {data['symbol']} bought"
    text = f"trade #{data['trade_id']} changed, {bought}"
    return Line("", "trade", text, "quiet")


def _trade_closed(data: Data) -> Line:
    earned = formats.signed_money(data["pnl"], formats.quote(data["symbol"]))
    text = (
        f"trade #{data['trade_id']} closed, {data['symbol']} {earned} "
        f"({formats.signed_percent(data['return'])}) after {_count(data['bars'], 'bar')}"
    )
    tone = "up" if data["pnl"] > 0 else "down"
    return Line(formats.moment(data["exit_time"]), "trade", text, tone)


def _equity(data: Data) -> Line:
    late = ", late" if data["late"] else ""
    text = f"{formats.money(data['value'])}, of it {formats.money(data['cash'])} cash{late}"
    return Line(formats.moment(data["timestamp"]), "equity", text, "quiet")


def _limit(data: Data) -> Line:
    text = f"the limit {data['reason']} is broken: everything is sold and the run ends"
    return Line(formats.moment(data["time"]), "warning", text, "error")


def _missing(data: Data) -> Line:
    text = (
        f"{_count(data['bars'], 'bar')} of {data['symbol']} missing, "
        f"{formats.moment(data['start'])} to {formats.moment(data['end'])}"
    )
    return Line(formats.moment(data["end"]), "warning", text, "warning")


def _revised(data: Data) -> Line:
    change = "delivers late" if data["accepted"] is None else "has changed"
    text = f"the venue {change} the bar of {data['symbol']}; the run keeps what it saw"
    return Line(formats.moment(data["time"]), "warning", text, "warning")


def _stale(data: Data) -> Line:
    text = f"no new bar of {data['symbol']} since {formats.moment(data['since'])}"
    return Line("", "warning", text, "warning")


def _discrepancy(data: Data) -> Line:
    about = f"{_words(data['kind'])} {data['symbol'] or ''} {data['subject']}"
    text = f"the venue's books differ: {' '.join(about.split())}"
    return Line("", "warning", text, "warning")


def _decided(data: Data) -> Line:
    text = f"{_words(data['kind'])} {data['subject']}: {data['action']}, by {data['by']}"
    return Line("", "run", text)


def _refused(data: Data) -> Line:
    text = f"{data['action']} {_words(data['kind'])} {data['subject']}: {data['reason']}"
    return Line("", "warning", text, "warning")


def _killed(data: Data) -> Line:
    why = f": {data['reason']}" if data["reason"] else ""
    return Line("", "warning", f"kill switch thrown, {', '.join(data['steps'])}{why}", "error")


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}" if number == 1 else f"{number:,} {of}s"


def _words(name: str) -> str:
    return name.replace("_", " ")


_TELLERS: dict[str, Callable[[Data], Line]] = {
    "run.created": lambda data: _run("created", "quiet"),
    "run.started": lambda data: _run("started", "quiet"),
    "run.prepared": _prepared,
    "run.resumed": lambda data: _run(f"taken up again, attempt {data['attempt']}", "warning"),
    "run.worker_lost": lambda data: _run("lost its worker", "warning"),
    "run.stop_requested": _stop_requested,
    "run.stopped": lambda data: _run(f"stopped: {data['reason']}"),
    "run.completed": _completed,
    "run.failed": _failed,
    "order.new": _order_new,
    "order.filled": _order_filled,
    "order.canceled": _order_canceled,
    "order.refused": _order_refused,
    "order.skipped": _order_skipped,
    "order.submitted": _at_venue("is being sent"),
    "order.unsent": _at_venue("has not arrived and is sent again", "warning"),
    "order.unknown": _at_venue("is in doubt: the venue is asked", "warning"),
    "order.open": _at_venue("is at the venue"),
    "order.partially_filled": _at_venue("is filled in part"),
    "order.execution": _execution,
    "order.rejected": _at_venue("was refused by the venue", "warning"),
    "order.expired": _at_venue("has expired at the venue", "warning"),
    "protection.set": _protection,
    "protection.failed": _unsold,
    "protection.lost": _stop_lost,
    "protection.ended": _unprotected,
    "trade.opened": _trade_opened,
    "trade.changed": _trade_changed,
    "trade.closed": _trade_closed,
    "equity": _equity,
    "limit.hit": _limit,
    "flatten.begun": lambda data: Line(
        formats.moment(data["time"]), "warning", "everything is sold at the next open"
    ),
    "discrepancy.found": _discrepancy,
    "discrepancy.resolved": _decided,
    "discrepancy.refused": _refused,
    "discrepancy.gone": lambda data: _run(f"{_words(data['kind'])} {data['subject']} is gone"),
    "run.held": lambda data: _run("held: it buys nothing until somebody decides", "error"),
    "run.freed": lambda data: _run("freed: nothing differs any more", "up"),
    "account.killed": _killed,
    "account.failing": lambda data: Line(
        "", "warning", f"the venue account fails, {data['code']}: {data['message']}", "error"
    ),
    "account.well": lambda data: _run("the venue account answers again", "up"),
    "account.kill_done": lambda data: _run("kill switch: all its steps are done", "warning"),
    "account.released": lambda data: _run("kill switch released: orders pass again", "up"),
    "bar.missing": _missing,
    "bar.revised": _revised,
    "data.stale": _stale,
    "data.fresh": lambda data: Line("", "warning", f"{data['symbol']} has new bars again", "up"),
}
