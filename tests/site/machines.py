"""Machines that share a PostgreSQL and a Redis and nothing else, and the wires between them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg
import redis
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from tests import servers
from tests.desk import Desk, free_port

from .harness import until

SECRET = secrets.token_urlsafe(50)
DATABASE = "desk"
DONE = "('completed', 'failed', 'stopped')"


class Wire:
    """TCP from a machine to a server; while it is cut, what was sent arrives nowhere."""

    def __init__(self, port: int) -> None:
        self.port, self._target = free_port(), port
        self._loop = asyncio.new_event_loop()
        self._whole = asyncio.Event()
        self._whole.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        self._loop.call_soon_threadsafe(self._whole.clear)

    def mend(self) -> None:
        """For new connections: what was open is told of its end now."""

        def again() -> None:
            for writer in self._open:
                writer.transport.abort()
            self._whole.set()

        self._loop.call_soon_threadsafe(again)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = asyncio.start_server(self._accept, "127.0.0.1", self.port)
        listening = self._loop.run_until_complete(server)
        self._loop.run_forever()
        listening.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A server's callback looks into the task, and finds an end by `close` an error.
        with contextlib.suppress(asyncio.CancelledError):
            await self._join(reader, writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._whole.wait()
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        await asyncio.gather(self._pump(reader, back), self._pump(there, writer))
        self._open -= {writer, back}

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65_536):
                await self._whole.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


class Machine(Desk):
    """A whole desk of its own, with a home and a name that no other has."""

    def __init__(self, home: Path, world: World, **env: str) -> None:
        self.name = home.name
        self.wires = [Wire(world.postgres.port), Wire(world.redis.port)]
        settings = {
            "CRACKTRADER_MACHINE": self.name,
            "CRACKTRADER_SECRET_KEY": SECRET,
            "DATABASE_URL": f"postgres://postgres@127.0.0.1:{self.wires[0].port}/{DATABASE}",
            "REDIS_URL": f"redis://127.0.0.1:{self.wires[1].port}/0",
        }
        super().__init__(home, **settings | env)

    def die(self) -> None:
        """kill -9 of every process of it."""
        self.kill()
        for process in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
        until(lambda: not self.processes(), 10, f"every process of {self.name} is gone")

    def cut_off(self) -> None:
        for wire in self.wires:
            wire.cut()

    def reconnect(self) -> None:
        for wire in self.wires:
            wire.mend()

    def post(self, path: str, body: dict[str, Any], seconds: float = 90) -> dict[str, Any]:
        """The answer, however often it takes: by its key the same is asked for once."""
        headers = {"Idempotency-Key": secrets.token_hex(8)}

        def answered() -> httpx.Response | None:
            with contextlib.suppress(httpx.HTTPError):
                answer = self.http.post(path, json=body, headers=headers)
                if answer.status_code not in (409, 429, 500, 502, 503):
                    return answer
            time.sleep(0.1)
            return None

        answer: httpx.Response = until(answered, seconds, f"POST {path}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())


class World:
    def __init__(self, folder: Path, **env: str) -> None:
        self.postgres = servers.Postgres(durable=True).start()
        self.redis = servers.Redis().start()
        self.postgres.query(f"CREATE DATABASE {DATABASE}")
        self.alpha, self.beta = (Machine(folder / name, self, **env) for name in ("alpha", "beta"))
        self.machines = (self.alpha, self.beta)

    def __enter__(self) -> World:
        try:
            # Both find an empty database.
            for machine in self.machines:
                machine.launch()
            for machine in self.machines:
                machine.wait_healthy(240)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        for machine in self.machines:
            machine.stop()
            machine.http.close()
            for wire in machine.wires:
                wire.close()
        self.redis.remove()
        self.postgres.remove()

    def query(self, sql: str, *values: Any) -> list[Any]:
        return self.postgres.query(sql, *values, database=DATABASE)

    def one(self, sql: str, *values: Any) -> Any:
        return self.query(sql, *values)[0][0]

    def crash_database(self, seconds: float = 1.0) -> None:
        """As `pg_ctl restart -m immediate`, and a while without it."""
        self.postgres.stop(signal.SIGQUIT)
        time.sleep(seconds)
        self.postgres.start()

    def flush_redis(self) -> None:
        with redis.Redis(port=self.redis.port) as client:
            client.flushall()


class Witness(threading.Thread):
    """Sees which machine holds what, as often as it can."""

    SQL = (
        "SELECT 'run ' || mode AS kind, lease_owner AS owner, id FROM runs_run"
        " WHERE lease_owner <> '' UNION ALL SELECT 'chunk', lease_owner, id FROM runs_sweepchunk"
        " WHERE lease_owner <> ''"
    )

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self._url = f"{world.postgres.url}/{DATABASE}"
        self._over = threading.Event()
        self._seen: set[tuple[str, str, int]] = set()

    def work(self) -> Counter[tuple[str, str]]:
        """How many things of a kind each machine was seen to hold."""
        return Counter((kind, machine) for kind, machine, _ in self._seen.copy())

    def run(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(psycopg.Error), psycopg.connect(self._url) as connection:
                connection.autocommit = True
                while not self._over.wait(0.01):
                    for kind, owner, id in connection.execute(self.SQL):
                        self._seen.add((kind, owner.partition("/")[0], id))

    def stop(self) -> None:
        self._over.set()
        self.join(10)


class Listener(threading.Thread):
    """A WebSocket client of one machine that hears of every run's equity, wherever it is made."""

    def __init__(self, machine: Machine) -> None:
        super().__init__(daemon=True)
        self._url = f"ws://127.0.0.1:{machine.port}/ws"
        self._over = threading.Event()
        self.ready = threading.Event()
        self.heard: list[tuple[str, int]] = []
        self.broke_off = ""

    def run(self) -> None:
        try:
            with connect(self._url, compression=None) as socket:
                socket.send(orjson.dumps({"action": "subscribe", "channel": "equity"}).decode())
                while not self._over.is_set():
                    with contextlib.suppress(TimeoutError):
                        self._hear(orjson.loads(socket.recv(timeout=0.2)))
        except WebSocketException as error:
            self.broke_off = str(error)

    def _hear(self, message: dict[str, Any]) -> None:
        if message.get("type") == "subscribed":
            self.ready.set()
        elif message.get("channel") == "equity":
            self.heard.append((message["run_id"], message["seq"]))

    def stop(self) -> None:
        self._over.set()
        self.join(10)
