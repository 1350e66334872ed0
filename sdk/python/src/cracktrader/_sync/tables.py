"""Complete tables of a run, for the synchronous client.

Generated of _async/tables.py by generate.py: change that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cracktrader._retry import Call, of_run, within
from cracktrader.errors import UnexpectedAnswer

if TYPE_CHECKING:
    from .client import CrackTraderAPI

MOST_ROWS = 10_000
"""That a server gives at once."""


def rows(api: CrackTraderAPI, run_id: str, name: str) -> list[dict[str, Any]]:
    """All rows of `trades`, `orders` or `equity`, page by page, as they came."""
    found: list[dict[str, Any]] = []
    params: dict[str, Any] = {"limit": MOST_ROWS}
    path = f"/runs/{quote(run_id, safe='')}/{name}"
    with of_run(run_id), within(None):
        while True:
            answer = api._session.send(Call("GET", path, params))
            try:
                page = answer.json()
                found += page[name]
                cursor = page.get("next_cursor")
            except (ValueError, TypeError, KeyError, AttributeError):
                raise UnexpectedAnswer(f"GET {path}: the answer is not a table's") from None
            if cursor is None:
                return found
            params = {"limit": MOST_ROWS, "cursor": cursor}
