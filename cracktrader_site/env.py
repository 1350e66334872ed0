"""Typed reading of the environment.

Each call registers its name, default and help, so that one list of settings
exists: `manage.py settings_doc` prints it and a test holds docs/settings.md
against it.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured

from exchanges.clock import format_clock, parse_clock

from . import artifact_storage, databases

T = TypeVar("T")
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    kind: str
    default: str
    help: str


REGISTRY: dict[str, Setting] = {}


def _read(
    name: str,
    kind: str,
    default: T,
    help: str,
    parse: Callable[[str], T],
    *,
    may_hold_secret: bool = False,
) -> T:
    """Raises ImproperlyConfigured, which repeats the value where that cannot be a secret."""
    shown = ",".join(default) if isinstance(default, list) else str(default)
    REGISTRY[name] = Setting(name, kind, "" if default is None else shown, help)
    raw = os.environ.get(name)
    if raw is None or raw == "":
        return default
    try:
        return parse(raw)
    except (ValueError, TypeError, OverflowError, RuntimeError):
        given = name if may_hold_secret else f"{name}={raw[:80]!r}"
        raise ImproperlyConfigured(f"{given} is not {kind}: {help}") from None


def markdown() -> str:
    """docs/settings.md: every setting with its default, made from the code that reads it."""
    home = os.environ.get("CRACKTRADER_HOME")
    base = Path(__file__).resolve().parent.parent
    rows = []
    for setting in REGISTRY.values():
        default = setting.default
        if home:
            default = default.replace(str(Path(home).resolve()), "var")
        default = default.replace(f"{base}/", "")
        shown = f"`{default}`" if default else ""
        rows.append(f"| `{setting.name}` | {setting.kind} | {shown} | {setting.help} |\n")
    return (
        "# Settings\n\n"
        "All of them are environment variables; none is needed to start. "
        "`manage.py settings_doc` prints this page.\n\n"
        "| name | value | default | what it is |\n| --- | --- | --- | --- |\n" + "".join(rows)
    )


def text(name: str, default: str, help: str) -> str:
    return _read(name, "text", default, help, str)


def integer(name: str, default: int, help: str, minimum: int = 0, *, maximum: int) -> int:
    """Both ends included.  Beyond `maximum` lies what nobody means, or nothing could work with."""

    def parse(raw: str) -> int:
        value = int(raw)
        if not minimum <= value <= maximum:
            raise ValueError
        return value

    return _read(name, f"an integer from {minimum} to {maximum}", default, help, parse)


def number(name: str, default: float, help: str, minimum: float, maximum: float) -> float:
    """Both ends included."""

    def parse(raw: str) -> float:
        value = float(raw)
        if not minimum <= value <= maximum:
            raise ValueError
        return value

    return _read(name, f"a number from {minimum:g} to {maximum:g}", default, help, parse)


def choice(name: str, default: str, words: list[str], help: str) -> str:
    """One of the words, in whatever case it was given."""
    known = {word.upper(): word for word in words}

    def parse(raw: str) -> str:
        try:
            return known[raw.strip().upper()]
        except KeyError:
            raise ValueError from None

    return _read(name, f"{', '.join(words[:-1])} or {words[-1]}", default, help, parse)


def flag(name: str, default: bool, help: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True}
    words |= {"0": False, "false": False, "no": False, "off": False}

    def parse(raw: str) -> bool:
        try:
            return words[raw.strip().lower()]
        except KeyError:
            raise ValueError from None

    return _read(name, "1 or 0", default, help, parse)


def token(name: str, help: str) -> str:
    """What nobody guesses, or nothing."""

    def parse(raw: str) -> str:
        if len(raw) < 20 or not raw.isascii() or not raw.isprintable() or " " in raw:
            raise ValueError
        return raw

    kind = "at least 20 characters that nobody guesses"
    return _read(name, kind, "", help, parse, may_hold_secret=True)


def names(name: str, default: list[str], help: str) -> list[str]:
    def parse(raw: str) -> list[str]:
        return [part.strip() for part in raw.split(",") if part.strip()]

    return _read(name, "a comma-separated list", default, help, parse)


def networks(name: str, help: str) -> list[Network]:
    """Addresses, as 10.0.0.7 or ::1, and networks, as 10.0.0.0/8; none by default."""

    def parse(raw: str) -> list[Network]:
        return [ipaddress.ip_network(part.strip()) for part in raw.split(",") if part.strip()]

    return _read(name, "a comma-separated list of addresses and networks", [], help, parse)


def redis(name: str, help: str) -> str:
    """The address of a Redis, as redis://:password@host:6379/0, or nothing."""

    def parse(raw: str) -> str:
        from redis.connection import ConnectionPool
        from redis.exceptions import RedisError

        try:
            # It connects later; an option it does not know it refuses here.
            ConnectionPool.from_url(raw).make_connection()
        except RedisError:
            raise ValueError from None
        return raw

    return _read(name, "a redis:// address", "", help, parse, may_hold_secret=True)


def database(name: str, help: str) -> databases.Database | None:
    """A PostgreSQL, as Django is told of it, or nothing."""
    kind = "a postgres:// address with the name of a database"
    return _read(name, kind, None, help, databases.postgresql, may_hold_secret=True)


def artifacts(name: str, help: str) -> dict[str, Any] | None:
    """One of Django's storages, or nothing."""
    parse = artifact_storage.parse
    return _read(name, artifact_storage.KIND, None, help, parse, may_hold_secret=True)


def machine(name: str, help: str) -> str:
    """The name given, or the host's."""

    def parse(raw: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}", raw):
            raise ValueError
        return raw

    kind = "up to 60 letters, digits, dots, dashes and underscores"
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname())[:60]
    return _read(name, kind, "", help, parse) or host.lstrip("._-") or "machine"


def path(name: str, default: Path, help: str) -> Path:
    return _read(name, "a path", default, help, lambda raw: Path(raw).expanduser().resolve())


def clock(name: str, help: str) -> str:
    """A clock as `exchanges.clock.parse_clock` reads it; all processes started here share it."""

    def parse(raw: str) -> str:
        os.environ[name] = format_clock(parse_clock(raw))
        return os.environ[name]

    return _read(name, "a clock", "", help, parse)


def provide(name: str, make: Callable[[], str]) -> None:
    """A default for what a library, not this project, reads; processes below inherit it."""
    if name not in os.environ:
        os.environ[name] = make()
