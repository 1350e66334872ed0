"""Paper runs stepped in this process, on the simulated venue, at a time of the test's choosing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from exchanges import queries as market_data
from exchanges.adapters.simulated import SimulatedMarketData
from exchanges.domain import Bars
from exchanges.services import feeds
from exchanges.services.feeds import Polled
from runs import books, feeding, paper, services, tape
from runs.bodies import LiveTradingRequest
from runs.fields import iso
from runs.models import Run
from tests.runs import finished as made

HOUR = 3_600_000
T0 = 1_704_067_200_000  # 2024-01-01
BODY = {name: value for name, value in made.BODY.items() if not name.endswith("_date")} | {
    "mode": "paper",
    "slippage": 0.0005,
    "stop_loss": 0.03,
}
_LIVE_ONLY = ("mode", "replay", "exchange_config", "confirm_live")
REPLAY = {"start_date": iso(T0), "end_date": iso(T0 + 1_000 * HOUR)}


@pytest.fixture
def desk(transactional_db: None, settings: Any, tmp_path: Any) -> None:
    """Committed, with candles and files of its own, and slices of a hundred bars."""
    settings.CANDLES_DIR = tmp_path / "candles"
    settings.STRATEGIES_DIR = tmp_path / "strategies"
    artifacts = settings.STORAGES["artifacts"] | {"OPTIONS": {"location": tmp_path / "artifacts"}}
    settings.STORAGES = settings.STORAGES | {"artifacts": artifacts}
    settings.SLICE_BARS = 100
    books._metrics.cache_clear()
    tape._RECENT._kept.clear()
    made.prepare_desk()


def begin(**changes: Any) -> Run:
    """Recorded and committed, and not yet rung for."""
    form = LiveTradingRequest(data=BODY | changes)
    form.is_valid(raise_exception=True)
    return services.start_live(dict(form.validated_data), ring=False)


def rehearse(**changes: Any) -> Run:
    """`begin` of a replay."""
    return begin(**{"replay": REPLAY} | changes)


def slices(run: Run, most: int | None = None) -> Run:
    """Works off what is due, or `most` slices of it; the run as it is then."""
    done = 0
    while done != most and paper.advance(run.id):
        done += 1
    return fresh(run)


def fresh(run: Run) -> Run:
    return Run.objects.select_related("strategy_version__strategy", "exchange").get(pk=run.pk)


def backtest_of(run: Run, end_ms: int | None = None) -> Run:
    """The backtest that was asked for the same, from the run's start to `end_ms` or its own end."""
    engine = run.config["engine"]
    same = {n: v for n, v in run.request.items() if n not in _LIVE_ONLY}
    return made.finished(
        **same
        | {
            "start_date": iso(engine["start_ms"]),
            "end_date": iso(engine["end_ms"] if end_ms is None else end_ms),
        }
    )


def kinds(run: Run) -> list[str]:
    return list(run.events.order_by("seq").values_list("kind", flat=True))


def told(run: Run, *names: str) -> list[dict[str, Any]]:
    """The data of Events of these kinds, in order."""
    return list(run.events.filter(kind__in=names).order_by("seq").values_list("data", flat=True))


@dataclass
class Venue:
    """The simulated venue and the desk's clock: time passes when `at` is called.

    It withholds the bars in `withheld`, (symbol, open), tells of twice the volume in those of
    `revised`, and with `error` says nothing else.
    """

    settings: Any
    withheld: set[tuple[str, int]] = field(default_factory=set)
    revised: set[tuple[str, int]] = field(default_factory=set)
    error: Exception | None = None

    def at(self, ms: int) -> Venue:
        # As good as standing still.
        self.settings.REHEARSAL_CLOCK = f"{iso(ms)},0.000001"
        return self

    def poll(self) -> list[Polled]:
        """What the feed process does for each market a run needs, once."""
        clock = market_data.clock()
        return [feeds.poll(feed, clock, feeding.tell) for feed in feeding.needed_feeds()]

    def close(self, run: Run, ms: int) -> Run:
        """It is `ms` now: what has closed is learnt, then stepped."""
        self.at(ms).poll()
        return slices(run)

    def told(self, bars: Bars) -> Bars:
        named = [(str(bars.symbol), int(time)) for time in bars.time]
        kept = [i for i, name in enumerate(named) if name not in self.withheld]
        columns = {n: getattr(bars, n)[kept] for n in ("time", "open", "high", "low", "close")}
        factor = np.array([2.0 if named[i] in self.revised else 1.0 for i in kept])
        volume = bars.volume[kept] * factor
        return Bars(bars.symbol, bars.timeframe, *columns.values(), volume)

    def market_data(self, door: Any, clock: Any) -> SimulatedMarketData:
        venue = self

        class Withholding(SimulatedMarketData):
            def bars(self, symbol: Any, timeframe: Any, *args: Any, **options: Any) -> Any:
                if venue.error is not None:
                    raise venue.error
                for page in super().bars(symbol, timeframe, *args, **options):
                    if len(told := venue.told(page)):
                        yield told

        return Withholding(clock)


@pytest.fixture
def venue(desk: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Venue:
    """It is three minutes past the first hour of 2024."""
    found = Venue(settings)
    monkeypatch.setattr("exchanges.services.feeds.market_data", found.market_data)
    monkeypatch.setattr("exchanges.services.candles.market_data", found.market_data)
    return found.at(T0 + HOUR + 180_000)
