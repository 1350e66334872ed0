"""The one way into the audit trail."""

from __future__ import annotations

from typing import Any

from .models import AuditEntry

COMMAND = "command"


def record(who: str, action: str, target: str, /, **detail: Any) -> None:
    """Adds an entry within the caller's transaction.  `detail` never holds a secret.

    `who`: a key's name, `admin:<user>` or `command`; `action`: as `key.created`.
    """
    AuditEntry.objects.create(who=who[:160], action=action[:64], target=target[:200], detail=detail)


def admin(username: str) -> str:
    """`who` of somebody at work in the admin; no key can be named so."""
    return f"admin:{username}"
