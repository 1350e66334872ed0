"""What the last check of a source found, kept in the home under the source's hash.

The same source gives the same answer, so it holds until the text changes, or
the code that checks; a file that is lost, or cannot be written, costs another check.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from pydantic import TypeAdapter

from .findings import CheckReport
from .models import StrategyVersion

_REPORT = TypeAdapter(CheckReport)
_CHECKER = ("bias.py", "findings.py", "synthetic.py")


def keep(version: StrategyVersion, report: CheckReport) -> dict[str, Any]:
    """The report as `last` gives it from now on."""
    kept = report.to_dict() | {"at": timezone.now().isoformat(timespec="seconds")}
    path = _path(version.strategy.name, version.source_hash)
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, delete=False) as file:
            json.dump(kept, file)
        os.replace(file.name, path)
    return kept


def last(version: StrategyVersion) -> dict[str, Any] | None:
    """`CheckReport.to_dict()` with the time `at` of the check, ISO 8601.

    None: never checked, or by a version of the desk that told other things.
    """
    return last_of(version.strategy.name, version.source_hash)


def last_of(name: str, source_hash: str) -> dict[str, Any] | None:
    """`last` of the version of a strategy with that source; reads no database."""
    try:
        kept = json.loads(_path(name, source_hash).read_text())
        at = datetime.fromisoformat(kept["at"]).isoformat(timespec="seconds")
        report = _REPORT.validate_python(kept)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return report.to_dict() | {"at": at}


def _path(name: str, source_hash: str) -> Path:
    # A file may define several strategies.
    key = f"{name}\0{source_hash}\0{_checker()}".encode()
    folder: Path = settings.CRACKTRADER_HOME / "checks"
    return folder / f"{hashlib.sha256(key).hexdigest()}.json"


@cache
def _checker() -> str:
    digest = hashlib.sha256()
    for name in _CHECKER:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()
