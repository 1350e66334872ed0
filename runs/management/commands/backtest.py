"""Runs a backtest here: the API's request, executed in this process."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError, CommandParser
from rest_framework.exceptions import ValidationError

from exchanges.domain import CracktraderError
from runs import formats, payloads, services
from runs.models import Run
from runs.terminal import Progress, table

POLL_SECONDS = 0.2

# Option → field of the API's body, and what it is.
NUMBERS = {
    "cash": ("initial_cash", "Cash at the start, in the quote currency."),
    "fee": ("fee", "Fee as a fraction (0.001 is 0.1 %%); default: the venue's taker fee."),
    "slippage": ("slippage", "Fraction by which each fill is worse."),
    "stop-loss": ("stop_loss", "Fraction below the entry's fill price."),
    "take-profit": ("take_profit", "Fraction above the entry's fill price."),
    "trailing-stop": ("trailing_stop", "Fraction below the highest high since entry."),
    "position-size": ("position_size", "Share of the free cash an entry spends."),
}


class Command(BaseCommand):
    help = "Runs a backtest in this process and prints its metrics."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--strategy", required=True, metavar="NAME")
        parser.add_argument("--params", metavar="JSON", help="E.g. '{\"period\": 20}'.")
        parser.add_argument(
            "-p", dest="pairs", action="append", default=[], metavar="KEY=VALUE", help="One param."
        )
        parser.add_argument("--symbols", required=True, nargs="+", metavar="BASE/QUOTE")
        parser.add_argument("--timeframe", required=True, metavar="1h")
        parser.add_argument("--exchange", required=True, metavar="NAME")
        parser.add_argument("--start", metavar="ISO", help="2024-01-01 or 2024-01-01T12:00:00Z.")
        parser.add_argument("--end", metavar="ISO")
        parser.add_argument("--cash-mode", choices=["sleeves", "shared"])
        for option, (field, text) in NUMBERS.items():
            parser.add_argument(f"--{option}", dest=field, type=float, metavar="N", help=text)
        parser.add_argument("--json", action="store_true", help="The results as JSON on stdout.")
        parser.add_argument("--plot", type=Path, metavar="FILE.html", help="Write charts there.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            run = services.start_backtest(_validated(_body(options)), ring=False)
            self._execute(run, options["json"])
        except CracktraderError as error:
            raise CommandError(formats.printable(error)) from None
        run = Run.objects.select_related("strategy_version", "exchange").get(pk=run.pk)
        if run.status != Run.Status.COMPLETED:
            reason = payloads.error_text(run) or f"the run was {run.status}"
            raise CommandError(formats.printable(reason))
        if options["plot"]:
            self._plot(run, options["plot"])
        if options["json"]:
            self.stdout.write(_json(payloads.results(run)))
        else:
            self._show(run)

    def _execute(self, run: Run, quiet: bool) -> None:
        from runs import runner

        with Progress(self.stderr, quiet) as progress:
            try:
                if not runner.execute(run.id, progress):
                    _follow(run, progress)
            except KeyboardInterrupt:
                services.request_stop(run)
                services.force_stop(run.id, "interrupted at the terminal")
                raise CommandError("interrupted; the run is stopped", returncode=130) from None

    def _show(self, run: Run) -> None:
        rows = [(row.label, row.text) for row in formats.metric_rows(run.metrics)]
        self.stdout.write(table(("Metric", "Value"), rows, right=(1,)))
        for warning in run.outcome.get("warnings", []):
            self.stderr.write(formats.printable(warning), self.style.WARNING)
        self.stdout.write(f"Run {run.public_id}")

    def _plot(self, run: Run, path: Path) -> None:
        from runs.report import standalone

        try:
            path.write_text(standalone(run), encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{path}: {error.strerror}") from None
        self.stderr.write(f"Charts are in {path}", self.style.SUCCESS)


def _body(options: dict[str, Any]) -> dict[str, Any]:
    """The API's request; what was not said is left to its defaults."""
    body = {
        "strategy_name": options["strategy"],
        "strategy_params": _params(options["params"], options["pairs"]),
        "symbols": [name for given in options["symbols"] for name in given.split(",") if name],
        "timeframe": options["timeframe"],
        "exchange": options["exchange"],
        "start_date": _moment(options["start"]),
        "end_date": _moment(options["end"]),
        "cash": options["cash_mode"],
    }
    body |= {field: options[field] for field, _ in NUMBERS.values()}
    return {field: value for field, value in body.items() if value is not None}


def _moment(text: str | None) -> str | None:
    """A day alone is its midnight in UTC; the API wants the zone said."""
    return f"{text}T00:00:00Z" if text and re.fullmatch(r"\d{4}-\d\d-\d\d", text) else text


def _params(text: str | None, pairs: list[str]) -> dict[str, Any]:
    try:
        params = json.loads(text) if text else {}
    except ValueError as error:
        raise CommandError(f"--params is not JSON: {error}") from None
    if not isinstance(params, dict):
        raise CommandError("--params must be a JSON object")
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key and equals):
            raise CommandError(f"-p {pair}: expected KEY=VALUE")
        try:
            params[key] = json.loads(value)
        except ValueError:
            params[key] = value
    return params


def _validated(body: dict[str, Any]) -> dict[str, Any]:
    from runs.serializers import BacktestRequest

    form = BacktestRequest(data=body)
    try:
        form.is_valid(raise_exception=True)
    except ValidationError as error:
        raise CommandError(formats.printable("; ".join(_findings(error.detail)))) from None
    return dict(form.validated_data)


def _findings(detail: Any, path: str = "") -> list[str]:
    if isinstance(detail, dict):
        return [
            finding
            for key, value in detail.items()
            for finding in _findings(value, f"{path}.{key}".strip("."))
        ]
    if isinstance(detail, list):
        return [finding for item in detail for finding in _findings(item, path)]
    return [f"{getattr(detail, 'code', 'invalid').upper()}: {path}: {detail}"]


def _follow(run: Run, progress: Progress) -> None:
    """A worker was quicker: shows how far it is until it is done."""
    while True:
        run.refresh_from_db(fields=["status", "stage", "progress"])
        if not run.is_active:
            return
        progress(run.stage or run.status, run.progress)
        time.sleep(POLL_SECONDS)


def _json(data: Any) -> str:
    options = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_SERIALIZE_NUMPY
    return orjson.dumps(data, option=options, default=str).decode()
