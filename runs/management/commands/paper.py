"""Starts a paper run and follows it; without a desk it is executed here."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connections

from exchanges.domain import CracktraderError
from runs import cli, following, formats, narration, payloads, services
from runs.models import Event, Run
from runs.terminal import Narrator, table


class Command(BaseCommand):
    help = (
        "Starts a paper run, by the API's own path, and follows it. A desk that runs on this "
        "home executes it, and goes on when this is left with Ctrl-C; else it is executed "
        "here, and Ctrl-C stops it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("strategy", metavar="STRATEGY")
        parser.add_argument("symbols", nargs="+", metavar="SYMBOL")
        parser.add_argument("--timeframe", default="1h", help="Default: 1h.")
        parser.add_argument("--exchange", default="simulated", help="Default: simulated.")
        cli.add_options(parser)
        parser.add_argument(
            "--replay",
            nargs=2,
            metavar=("START", "END"),
            help="Rehearse on bars of the past: 2024-01-01 2024-03-01.",
        )
        parser.add_argument(
            "--speed",
            type=float,
            metavar="N",
            help="Of a replay: times real time; default 0, as fast as possible.",
        )
        parser.add_argument(
            "--json", action="store_true", help="Only the results, as JSON, when it is over."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        from runs.bodies import LiveTradingRequest

        body = cli.body(options, mode="paper", replay=_replay(options))
        try:
            request = cli.validated(LiveTradingRequest(data=body))
            by_desk = following.desk_works(replay=request["replay"] is not None)
            run = services.start_live(request, ring=by_desk)
        except CracktraderError as error:
            raise CommandError(formats.printable(error)) from None
        if by_desk:
            self._tell(f"Run {run.public_id}: the desk executes it; Ctrl-C leaves it running.")
            if not self._follow(run, options["json"]):
                return
            self._end(run, options["json"])
        else:
            self._tell(f"Run {run.public_id}: no desk is running, so it is executed here; "
                       "Ctrl-C stops it.")  # fmt: skip
            with _Own(run, self._tell) as own:
                self._follow(run, options["json"], own.work)
            self._end(run, options["json"])
            if own.interrupted:
                raise CommandError("interrupted; the run is stopped", returncode=130)

    def _follow(self, run: Run, quiet: bool, work: Callable[[], bool] | None = None) -> bool:
        """Whether until the run's end: without `work` of our own Ctrl-C only detaches."""
        try:
            with Narrator(self.stdout, silent=quiet) as narrator:
                for events in following.batches(run):
                    self._narrate(narrator, events)
                    narrator.status(following.status_line(run))
                    worked = work is not None and work()
                    if not worked and not events:
                        following.pause()
        except KeyboardInterrupt:
            if work is not None:
                raise
            self._tell(
                f"Detached; the desk goes on. `manage.py watch {str(run.public_id)[:8]}` follows "
                "it again, POST /run/stop or the admin stops it."
            )
            return False
        return True

    def _narrate(self, narrator: Narrator, events: list[Event]) -> None:
        for event in events:
            if event.kind == "equity" and narrator.on_terminal:
                continue  # The line below has it.
            told = narration.line(event.kind, event.data, event.created_at)
            narrator.line(str(told), told.tone)

    def _end(self, run: Run, as_json: bool) -> None:
        run = Run.objects.select_related("strategy_version", "exchange").get(pk=run.pk)
        if as_json:
            self.stdout.write(cli.as_json(payloads.results(run)))
        elif run.metrics:
            rows = [(row.label, row.text) for row in formats.metric_rows(run.metrics)]
            self.stdout.write(table(("Metric", "Value"), rows, right=(1,)))
            for warning in payloads.health(run)["warnings"]:
                self.stderr.write(formats.printable(warning), self.style.WARNING)
        error = payloads.error_text(run)
        if run.status == Run.Status.FAILED:
            raise CommandError(formats.printable(error))
        if not as_json:
            if error:
                self.stderr.write(formats.printable(error), self.style.WARNING)
            self.stdout.write(f"Run {run.public_id}: {run.status}")

    def _tell(self, text: str) -> None:
        self.stderr.write(text, self.style.SUCCESS)


class _Own:
    """Executes a run in this process: slices in the main thread, its feeds in one beside it.

    The first Ctrl-C asks the run to stop, which closes its books; a second one
    does not wait for that.
    """

    def __init__(self, run: Run, tell: Callable[[str], None]) -> None:
        self._run, self._tell = run, tell
        self._over = threading.Event()
        self._feed: threading.Thread | None = None
        self._asking: threading.Thread | None = None
        self._handler: Any = None
        self._in_main = threading.current_thread() is threading.main_thread()
        self.interrupted = False

    def __enter__(self) -> _Own:
        if self._in_main:
            self._handler = signal.signal(signal.SIGINT, self._interrupt)
        if self._run.replay is None:
            self._feed = _thread(self._deliver)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        for thread in (self._asking, self._feed):
            if thread is not None:
                thread.join(10)
        if self._in_main:
            signal.signal(signal.SIGINT, self._handler)
        if isinstance(error, KeyboardInterrupt):
            services.force_stop(self._run.id, "interrupted at the terminal")
            raise CommandError("interrupted; the run is stopped", returncode=130) from None

    def work(self) -> bool:
        """One slice, if one is due."""
        from runs import paper

        return paper.advance(self._run.id)

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        if self.interrupted:
            raise KeyboardInterrupt
        self.interrupted = True
        # Not here: the main thread may be in the midst of a transaction.
        self._asking = _thread(self._ask_to_stop)

    def _ask_to_stop(self) -> None:
        self._tell("Stopping; Ctrl-C again does not wait for its books to be closed.")
        services.request_stop(self._run)

    def _deliver(self) -> None:
        from runs.feeding import Feeder

        Feeder(self._over).run()


def _thread(work: Callable[[], None]) -> threading.Thread:
    """One that leaves no database connection behind."""

    def guarded() -> None:
        try:
            work()
        finally:
            connections.close_all()

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    return thread


def _replay(options: dict[str, Any]) -> dict[str, Any] | None:
    if options["replay"] is None:
        if options["speed"] is not None:
            raise CommandError("--speed is of a replay: say --replay START END too")
        return None
    start, end = options["replay"]
    return {
        "start_date": cli.moment(start),
        "end_date": cli.moment(end),
        "speed": options["speed"] or 0.0,
    }
