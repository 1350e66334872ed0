"""Tries a strategy with many parameters: the API's request, worked on in this process too."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from exchanges.domain import CracktraderError
from runs import cli, formats
from runs.engine.metrics import METRICS
from runs.models import Run, Sweep
from runs.terminal import Progress, table

POLL_SECONDS = 0.2
TURN_SECONDS = 0.5
SHOWN = 10
FIGURES = {
    "sharpe_ratio": "Sharpe",
    "total_return": "Return",
    "max_drawdown": "Max DD",
    "total_trades": "Trades",
}
"""Metrics that stand beside the objective, and their headings."""
SAMPLERS = [str(sampler) for sampler in Sweep.Sampler.values]


class Command(BaseCommand):
    help = "Tries a strategy with many parameters and says how far the best may be believed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--strategy", required=True, metavar="NAME")
        parser.add_argument("--symbols", required=True, nargs="+", metavar="BASE/QUOTE")
        parser.add_argument("--timeframe", required=True, nargs="+", metavar="1h")
        parser.add_argument("--exchange", required=True, metavar="NAME")
        parser.add_argument("--start", metavar="ISO", help="2024-01-01 or 2024-01-01T12:00:00Z.")
        parser.add_argument("--end", metavar="ISO")
        parser.add_argument(
            "--vary",
            action="append",
            default=[],
            metavar="KEY=VALUES",
            help="5,10,20 or MIN:MAX[:STEP] or MIN:MAX:log; run.stop_loss=… varies the run.",
        )
        parser.add_argument("--space", metavar="JSON", help="The same, as the API has it.")
        parser.add_argument("--sampler", choices=SAMPLERS)
        parser.add_argument("--trials", type=int, metavar="N", help="For random and tpe.")
        parser.add_argument("--seed", type=int, metavar="N")
        parser.add_argument("--objective", metavar="METRIC", help="Default: sharpe_ratio.")
        better = parser.add_mutually_exclusive_group()
        better.add_argument("--maximize", action="store_const", const=True, dest="maximize")
        better.add_argument("--minimize", action="store_const", const=False, dest="maximize")
        parser.add_argument("--each-symbol", action="store_true", help="Each symbol by itself.")
        parser.add_argument("--in-sample", type=int, metavar="BARS", help="Walk forward: choose …")
        parser.add_argument("--out-of-sample", type=int, metavar="BARS", help="… and trade those.")
        parser.add_argument("--anchored", action="store_true", help="Each choice sees all bars.")
        cli.add_options(parser)
        parser.add_argument("--json", action="store_true", help="The sweep as JSON on stdout.")

    def handle(self, *args: Any, **options: Any) -> None:
        from runs.sweeps import journal, services
        from runs.sweeps.serializers import SweepRequest

        # Who waits here is told here.
        journal.logger.setLevel(logging.WARNING)
        try:
            request = cli.validated(SweepRequest(data=_body(options)))
            sweep = services.start_sweep(request)
            self._work(sweep, options["json"])
        except CracktraderError as error:
            raise CommandError(formats.printable(error)) from None
        sweep = Sweep.objects.select_related("exchange").get(pk=sweep.pk)
        if sweep.status != Run.Status.COMPLETED:
            reason = f"{sweep.error_code}: {sweep.error}" if sweep.error_code else ""
            raise CommandError(formats.printable(reason or f"the sweep was {sweep.status}"))
        if options["json"]:
            from runs.sweeps.payloads import detail

            self.stdout.write(cli.as_json(detail(sweep)))
        else:
            self._show(sweep)

    def _work(self, sweep: Sweep, quiet: bool) -> None:
        """Side by side with the workers of a desk that runs."""
        from runs.sweeps import chunks, services, work

        with Progress(self.stderr, quiet) as progress:
            try:
                self._until_over(sweep, progress)
            except KeyboardInterrupt:
                services.request_stop(sweep)
                chunks.give_back()
                while work.turn(TURN_SECONDS, sweep):
                    progress("stopping", sweep.progress)
                done = Sweep.objects.get(pk=sweep.pk).trials_done
                message = f"interrupted; sweep {sweep.public_id} has {done:,} trials"
                raise CommandError(message, returncode=130) from None

    def _until_over(self, sweep: Sweep, progress: Progress) -> None:
        from runs.sweeps import work

        while sweep.is_active:
            progress(sweep.stage or f"{sweep.trials_total:,} trials", sweep.progress)
            if not work.turn(TURN_SECONDS, sweep):
                time.sleep(POLL_SECONDS)
            sweep.refresh_from_db(fields=["status", "stage", "trials_done"])

    def _show(self, sweep: Sweep) -> None:
        from runs.sweeps import queries

        segment = sweep.best.get("segment", 0)
        best = queries.trials(sweep, segment=segment, failed=False)[:SHOWN]
        names = list(sweep.space)
        several = len(sweep.config["variations"]) > 1
        headers = ["Trial", *(["Market"] if several else []), *names]
        figures = [name for name in FIGURES if name != sweep.objective]
        headers += [_heading(name) for name in (sweep.objective, *figures)]
        rows = []
        for trial in best:
            variation = sweep.config["variations"][trial.variation]
            market = f"{' '.join(variation['symbols'])} {variation['timeframe']}"
            rows.append(
                [
                    trial.number,
                    *([market] if several else []),
                    *(json.dumps(trial.params[name]) for name in names),
                    _figure(sweep.objective, trial.objective),
                    *(_figure(name, trial.metrics.get(name)) for name in figures),
                ]
            )
        right = (0, *range(len(headers) - 1 - len(figures), len(headers)))
        self.stdout.write(table(headers, rows, right=right))
        for line in _told(sweep):
            self.stdout.write(formats.printable(line))
        for warning in sweep.honesty.get("warnings", []):
            self.stderr.write(formats.printable(warning["message"]), self.style.WARNING)
        self.stdout.write(f"Sweep {sweep.public_id}")


def _heading(metric: str) -> str:
    return FIGURES.get(metric, metric)


def _figure(metric: str, value: float | None) -> str:
    return formats.by_kind(METRICS[metric].kind, value)


_VERDICTS = {
    "too_few": "There is too little to say how far the best may be believed.",
    "likely_luck": "The best is likely luck.",
    "doubtful": "Whether the best is more than luck is doubtful.",
    "holds_up": "Nothing in these bars gives a reason to call the best luck.",
}


def _told(sweep: Sweep) -> Iterator[str]:
    """What may be concluded, in words."""
    failed = f", {sweep.trials_failed:,} of them without a result" if sweep.trials_failed else ""
    yield f"{sweep.trials_done:,} trials{failed}."
    forward = sweep.walk_forward
    if forward.get("windows"):
        windows = forward["windows"]
        found = forward["metrics"]
        yield (
            f"Out of sample, {len(windows)} windows in a row: "
            f"{formats.signed_percent(found['total_return'])} (buying and holding "
            f"{formats.signed_percent(found['benchmark_return'])}), Sharpe ratio "
            f"{formats.ratio(found['sharpe_ratio'])}; {forward['profitable_windows']} earned "
            f"something; efficiency {formats.ratio(forward['efficiency'])}."
        )
    honest = sweep.honesty
    if not honest:
        return
    if sweep.config["windows"]:
        yield f"Of window {sweep.best['segment'] + 1}, {honest['trials']:,} trials with a result:"
    yield _VERDICTS[honest["verdict"]]
    if honest["deflated_sharpe"] is not None:
        yield (
            f"Sharpe ratio {formats.ratio(honest['sharpe_ratio'])}; the best of as many trials "
            f"without any skill is expected at {formats.ratio(honest['expected_max_sharpe'])}. "
            f"Deflated Sharpe ratio {formats.percent(honest['deflated_sharpe'])}."
        )
    if honest["pbo"] is not None:
        yield f"Probability of backtest overfitting {formats.percent(honest['pbo'])}."
    stability = honest["stability"] or {}
    if stability.get("share") is not None:
        worst = stability.get("worst")
        least = "" if worst is None else f", {formats.percent(worst)} at worst"
        yield f"Beside the best the objective keeps {formats.percent(stability['share'])}{least}."


def _body(options: dict[str, Any]) -> dict[str, Any]:
    timeframes = [name for given in options["timeframe"] for name in given.split(",") if name]
    several = len(timeframes) > 1
    return cli.body(
        options,
        start_date=cli.moment(options["start"]),
        end_date=cli.moment(options["end"]),
        timeframe=None if several else timeframes[0],
        timeframes=timeframes if several else None,
        each_symbol=options["each_symbol"],
        space=_space(options["space"], options["vary"]),
        walk_forward=_walk_forward(options),
        **{name: options[name] for name in ("sampler", "trials", "seed", "objective", "maximize")},
    )


def _walk_forward(options: dict[str, Any]) -> dict[str, Any] | None:
    asked = {name: options[name] for name in ("in_sample", "out_of_sample")}
    if set(asked.values()) == {None}:
        return None
    if None in asked.values():
        raise CommandError("--in-sample and --out-of-sample go together")
    return asked | {"anchored": options["anchored"]}


def _space(text: str | None, varied: Iterable[str]) -> dict[str, Any]:
    space = cli.json_object(text, "--space")
    for pair in varied:
        key, equals, values = pair.partition("=")
        if not (key and equals and values):
            raise CommandError(f"--vary {pair}: expected KEY=VALUES")
        space[key] = _values(values)
    return space


def _values(text: str) -> list[Any] | dict[str, Any]:
    """`5,10` → values; `20:200:5` → range; `1e-4:0.1:log` → distribution."""
    low, colon, rest = text.partition(":")
    if not colon:
        return [_value(part) for part in text.split(",")]
    high, _, last = rest.partition(":")
    found = {"min": _value(low), "max": _value(high)}
    if last == "log":
        return found | {"log": True}
    return found | ({"step": _value(last)} if last else {})


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text
