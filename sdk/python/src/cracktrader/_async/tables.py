"""Complete tables of a run, for the asynchronous client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cracktrader import models
from cracktrader._tables import from_response

if TYPE_CHECKING:
    from .client import AsyncCrackTraderAPI


async def rows(
    api: AsyncCrackTraderAPI, response: models.ResultsResponse, name: str
) -> list[dict[str, Any]]:
    """All rows of `trades`, `orders` or `equity`: the response's if it has all, else in pages."""
    found = from_response(response, name)
    if found is not None:
        return found
    read: dict[str, Any] = {
        "trades": api.get_trades,
        "orders": api.get_run_orders,
        "equity": api.get_equity,
    }
    found = []
    cursor: str | None = None
    while True:
        page = await read[name](response.run_id, limit=10_000, cursor=cursor)
        found += page.raw.get(name, [])
        cursor = page.next_cursor
        if cursor is None:
            return found
