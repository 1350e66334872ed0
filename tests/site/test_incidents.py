"""Requests that took other servers down, sent to ours as it runs.

The table of all incidents is in tests/runs/test_incidents.py.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator

import httpx
import psutil
import pytest
from websockets.exceptions import WebSocketException

from cracktrader_site.ui import warming

from .streams import Web

pytestmark = pytest.mark.process

MIB = 2**20
FEW = 20_000_000
"""Bytes that a server may need for a while, whatever is sent."""


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    with Web(tmp_path_factory.mktemp("incidents") / "home") as web:
        yield web


def memory(web: Web) -> int:
    assert web.process is not None
    return int(psutil.Process(web.process.pid).memory_info().rss)


def settled_memory(web: Web) -> int:
    """Once the server has read what its first pages will need."""
    size = memory(web)
    since = began = time.monotonic()
    while time.monotonic() - since < warming.AFTER_SECONDS + 1:
        assert time.monotonic() - began < 60
        time.sleep(0.1)
        if abs(memory(web) - size) > MIB:
            size, since = memory(web), time.monotonic()
    return size


def test_a_frame_of_two_mebibytes_is_refused_and_never_held(web: Web) -> None:
    """16: daphne, CVE-2026-44545: frames of any size were taken into memory."""
    with web.connect() as ws:
        assert ws.ask(action="ping")["type"] == "pong"
    before = settled_memory(web)
    for _ in range(20):
        with web.connect() as ws:
            with contextlib.suppress(WebSocketException):
                ws.socket.send(json.dumps({"action": "ping", "id": "x" * 2 * MIB}))
            # Told so, or cut off while it was still sending.
            assert ws.closed()[0] in (1009, 1006)
    assert memory(web) - before < FEW
    with web.connect() as ws:
        assert ws.ask(action="ping")["type"] == "pong"


def test_a_body_of_three_megabytes_is_refused_and_never_held(web: Web) -> None:
    """16: DRF, CVE-2026-73228: bodies of any size were parsed."""
    url = f"http://127.0.0.1:{web.port}/api/v1/run/backtest"
    headers = {"Content-Type": "application/json"}
    content = b'{"strategy_name": "' + b"x" * 3_000_000 + b'"}'
    before = settled_memory(web)
    for _ in range(20):
        try:
            answer = httpx.post(url, content=content, headers=headers, timeout=20)
        except httpx.WriteError:
            # The answer came, and the connection was closed, before all was sent.
            continue
        assert answer.status_code == 413, answer.text
        assert answer.json()["error"]["code"] == "BODY_TOO_LARGE"
    assert memory(web) - before < FEW
