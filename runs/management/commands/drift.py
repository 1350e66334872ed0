"""Compares a paper or live run with a backtest over its window."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanges.domain import CracktraderError
from runs import drift, formats
from runs.lookup import find_run
from runs.terminal import table

_PARTS = {
    "missed": "trades only the backtest has",
    "extra": "trades only the run has",
    "late": "pairs with a fill in a late row",
    "price": "prices and amounts of the other pairs",
    "fee": "fees of the pairs",
    "rounding": "no trade's: dust and rounding",
}
_BOOKS = {
    "seen": "Beside a backtest on the bars the run saw",
    "stored": "Beside a backtest on the bars as they are stored now",
}


class Command(BaseCommand):
    help = (
        "Compares a paper or live run with a backtest over its window: on the bars it saw, and on "
        "the bars as they are stored now. The difference in return is split into its parts."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("run", help="A run's id, or as much of its beginning as is unique.")
        parser.add_argument("--json", action="store_true", help="The report as JSON on stdout.")

    def handle(self, *args: Any, run: str, **options: Any) -> None:
        try:
            report = drift.report(find_run(run), here=True)
        except CracktraderError as error:
            raise CommandError(formats.printable(error)) from None
        if options["json"]:
            self.stdout.write(json.dumps(report, indent=2))
            return
        start, end = formats.moment(report["start"]), formats.moment(report["end"])
        self.stdout.write(
            f"{report['run_id']} {report['mode']}, {report['status']}: {start} to {end} UTC, "
            f"{report['late_bars']} late bars"
        )
        for name, title in _BOOKS.items():
            self.stdout.write(f"\n{title}")
            self._section(report[name])

    def _section(self, section: dict[str, Any]) -> None:
        if bars := section.get("bars"):
            self._bars(bars)
        if error := section["error"]:
            text = formats.printable(f"{error['code']}: {error['message']}")
            self.stdout.write(self.style.ERROR(f"  {text}"))
        if found := section["drift"]:
            self._drift(found)

    def _bars(self, bars: dict[str, Any]) -> None:
        self.stdout.write(
            f"  {bars['compared']:,} bars in both, {bars['revised']} of them revised; "
            f"{bars['missing']} seen and not stored, {bars['extra']} stored and not seen"
        )
        for bar in bars["first"]:
            what = "revised" if bar["seen"] and bar["stored"] else "not stored"
            what = what if bar["seen"] else "not seen"
            symbol = formats.printable(bar["symbol"])
            self.stdout.write(f"    {formats.moment(bar['time'])} {symbol} {what}")

    def _drift(self, found: dict[str, Any]) -> None:
        if found["identical"]:
            orders, rows = found["orders"]["run"], found["rows"]["run"]
            self.stdout.write(f"  identical: {orders:,} orders, {rows:,} rows of equity")
            return
        ours, theirs = _exact(found["run_return"]), _exact(found["backtest_return"])
        self.stdout.write(
            f"  return {ours}, backtest {theirs}, difference {_exact(found['difference'])}"
        )
        parts = [(name, _exact(found["parts"][name]), text) for name, text in _PARTS.items()]
        self.stdout.write(table(["Part", "Of return", "What"], parts, right=[1]))
        self.stdout.write(
            f"  trades {_counts(found['trades'])}\n"
            f"  orders {_counts(found['orders'])}\n"
            f"  rows {_counts(found['rows'])}; equity at most "
            f"{formats.money(found['max_equity_difference'])} apart, "
            f"{formats.moment(found['widest_at'])}"
        )
        listed = [_trade(trade) for trade in (*found["unpaired"], *found["largest"])]
        if listed:
            headers = ["Symbol", "Book", "Entry", "Exit", "Of return"]
            self.stdout.write(table(headers, listed, right=[4]))


def _exact(value: float) -> str:
    return f"{value * 100:+.6f} %"


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items())


def _trade(trade: dict[str, Any]) -> tuple[str, ...]:
    shown = trade["run"] or trade["backtest"]
    book = "both" if trade["run"] and trade["backtest"] else "run" if trade["run"] else "backtest"
    entry, exit_ = formats.moment(shown["entry_time"]), formats.moment(shown["exit_time"])
    return trade["symbol"], book, entry, exit_, _exact(trade["difference"])
