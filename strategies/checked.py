"""What the last check of a source found, kept with the version that was checked.

The same source gives the same answer, so it holds until the text changes, or
the code that checks.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from django.utils import timezone
from pydantic import TypeAdapter

from .findings import CheckReport
from .models import StrategyVersion

_REPORT = TypeAdapter(CheckReport)
_CHECKER = ("bias.py", "findings.py", "synthetic.py")


def keep(version: StrategyVersion, report: CheckReport) -> dict[str, Any]:
    """The report as `last` gives it from now on."""
    told = report.to_dict() | {"at": timezone.now().isoformat(timespec="seconds")}
    version.checked = told | {"checker": _checker()}
    StrategyVersion.objects.filter(pk=version.pk).update(checked=version.checked)
    return told


def last(version: StrategyVersion) -> dict[str, Any] | None:
    """`CheckReport.to_dict()` with the time `at` of the check, ISO 8601.

    None: never checked, or by a version of the desk that told other things.
    """
    kept = version.checked
    try:
        if kept["checker"] != _checker():
            return None
        at = datetime.fromisoformat(kept["at"]).isoformat(timespec="seconds")
        report = _REPORT.validate_python(kept)
    except (ValueError, TypeError, KeyError):
        return None
    return report.to_dict() | {"at": at}


@cache
def _checker() -> str:
    digest = hashlib.sha256()
    for name in _CHECKER:
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.hexdigest()
