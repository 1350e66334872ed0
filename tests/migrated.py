"""A migrated database, made once for all that start a desk: each copies it instead of migrating.

Who migrates by itself all the same: `tests/site/test_desk.py` (`make run`, and a start that is
interrupted), `test_unsafe_settings.py`, `test_deploy.py`, and every machine of its own PostgreSQL.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_FOLDER = "CRACKTRADER_TEST_MIGRATED"
DATABASE = "db.sqlite3"


def provide() -> None:
    """Names a place that this process and its children share, until this process ends."""
    if os.environ.get(_FOLDER):
        return
    folder, owner = tempfile.mkdtemp(prefix="cracktrader-migrated-"), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(folder, ignore_errors=True)

    atexit.register(remove)
    os.environ[_FOLDER] = folder


def copy_to(file: Path) -> None:
    """Puts the SQLite file there, unless there is one already."""
    if file.exists():
        return
    with alone() as folder:
        home = folder / "sqlite"
        if not (home / DATABASE).exists():
            shutil.rmtree(home, ignore_errors=True)
            making = folder / "making"
            migrate(making)
            making.rename(home)
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(home / DATABASE, file)


def migrate(home: Path, **env: str) -> None:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("CRACKTRADER_", "DJANGO_"))}
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        env=clean | {"CRACKTRADER_HOME": str(home)} | env,
        cwd=_ROOT,
        check=True,
    )


@contextmanager
def alone() -> Iterator[Path]:
    """The shared folder, while no other process is at it."""
    provide()
    folder = Path(os.environ[_FOLDER])
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
