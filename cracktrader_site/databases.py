"""What Django is told of the database: a file in the home, or a PostgreSQL that machines share."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

Database = dict[str, Any]

LOCK_SECONDS = 20
"""How long a statement waits for what another transaction holds, on either of them."""


_PAGES = {"web": (32_000, 128 * 2**20), "worker": (2_000, 0)}
"""kB of the file that a process keeps, and the bytes of it that are mapped.

A page that is mapped counts as the process's memory, and the file grows by 2 kB a
trial.  Who answers requests reads all over it; a worker writes, and reads in order.
"""


def sqlite(path: Path) -> Database:
    cached, mapped = _PAGES["worker" if os.environ.get("Q_CLUSTER_NAME") else "web"]
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        # Reopening the file costs more than most of our queries.
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            # IMMEDIATE takes the write lock at BEGIN, where SQLite waits for
            # it; a deferred transaction that upgrades later fails at once.
            "transaction_mode": "IMMEDIATE",
            "timeout": LOCK_SECONDS,
            "init_command": (
                "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                f"PRAGMA cache_size=-{cached}; PRAGMA mmap_size={mapped};"
            ),
        },
        "TEST": {"OPTIONS": {}},
    }


def postgresql(url: str) -> Database:
    """What the address says in its query (sslmode, …) stands.  Raises ValueError."""
    import dj_database_url

    if url.partition("://")[0] not in ("postgres", "postgresql"):
        raise ValueError
    try:
        found: Database = dict(dj_database_url.parse(url))
    except dj_database_url.ParseError:
        raise ValueError from None
    if not found["NAME"]:
        raise ValueError
    options = _PATIENCE | {"application_name": _part()} | found.get("OPTIONS", {})
    return found | {
        "ENGINE": "cracktrader_site.postgresql",
        "CONN_MAX_AGE": None,
        # A connection that outlived a restart of the server is found out before a request.
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": options,
    }


def pooled(database: Database) -> Database:
    """For a pooler that gives each transaction another session: nothing may outlive one.

    Cursors fetch all there is, nobody listens, and the times of `_PATIENCE` that the
    server keeps have to be set there.
    """
    options = {name: value for name, value in database["OPTIONS"].items() if name != "options"}
    return database | {"OPTIONS": options, "DISABLE_SERVER_SIDE_CURSORS": True}


_PATIENCE = {
    "connect_timeout": 5,
    # A machine or a network that went away without a word: seen within half a minute.
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
    # And by the server, which frees what it had locked.
    "options": (
        f"-c lock_timeout={LOCK_SECONDS}s -c idle_in_transaction_session_timeout=60s"
        " -c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
    ),
}


def _part() -> str:
    """What `pg_stat_activity` shows of this process: `cracktrader web`."""
    words = sys.argv[1:]
    part = words[words.index("--only") + 1 :][:1] if "--only" in words else words[:1]
    name = os.environ.get("CRACKTRADER_CLUSTER") or "".join(part)
    return f"cracktrader {name}"[:63] if name.replace("_", "").isalnum() else "cracktrader"
