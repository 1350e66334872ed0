"""A handle on a run that goes on, for the synchronous client.

Generated of _async/live.py by generate.py: change that.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cracktrader import models
from cracktrader._stream import Events
from cracktrader.results import Results

if TYPE_CHECKING:
    from .client import CrackTraderAPI


class LiveRun:
    """What `start_live` gives: the run's id, and the client's methods for that run."""

    def __init__(self, api: CrackTraderAPI, started: models.RunResponse) -> None:
        self._api = api
        self.started = started
        """What the start answered."""
        self.run_id = str(started.run_id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.run_id!r})"

    def status(self) -> models.StatusResponse:
        """See `get_status`."""
        return self._api.get_status(self.run_id)

    def detailed_status(self) -> models.DetailedStatusResponse:
        """See `get_detailed_status`."""
        return self._api.get_detailed_status(self.run_id)

    def positions(self) -> models.PositionList:
        """See `get_positions`."""
        return self._api.get_positions(run_id=self.run_id)

    def balance(self) -> models.BalanceResponse:
        """See `get_balance`."""
        return self._api.get_balance(run_id=self.run_id)

    def events(
        self, since: int = 0, *, channels: Sequence[str] | None = None, until_over: bool = True
    ) -> Events:
        """See `stream_events`."""
        return self._api.stream_events(self.run_id, since, channels=channels, until_over=until_over)

    def stop(self, *, flatten: bool = False) -> models.RunResponse:
        """`flatten` sells what it holds first, at the next open; until then it is `stopping`."""
        return self._api.stop_run(self.run_id, flatten=flatten)

    def wait(
        self, *, timeout: float | None = None, progress: bool | None = None
    ) -> models.RunDetail:
        """Until it is over, however it ends.  Raises TimedOut."""
        return self._api.wait_for_run(self.run_id, timeout=timeout, progress=progress)

    def results(self) -> Results:
        """What there is so far."""
        return self._api.load_results(self.run_id)
