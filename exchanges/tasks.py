"""What the task queue calls: an id in, nothing out, safe to call twice."""

from __future__ import annotations

from exchanges.services import fetching


def fetch(download_id: int) -> None:
    fetching.execute(download_id)
