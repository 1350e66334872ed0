"""What a run came to, wherever it is kept."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import IO, Any

from django.db.models import QuerySet

from exchanges.domain import NotFound

from . import recorder
from .models import Artifact, Order, Run, Trade

DAMAGED = (NotFound, OSError, ValueError)
"""What tables raise whose file is missing, and what Parquet says of a damaged one."""


class Results:
    """A run's tables, opened when asked for.  Empty while there are none.

    What is over is in files; what a stepped run has done so far is in rows.
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self._artifacts: dict[str, Artifact] | None = None

    def artifacts(self) -> dict[str, Artifact]:
        if self._artifacts is None:
            self._artifacts = {a.name: a for a in self.run.artifacts.all()}
        return self._artifacts

    def artifact(self, name: str) -> Artifact:
        try:
            return self.artifacts()[name]
        except KeyError:
            raise NotFound(
                "ARTIFACT_NOT_FOUND",
                f"The run has no {name[:40]}",
                available=sorted(self.artifacts()),
            ) from None

    def has_curve(self) -> bool:
        """Whether there is equity to draw, or will be as the run goes on."""
        if "equity" in self.artifacts():
            return True
        run = self.run
        return run.is_stepped and (run.is_active or (not run.result_hash and run.points.exists()))

    def rows(self, name: str, offset: int = 0, limit: int | None = None) -> list[dict[str, Any]]:
        """Rows of `trades` or `orders` as the API shows them."""
        from . import tables

        end = None if limit is None else offset + limit
        if self._in_rows:
            rows = self._closed_trades() if name == "trades" else self._orders()
            present: Callable[[Any], Any]
            present = tables.trade_row if name == "trades" else tables.order_row
            found = [present(row) for row in rows[offset:end]]
            if name == "trades" and (limit is None or len(found) < limit):
                # The open ones come last: they are the newest.
                skipped = max(offset - rows.count(), 0)
                left = None if limit is None else skipped + limit - len(found)
                found += self._open_trades()[skipped:left]
            return found
        table = self.table(name)
        if table is None:
            return []
        if name == "trades":
            return tables.trades(table[offset:end], self.run.symbols, offset)
        found = tables.orders(table[offset:end], self.run.symbols)
        for number, order_id in self.order_ids(offset, offset + len(found)):
            found[number - offset]["order_id"] = order_id
        return found

    def table(self, name: str) -> Any:
        """All of `trades` or `orders` as an array of its dtype; None while it is kept in rows."""
        from .engine import artifacts

        artifact = None if self._in_rows else self.artifacts().get(name)
        return None if artifact is None else artifacts.decode(name, content(artifact))

    def order_ids(self, first: int = 0, end: int | None = None) -> Iterable[tuple[int, str]]:
        """(number, order_id) of orders [first, end) that do not go by the id of their table.

        A live run's stops may be several of one position, and people name theirs as they like.
        """
        if not self.run.is_live:
            return ()
        named = self.run.orders.filter(number__gte=first)
        if end is not None:
            named = named.filter(number__lt=end)
        return named.values_list("number", "order_id")

    def count(self, name: str) -> int:
        if self._in_rows:
            if name == "trades":
                return self.run.trade_count
            return self._orders().count() if name == "orders" else self.run.points.count()
        artifact = self.artifacts().get(name)
        return artifact.rows if artifact else 0

    def pending_orders(self) -> list[dict[str, Any]]:
        """Decided and not filled yet."""
        from . import tables

        if self._in_rows:
            return [tables.order_row(o) for o in self.run.orders.filter(status=Order.Status.NEW)]
        pending: list[dict[str, Any]] = self.run.outcome.get("pending_orders", [])
        return pending

    def equity(self, points: int) -> list[dict[str, Any]]:
        """At most `points` bars of the equity curve, its extremes among them."""
        from .engine.downsample import downsample

        return self._equity(lambda time, equity: downsample(time, equity, points))

    def equity_page(self, offset: int, limit: int) -> list[dict[str, Any]]:
        """`limit` bars of the whole curve from `offset` on."""
        return self._equity(lambda time, equity: slice(offset, offset + limit))

    def _equity(self, choose: Callable[[Any, Any], Any]) -> list[dict[str, Any]]:
        from . import tables

        curve = self.curve()
        if curve is None:
            return []
        time, equity, cash = curve
        return tables.equity_points(time, equity, cash, choose(time, equity))

    def curve(self) -> tuple[Any, Any, Any] | None:
        """The whole curve as columns: time in UTC ms, equity, cash."""
        from .engine import artifacts

        if not self._in_rows:
            artifact = self.artifacts().get("equity")
            return artifacts.equity_columns(content(artifact)) if artifact else None
        import numpy as np

        rows = list(self.run.points.order_by("time").values_list("time", "equity", "cash"))
        if not rows:
            return None
        table = np.array(rows, artifacts.EQUITY_DTYPE)
        return table["time"], table["equity"], table["cash"]

    @property
    def _in_rows(self) -> bool:
        return self.run.is_stepped and not self.run.result_hash

    def _closed_trades(self) -> QuerySet[Trade]:
        return self.run.trades.order_by("number")

    def _orders(self) -> QuerySet[Order]:
        return self.run.orders.filter(status=Order.Status.FILLED).order_by("number")

    def _open_trades(self) -> list[dict[str, Any]]:
        from . import ledger
        from .engine.config import RunConfig

        return ledger.open_trades(self.run, RunConfig.from_dict(self.run.config["engine"]))


def content(artifact: Artifact) -> bytes:
    """The file's bytes.  Raises ARTIFACT_NOT_FOUND where the storage has lost or spoilt it."""
    return (_cached if artifact.size <= _CACHED_BYTES else _read)(artifact.sha256)


def opened(artifact: Artifact) -> IO[bytes]:
    """The same as a file at its beginning, for whoever need not have all of it at once."""
    try:
        file = recorder.opened(artifact)
    except FileNotFoundError:
        raise _missing(artifact.sha256) from None
    if hashlib.file_digest(file, "sha256").hexdigest() != artifact.sha256:
        file.close()
        raise _missing(artifact.sha256)
    file.seek(0)
    return file


def _read(sha256: str) -> bytes:
    try:
        found = recorder.load(Artifact(sha256=sha256))
    except FileNotFoundError:
        found = b""
    if hashlib.sha256(found).hexdigest() != sha256:
        raise _missing(sha256)
    return found


def _missing(sha256: str) -> NotFound:
    return NotFound(
        "ARTIFACT_NOT_FOUND",
        "The run's file is missing from the artifact storage, or damaged",
        sha256=sha256,
    )


# Page after page of one table reads its file once; content never changes.
_CACHED_BYTES = 16_000_000
_cached = lru_cache(maxsize=8)(_read)
