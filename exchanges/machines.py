"""The machines that share one database: who they are, and whether they fit together.

With SQLite there is one machine, and none of this applies.  With PostgreSQL each
has a row, which its ticker keeps fresh; a machine is refused at its start where
it would do harm: another of its name is at work, its keys are not the others',
or its clock is far from the database's, by which others judge its leases.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import os
import platform
import secrets
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, close_old_connections, connection
from django.db.models.functions import Now
from django.utils import timezone

from .models import CandleSeries, Machine
from .processes import HOST

logger = logging.getLogger(__name__)

PERIOD_SECONDS = 5.0
PRESENT = timedelta(seconds=30)
"""So long after its last sign of life a machine is taken for absent."""
FORGOTTEN = timedelta(days=7)
SKEW_SECONDS = 1.0
"""A clock further from the database's is worth a warning."""

PACKAGES = ("numpy", "pandas", "numba", "vectorbt", "pyarrow")
_ROOT = Path(__file__).resolve().parent.parent
_CODE = ("cracktrader_site", "exchanges", "strategies", "runs")
_LOCK = int.from_bytes(b"cracktra", "big", signed=True)


def several() -> bool:
    """Whether other machines may work on this database."""
    return connection.vendor != "sqlite"


def disk() -> str:
    """Whose files this process sees, as records name it; empty where there is one machine."""
    return HOST if several() else ""


_turn = threading.local()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Of all machines one is within: they migrate and sync in turn when they start together.

    Who is within may enter again.
    """
    if not several() or getattr(_turn, "is_ours", False):
        yield
        return
    # Held by a transaction with a connection of its own: behind a pooler a session is
    # another one with each transaction, and what one has locked another cannot give back.
    holder = connection.copy()
    try:
        holder.set_autocommit(False)
        with holder.cursor() as cursor:
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            # Not by waiting for the lock, which is for a statement's time only.
            while not _locked(cursor):
                time.sleep(0.2)
        _turn.is_ours = True
        yield
    finally:
        _turn.is_ours = False
        # A connection that was lost meanwhile has given it back.
        with suppress(DatabaseError):
            holder.rollback()
        holder.close()


def _locked(cursor: Any) -> bool:
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [_LOCK])
    return bool(cursor.fetchone()[0])


def join() -> bool:
    """This machine is at work from now on; returns whether it was unknown here.

    Every part of a machine may call it.  Raises ImproperlyConfigured where this
    machine does not fit to the others.
    """
    if not several():
        return False
    _require_the_name()
    with one_at_a_time():
        skew = _require_the_time()
        _require_the_keys()
        values = {
            "instance": instance(),
            "secret": _fingerprint(settings.SECRET_KEY),
            "credential_keys": _credential_keys(),
            "versions": versions(),
            "skew_seconds": skew,
            "started_at": timezone.now(),
            "seen_at": Now(),
        }
        _, created = Machine.objects.update_or_create(name=HOST, defaults=values)
    return created


class Stay:
    """Signs of life of this machine, every few seconds; `ticks`: from its ticker."""

    def __init__(self, *, ticks: bool = False) -> None:
        self._ticks, self._at, self._known = ticks, 0.0, True

    def renewed(self) -> bool:
        """False where the name is another machine's by now: its pids are not ours to judge."""
        if several() and time.monotonic() - self._at > PERIOD_SECONDS:
            self._at = time.monotonic()
            before, self._known = self._known, self._renew()
            if before and not self._known:
                logger.error("another machine called %r works on this database", HOST)
        return self._known

    def _renew(self) -> bool:
        fields: dict[str, object] = {"seen_at": Now(), "skew_seconds": skew_seconds()}
        if self._ticks:
            fields["ticked_at"] = Now()
            gone = Machine.objects.filter(seen_at__lt=Now() - FORGOTTEN)
            forget(gone.values_list("name", flat=True), for_good=False)
        if Machine.objects.filter(name=HOST, instance=instance()).update(**fields):
            return True
        if Machine.objects.filter(name=HOST).exists():
            return False
        # It was away for so long that it was forgotten.
        join()
        return True


def stay_in_background() -> None:
    """For a part that runs where no ticker does: a thread that gives signs of life."""
    if several():
        threading.Thread(target=_stay, name="presence", daemon=True).start()


def _stay() -> None:
    stay = Stay()
    while True:
        time.sleep(PERIOD_SECONDS)
        with suppress(DatabaseError, ImproperlyConfigured):
            close_old_connections()
            stay.renewed()


def present() -> list[Machine]:
    """Those that gave a sign of life lately, by the database's clock."""
    return list(Machine.objects.filter(seen_at__gte=Now() - PRESENT))


def known() -> dict[str, bool]:
    """The machines that are not forgotten, by name, and whether each is at work."""
    there = {machine.name for machine in present()}
    names = Machine.objects.values_list("name", flat=True)
    return {name: name in there for name in names}


def forget(names: Iterable[str], *, for_good: bool = True) -> None:
    """Those machines are gone, and with them what lay on their disks.

    Not for good: what was imported there is known again when they come back.
    """
    gone = list(names)
    if gone:
        series = CandleSeries.objects.filter(machine__in=gone)
        (series if for_good else series.filter(imported=[])).delete()
        Machine.objects.filter(name__in=gone).delete()


# --- what must fit ---


def _require_the_name() -> None:
    """Waits until one of the same name has been silent for long enough to be gone."""
    others = Machine.objects.exclude(instance=instance()).filter(name=HOST)
    first = others.filter(seen_at__gte=Now() - PRESENT).first()
    deadline = time.monotonic() + 2 * PERIOD_SECONDS + 1
    while first is not None and time.monotonic() < deadline:
        if others.exclude(seen_at=first.seen_at).exists():
            raise ImproperlyConfigured(
                f"Another machine called {HOST!r} works on this database: give each a name of its "
                "own with CRACKTRADER_MACHINE. Processes are told apart by it."
            )
        time.sleep(0.25)


def _require_the_time() -> float:
    skew = skew_seconds()
    most = settings.RUN_LEASE_SECONDS / 3
    if abs(skew) > most:
        raise ImproperlyConfigured(
            f"This machine's clock is {abs(skew):.1f} s {'ahead of' if skew > 0 else 'behind'} the "
            f"database's; more than {most:.0f} s, and machines would take runs from each other. "
            "Synchronize it (NTP)."
        )
    return skew


def _require_the_keys() -> None:
    mine, keys = _fingerprint(settings.SECRET_KEY), _credential_keys()
    for other in Machine.objects.exclude(name=HOST):
        last = "" if other in present() else f" (last seen {other.seen_at:%Y-%m-%d %H:%M} UTC)"
        way_out = (
            f" If it is gone, or was given it meanwhile: `manage.py machines --forget {other}`."
        )
        if other.secret != mine:
            raise ImproperlyConfigured(
                f"CRACKTRADER_SECRET_KEY is not the one of machine {other}{last}: all machines on "
                "one database must have the same; one that was not given any has made its own, in "
                f"<home>/secret_key.{way_out}"
            )
        theirs = other.credential_keys
        if keys and theirs and (keys[0] not in theirs or theirs[0] not in keys):
            raise ImproperlyConfigured(
                f"CRACKTRADER_CREDENTIALS_KEY does not go with that of machine {other}{last}: what "
                "the first key of one encrypts, each machine must be able to read. To change "
                "keys, let all machines know both first, in the same order, then change the "
                f"order.{way_out}"
            )


def skew_seconds() -> float:
    """How far this machine's clock is ahead of the database's; negative: behind."""
    before, began = time.time(), time.monotonic()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        there: datetime = cursor.fetchone()[0]
    halfway = datetime.fromtimestamp(before + (time.monotonic() - began) / 2, UTC)
    return round((halfway - there).total_seconds(), 3)


# --- what tells machines apart ---


@cache
def instance() -> str:
    """Tells this machine from any other that was given its name.

    What matters is whose pids and whose files they are: so it is of the home,
    the kernel that was started, and the container in it.
    """
    parts = [_home_id(Path(settings.CRACKTRADER_HOME) / "machine_id")]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _home_id(path: Path) -> str:
    try:
        return path.read_text().strip()
    except FileNotFoundError:
        pass
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.write_text(secrets.token_hex(16))
    with suppress(FileExistsError):
        os.link(draft, path)
    draft.unlink()
    return path.read_text().strip()


@cache
def versions() -> dict[str, str]:
    """Of Python, of packages that can change a number, and of this project's own code."""
    found = {"python": platform.python_version()} | {name: version(name) for name in PACKAGES}
    code = hashlib.sha256()
    for folder in _CODE:
        for path in sorted((_ROOT / folder).rglob("*.py")):
            code.update(path.relative_to(_ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return found | {"code": code.hexdigest()[:16]}


def _credential_keys() -> list[str]:
    return [_fingerprint(key) for key in settings.CREDENTIALS_KEY]


def _fingerprint(key: str) -> str:
    return hmac.new(key.encode(), b"cracktrader: whose key is this", hashlib.sha256).hexdigest()
