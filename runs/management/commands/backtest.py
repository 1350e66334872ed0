"""Runs a backtest here: the API's request, executed in this process."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanges.domain import CracktraderError
from runs import cli, formats, payloads, services
from runs.models import Run
from runs.terminal import Progress, table

POLL_SECONDS = 0.2


class Command(BaseCommand):
    help = "Runs a backtest in this process and prints its metrics."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--strategy", required=True, metavar="NAME")
        parser.add_argument("--symbols", required=True, nargs="+", metavar="BASE/QUOTE")
        parser.add_argument("--timeframe", required=True, metavar="1h")
        parser.add_argument("--exchange", required=True, metavar="NAME")
        parser.add_argument("--start", metavar="ISO", help="2024-01-01 or 2024-01-01T12:00:00Z.")
        parser.add_argument("--end", metavar="ISO")
        cli.add_options(parser)
        parser.add_argument("--json", action="store_true", help="The results as JSON on stdout.")
        parser.add_argument("--plot", type=Path, metavar="FILE.html", help="Write charts there.")

    def handle(self, *args: Any, **options: Any) -> None:
        from runs.bodies import BacktestRequest

        dates = {f"{end}_date": cli.moment(options[end]) for end in ("start", "end")}
        try:
            request = cli.validated(BacktestRequest(data=cli.body(options, **dates)))
            run = services.start_backtest(request, ring=False)
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
            self.stdout.write(cli.as_json(payloads.results(run)))
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


def _follow(run: Run, progress: Progress) -> None:
    """A worker was quicker: shows how far it is until it is done."""
    while True:
        run.refresh_from_db(fields=["status", "stage", "progress"])
        if not run.is_active:
            return
        progress(run.stage or run.status, run.progress)
        time.sleep(POLL_SECONDS)
