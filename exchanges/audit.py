"""The audit trail, for apps that may not know where it is kept."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string


def record(who: str, action: str, target: str, /, **detail: Any) -> None:
    """Adds an entry by `settings.AUDIT_RECORDER`, within the caller's transaction.

    `who`: a key's name, `admin:<user>` or `command`.  `detail` never holds a secret.
    """
    import_string(settings.AUDIT_RECORDER)(who, action, target, **detail)
