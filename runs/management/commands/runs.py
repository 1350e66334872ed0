"""Lists runs."""

from __future__ import annotations

from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser

from runs import formats, queries
from runs.models import Run
from runs.terminal import table

HEADERS = ("Run", "Status", "Strategy", "Symbols", "Timeframe", "Mode", "Return", "Sharpe")
HEADERS += ("Max DD", "Trades", "Created")


class Command(BaseCommand):
    help = "Lists runs, newest first."

    def add_arguments(self, parser: CommandParser) -> None:
        from runs.filters import ORDERINGS

        parser.add_argument("--status", choices=Run.Status.values)
        parser.add_argument("--mode", choices=Run.Mode.values)
        parser.add_argument("--strategy", metavar="NAME")
        parser.add_argument("--exchange", metavar="NAME")
        parser.add_argument("--symbol", metavar="BASE/QUOTE")
        parser.add_argument("--order", choices=list(ORDERINGS), default="newest")
        parser.add_argument("--limit", type=int, default=20, help="Rows at most (default 20).")
        parser.add_argument("--json", action="store_true", help="A JSON list on stdout.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["limit"] < 1:
            raise CommandError("--limit must be at least 1")
        found = list(_filtered(options)[: options["limit"]])
        if options["json"]:
            from runs.serializers import RunSummary

            data = RunSummary(found, many=True).data
            self.stdout.write(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())
        elif found:
            self.stdout.write(table(HEADERS, map(_row, found), right=(6, 7, 8, 9)))
        else:
            self.stderr.write("There are no such runs.", self.style.NOTICE)


def _filtered(options: dict[str, Any]) -> Any:
    from runs.filters import ORDERINGS

    ordering = ORDERINGS[options["order"]]
    runs = queries.list_runs().order_by(*ordering)
    terms = {
        "status": options["status"],
        "mode": options["mode"],
        "strategy_name": options["strategy"],
        "exchange__name": options["exchange"],
    }
    runs = runs.filter(**{name: value for name, value in terms.items() if value})
    if options["symbol"]:
        # A JSON list of plain ASCII names: the quoted name stands in its text.
        runs = runs.filter(symbols__icontains=f'"{options["symbol"]}"')
    figure = ordering[0].lstrip("-")
    return runs if figure == "id" else runs.exclude(**{figure: None})


def _row(run: Run) -> tuple[object, ...]:
    return (
        str(run.public_id)[:8],
        run.status,
        run.strategy_name,
        ", ".join(run.symbols),
        run.timeframe,
        run.mode,
        formats.percent(run.total_return),
        formats.ratio(run.sharpe_ratio),
        formats.percent(run.max_drawdown),
        run.trade_count,
        run.created_at.strftime("%Y-%m-%d %H:%M:%S"),
    )
