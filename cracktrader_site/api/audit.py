"""The one way into the audit trail."""

from __future__ import annotations

from typing import Any

from .models import AuditEntry

COMMAND = "command"
API = "api"
"""Callers of the API while authentication is off."""
NOBODY = "admin"
"""Those who did not get in to the admin."""
DESK = "desk"
"""What the desk did by itself."""
OWN = frozenset({COMMAND, API, NOBODY, DESK})
"""Every `who` that names neither a key nor a user; no key is named so."""


def record(who: str, action: str, target: str, /, **detail: Any) -> None:
    """Adds an entry within the caller's transaction.  `detail` never holds a secret.

    `who`: a key's name, `admin:<user>` or one of OWN; `action`: as `key.created`.
    """
    AuditEntry.objects.create(who=who[:160], action=action[:64], target=target[:200], detail=detail)


def admin(username: str) -> str:
    """`who` of somebody at work in the admin; no key can be named so."""
    return f"admin:{username}"
