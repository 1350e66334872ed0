"""`make bench-fanout`: one event to many WebSocket clients, from before its commit to each of them.

The desk's web server is a process of its own, so is the writer of events; the
clients are 500 connections of this process that do little more than note the time.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil

from tests.site.streams import Web

from . import machine, results

TITLE = "WebSocket, fan-out"
RUNS = 10
WARM_SECONDS = 2.0
PATIENCE_SECONDS = 30.0
CONNECTING = 20
_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10

WRITE = """
# runs, events, seconds between two
chosen = list(Run.objects.filter(public_id__in=sys.argv[1].split(",")).values_list("id", flat=True))
count, pause = int(sys.argv[2]), float(sys.argv[3])
began = time.perf_counter()
for n in range(count):
    time.sleep(max(began + n * pause - time.perf_counter(), 0.0))
    point = {"timestamp": n, "value": time.time(), "cash": 0.0, "late": False, "bars": {}}
    with transaction.atomic():
        recorder.append(chosen[n % len(chosen)], "equity", point)
"""


class Follower(asyncio.Protocol):
    """A client of `/ws` that follows the equity of all runs.

    `numbers`: of the events it was told, as they came; `delays`: seconds from each one's making.
    """

    def __init__(self, port: int) -> None:
        self.numbers: list[int] = []
        self.delays: list[float] = []
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._port, self._upgraded = port, False
        self._received = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        lines = (
            "GET /ws HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        )
        transport.write("\r\n".join((*lines, "", "")).encode())

    def connection_lost(self, error: Exception | None) -> None:
        self.lost.set_result(None)
        if not self.subscribed.done():
            said = bytes(self._received[:300]).decode(errors="replace")
            self.subscribed.set_exception(ConnectionError(f"not let in: {said}"))

    def data_received(self, data: bytes) -> None:
        self._received += data
        if not self._upgraded:
            head, found, rest = self._received.partition(b"\r\n\r\n")
            if not found or not head.startswith(b"HTTP/1.1 101"):
                return
            self._upgraded, self._received = True, rest
            self._send(_TEXT, orjson.dumps({"action": "subscribe", "channel": "equity"}))
        while (frame := self._frame()) is not None:
            self._take(*frame)

    def _frame(self) -> tuple[int, bytes] | None:
        """Opcode and payload of the next whole frame; a server's are not masked."""
        received = self._received
        if len(received) < 2:
            return None
        length, begin = received[1] & 127, 2
        if length == 126:
            length, begin = int.from_bytes(received[2:4], "big"), 4
        elif length == 127:
            length, begin = int.from_bytes(received[2:10], "big"), 10
        end = begin + length
        if len(received) < end:
            return None
        frame = received[0] & 15, bytes(received[begin:end])
        del received[:end]
        return frame

    def _take(self, opcode: int, payload: bytes) -> None:
        now = time.time()
        if opcode == _PING:
            self._send(_PONG, payload)
        if opcode != _TEXT:
            return
        message = orjson.loads(payload)
        if message.get("type") == "subscribed":
            self.subscribed.set_result(None)
        elif "data" in message:
            self.numbers.append(message["data"]["timestamp"])
            self.delays.append(now - message["data"]["value"])

    def _send(self, opcode: int, payload: bytes) -> None:
        assert self._transport is not None
        # A mask of zeros is one.
        self._transport.write(bytes((128 | opcode, 128 | len(payload), 0, 0, 0, 0)) + payload)

    async def close(self) -> None:
        assert self._transport is not None
        self._send(_CLOSE, b"\x03\xe8")
        self._transport.close()
        await self.lost


@dataclass
class Figures:
    """`delays`: seconds, sorted, of all clients' messages; `last`: of each event's last.

    `astray`: clients that were not told everything once and in order.
    """

    clients: int
    rate: float
    delays: list[float] = field(default_factory=list)
    last: list[float] = field(default_factory=list)
    astray: int = 0
    cores: float = 0.0
    megabytes: list[float] = field(default_factory=list)


async def follow(web: Web, clients: int, rate: float, seconds: float) -> Figures:
    async with AsyncExitStack() as kept:
        return await _follow(web, clients, rate, seconds, kept)


async def _follow(
    web: Web, clients: int, rate: float, seconds: float, kept: AsyncExitStack
) -> Figures:
    loop = asyncio.get_running_loop()
    figures = Figures(clients, rate)
    assert web.process is not None
    server = psutil.Process(web.process.pid)
    runs = ",".join(web.runs(RUNS))
    figures.megabytes.append(server.memory_full_info().uss / 1e6)
    followers: list[Follower] = []
    for _ in range(0, clients, CONNECTING):
        some = [
            (await loop.create_connection(lambda: Follower(web.port), "127.0.0.1", web.port))[1]
            for _ in range(min(CONNECTING, clients - len(followers)))
        ]
        for follower in some:
            kept.push_async_callback(follower.close)
        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(follower.subscribed for follower in some))
        followers += some
    warm = int(rate * WARM_SECONDS)
    count = warm + int(rate * seconds)
    writer = web.python(WRITE, runs, str(count), str(1 / rate))
    ended = asyncio.create_task(asyncio.to_thread(writer.communicate))
    while not followers[0].numbers and not ended.done():
        await asyncio.sleep(0.01)
    used, began = sum(server.cpu_times()[:2]), time.monotonic()
    await ended
    passed = time.monotonic() - began
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline and any(len(f.numbers) < count for f in followers):
        await asyncio.sleep(0.05)
    figures.cores = (sum(server.cpu_times()[:2]) - used) / passed
    figures.megabytes.append(server.memory_full_info().uss / 1e6)
    figures.astray = sum(f.numbers != list(range(count)) for f in followers)
    figures.delays = sorted(delay for f in followers for delay in f.delays[warm:])
    # Of each event, when the last client was told.
    told = [f.delays[warm:] for f in followers if len(f.delays) == count]
    figures.last = sorted(map(max, zip(*told, strict=True)))
    return figures


def measure(home: Path, clients: int, rate: float, seconds: float) -> Figures:
    with Web(home, CRACKTRADER_WS_CONNECTIONS=str(clients + 10)) as web:
        return asyncio.run(follow(web, clients, rate, seconds))


def report(figures: Figures) -> str:
    clients, rate = figures.clients, figures.rate
    before, after = figures.megabytes
    p99 = machine.share(figures.delays, 0.99) * 1000
    return (
        f"Written by `make bench-fanout`. {clients} clients of one web server follow the equity "
        f"of all runs; {rate:g} events a second are committed by another process, so that each "
        f"client is told {rate:g} a second, {clients * rate:,.0f} in all. Measured from before "
        "the commit until a client has the message.\n\n"
        + machine.described("uvicorn", "websockets")
        + "\n\n| delay | p50 ms | p95 ms | p99 ms | max ms | n |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
        + machine.row("of every message", figures.delays)
        + machine.row("of the last client told of an event", figures.last)
        + "\n| what | value | wanted |\n| --- | --- | --- |\n"
        f"| p99 of every message | {p99:.0f} ms | < 250 ms |\n"
        f"| clients not told everything once and in order | {figures.astray} | 0 |\n"
        f"| cores the web server used | {figures.cores:.2f} | |\n"
        f"| its memory, without and with the clients | {before:.0f} → {after:.0f} MB, "
        f"{(after - before) * 1000 / clients:.0f} kB each | |\n"
        f"| messages a second and core | {clients * rate / figures.cores:,.0f} "
        "| |\n"
    )


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m bench.fanout")
    options.add_argument("--clients", type=int, default=500)
    options.add_argument("--rate", type=float, default=10.0, help="events a second")
    options.add_argument("--seconds", type=float, default=30.0)
    options.add_argument("--out", type=Path, default=results.PATH)
    asked = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="cracktrader-bench-") as folder:
        figures = measure(Path(folder) / "home", asked.clients, asked.rate, asked.seconds)
    text = report(figures)
    results.write(asked.out, TITLE, text)
    print(text)


if __name__ == "__main__":
    main()
