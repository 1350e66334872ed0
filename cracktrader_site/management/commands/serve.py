"""Starts the whole desk, or one part of it."""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cracktrader_site import listening, orphans
from cracktrader_site.supervisor import (
    KEEP_MEMORY,
    SUPERVISED_BY,
    AlreadyRunning,
    Part,
    Supervisor,
    manage,
    only_one,
)

PARTS = ("web", "jobs", "live", "feed", "trade", "ticker")

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
        parser.add_argument("--only", choices=PARTS, help="Run just this part, in the foreground.")
        parser.add_argument("--host", default=settings.HOST, help="Default: $HOST or 127.0.0.1.")
        parser.add_argument(
            "--port", type=int, default=settings.PORT, help="Default: $PORT or 8000."
        )

    def handle(self, *args: Any, only: str | None, host: str, port: int, **options: Any) -> None:
        try:
            listening.require_safe(host)
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        if only is not None:
            from runs import clusters

            supervisor = os.environ.get(SUPERVISED_BY)
            if supervisor:
                orphans.die_with_parent(int(supervisor))
            if only == "web":
                self._web(host, port)
            elif only in (clusters.JOBS, clusters.LIVE):
                call_command("work", only)
            else:
                call_command({"feed": "feed", "trade": "trade", "ticker": "tick"}[only])
            return
        try:
            with only_one(settings.CRACKTRADER_HOME):
                self._everything(host, port)
        except AlreadyRunning as error:
            raise CommandError(f"A desk is running in {error} already") from None
        except KeyboardInterrupt:
            # Before there was anything to stop.
            raise CommandError("Interrupted.", returncode=130) from None
        self.stdout.write("Stopped.")

    def _everything(self, host: str, port: int) -> None:
        if not listening.wait_until_free(host, port):
            raise CommandError(f"Port {port} on {host} is taken; choose another with PORT=…")
        with _heeded_interrupts() as heed:
            call_command("migrate", verbosity=0, interactive=False)
            heed()
            call_command("sync_exchanges", stdout=self.stdout)
            heed()
            call_command("sync_strategies", stdout=self.stdout)
            heed()
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
            for name in PARTS
            if name != "trade" or settings.LIVE_TRADING
        ]
        here = _reachable(host)
        url = f"http://{f'[{here}]' if ':' in here else here}:{port}"
        threading.Thread(target=self._announce, args=(url,), daemon=True).start()
        Supervisor(parts).run()

    def _announce(self, url: str) -> None:
        self.stdout.write("Starting web server and workers …")
        # By a name that is served; health is what plain HTTP may ask for behind TLS too.
        name = settings.ALLOWED_HOSTS[0].lstrip(".")
        while not _healthy(url, name):
            # Less often than the rate limit lets anybody ask.
            time.sleep(0.7)
        self.stdout.write(
            f"\nCracktrader is ready.\n"
            f"  Desk       {url}/\n"
            f"  API        {url}/api/v1/health\n"
            f"  API docs   {url}/api/v1/docs\n"
            f"  Admin      {url}/admin/   (first: manage.py createsuperuser)\n"
            f"  Data       {settings.CRACKTRADER_HOME}\n"
            f"Ctrl-C stops it.\n"
        )

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
