"""Starts the whole desk, or one part of it."""

from __future__ import annotations

import io
import json
import logging
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cracktrader_site import joining, listening, orphans
from cracktrader_site.backups import unfinished
from cracktrader_site.supervisor import (
    KEEP_MEMORY,
    SUPERVISED_BY,
    AlreadyRunning,
    Part,
    Supervisor,
    manage,
    only_one,
)
from exchanges import machines

logger = logging.getLogger(__name__)

PARTS = ("web", "jobs", "live", "feed", "trade", "ticker")

_CLUSTERS = ("jobs", "live")
_ENV = {
    "jobs": {**KEEP_MEMORY, "Q_CLUSTER_NAME": "jobs"},
    "live": {**KEEP_MEMORY, "Q_CLUSTER_NAME": "live"},
}


class Command(BaseCommand):
    help = (
        "Starts the desk as one process tree: database migrated, strategies and venues "
        "synced, web server, task workers and ticker. Ctrl-C or SIGTERM ends it cleanly."
    )
    # The database may not exist yet; the checks run with `migrate` and `check`.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--only",
            type=_parts,
            metavar="PART[,PART]",
            help=f"Run just these, of {', '.join(PARTS)}; one runs in the foreground.",
        )
        parser.add_argument("--host", default=settings.HOST, help="Default: $HOST or 127.0.0.1.")
        parser.add_argument(
            "--port", type=int, default=settings.PORT, help="Default: $PORT or 8000."
        )

    def handle(
        self, *args: Any, only: list[str] | None, host: str, port: int, **options: Any
    ) -> None:
        _require_whole()
        try:
            listening.require_safe(host)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        try:
            if only is None:
                with only_one(settings.CRACKTRADER_HOME):
                    self._everything(host, port)
            elif supervisor := os.environ.get(SUPERVISED_BY):
                orphans.die_with_parent(int(supervisor))
                self._part(only[0], host, port)
                return
            else:
                self._only(only, host, port)
        except AlreadyRunning as error:
            raise CommandError(f"A desk is running in {error} already") from None
        except KeyboardInterrupt:
            # Before there was anything to stop.
            raise CommandError("Interrupted.", returncode=130) from None
        self._say("Stopped.")

    def _part(self, name: str, host: str, port: int) -> None:
        if name == "web":
            self._web(host, port)
        elif name in _CLUSTERS:
            call_command("work", name)
        else:
            call_command({"feed": "feed", "trade": "trade", "ticker": "tick"}[name])

    def _only(self, names: list[str], host: str, port: int) -> None:
        """Parts of a desk whose others are elsewhere; somebody else migrates and syncs."""
        joining.wait_and_join()
        _require_whole()
        if len(names) > 1 or (machines.several() and names[0] in _CLUSTERS):
            # Nobody on another machine can look after its workers.
            self._supervise([name for name in PARTS if name in {*names, "ticker"}], host, port)
            return
        machines.stay_in_background()
        self._part(names[0], host, port)

    def _everything(self, host: str, port: int) -> None:
        if not listening.wait_until_free(host, port):
            raise CommandError(f"Port {port} on {host} is taken; choose another with PORT=…")
        with _heeded_interrupts() as heed, joining.in_turn():
            heed()
            _require_whole()
            call_command("migrate", verbosity=0, interactive=False)
            heed()
            joining.join()
            for sync in ("sync_exchanges", "sync_strategies"):
                said = io.StringIO()
                call_command(sync, stdout=said)
                self._say(said.getvalue())
                heed()
        here = _reachable(host)
        url = f"http://{f'[{here}]' if ':' in here else here}:{port}"
        threading.Thread(target=self._announce, args=(url,), daemon=True).start()
        names = [name for name in PARTS if name != "trade" or settings.LIVE_TRADING]
        self._supervise(names, host, port)

    def _supervise(self, names: list[str], host: str, port: int) -> None:
        from django.db import connections

        from runs import clusters

        # A cluster of the last time must not vouch for the one that is to come.
        clusters.forget_dead()
        # Children open their own connections; ours would only hold the file.
        connections.close_all()
        where = ["--host", host, "--port", str(port)]
        parts = [
            Part(
                name, manage("serve", "--only", name, *where), {**_ENV.get(name, {}), "HOST": host}
            )
            for name in names
        ]
        Supervisor(parts).run()

    def _announce(self, url: str) -> None:
        self._say("Starting web server and workers …")
        # By a name that is served; health is what plain HTTP may ask for behind TLS too.
        name = settings.ALLOWED_HOSTS[0].lstrip(".")
        while not _healthy(url, name):
            # Less often than the rate limit lets anybody ask.
            time.sleep(0.7)
        self._say(
            f"\nCracktrader is ready.\n"
            f"  Desk       {url}/\n"
            f"  API        {url}/api/v1/health\n"
            f"  API docs   {url}/api/v1/docs\n"
            f"  Admin      {url}/admin/   (first: manage.py createsuperuser)\n"
            f"  Data       {settings.CRACKTRADER_HOME}\n"
            f"Ctrl-C stops it.\n"
        )

    def _say(self, text: str) -> None:
        """For who started it to read; where logs are JSON, who collects them gets it so, too."""
        if settings.LOG_FORMAT != "json":
            self.stdout.write(text)
            return
        for line in filter(None, map(str.strip, text.splitlines())):
            logger.info("%s", line)

    def _web(self, host: str, port: int) -> None:
        import uvicorn

        from cracktrader_site import http_protocol, websocket_protocol
        from cracktrader_site.ui import warming

        warming.begin()
        uvicorn.run(
            "cracktrader_site.asgi:application",
            host=host,
            port=port,
            log_config=None,
            log_level=logging.getLevelName(logging.WARNING).lower(),
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=2,
            lifespan="off",
            http=http_protocol.Bounded,
            ws=websocket_protocol.Bounded,
            ws_max_size=websocket_protocol.MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
        )


def _require_whole() -> None:
    """Before anything, and once the database answers.  Raises CommandError."""
    if said := unfinished.trouble():
        raise CommandError(said)


def _parts(text: str) -> list[str]:
    names = text.split(",")
    if unknown := [name for name in names if name not in PARTS]:
        raise ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(PARTS)}")
    return names


@contextmanager
def _heeded_interrupts() -> Iterator[Callable[[], None]]:
    """Ctrl-C ends the block, at the latest where the given function is called.

    Python loses an interrupt that comes while something is thrown away (a weakref's
    finalizer), and migrations throw much away.
    """
    came = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal came
        came = True
        raise KeyboardInterrupt

    def heed() -> None:
        if came:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield heed
    finally:
        signal.signal(signal.SIGINT, before)


def _healthy(url: str, host: str) -> bool:
    request = urllib.request.Request(f"{url}/api/v1/health", headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return bool(json.load(answer)["status"] != "error")
    except (urllib.error.URLError, OSError, ValueError):
        return False


def _reachable(host: str) -> str:
    """Where a server that listens on all addresses is found from here."""
    return {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104
