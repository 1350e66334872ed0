"""Who may use the API, who did what that matters, and what was answered to whom."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q
from django.utils import timezone


class ApiKeys(models.QuerySet["ApiKey"]):
    def valid(self) -> ApiKeys:
        """Neither revoked nor expired."""
        lasting = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
        return self.filter(lasting, revoked_at=None)


class ApiKey(models.Model):
    """`ct_<prefix>_<secret>` without the secret, of which only the hash is kept."""

    name = models.CharField(
        max_length=64, unique=True, help_text="Letters, digits and . _ - without spaces."
    )
    prefix = models.CharField(
        max_length=16,
        unique=True,
        editable=False,
        help_text="The key's public part; it owns the runs the key starts.",
    )
    digest = models.CharField(
        max_length=64, editable=False, help_text="SHA-256 of the secret part, in hexadecimal."
    )
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ApiKeys.as_manager()

    class Meta:
        ordering = ("name",)
        default_permissions = ("add", "change", "view")
        verbose_name = "API key"

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> str:
        """active, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= timezone.now():
            return "expired"
        return "active"


def _refuse() -> NoReturn:
    raise TypeError("Audit entries are added, never changed or deleted")


class AppendOnly(models.QuerySet["AuditEntry"]):
    def update(self, **fields: Any) -> NoReturn:
        _refuse()

    def delete(self) -> NoReturn:
        _refuse()


class AuditEntry(models.Model):
    """What somebody did.  Rows are added; `audit.record` adds them."""

    at = models.DateTimeField(default=timezone.now, editable=False, db_index=True)
    who = models.CharField(
        max_length=160, help_text="A key's name, admin:<user>, or command: on this machine."
    )
    action = models.CharField(max_length=64)
    target = models.CharField(max_length=200)
    detail = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    objects = AppendOnly.as_manager()

    class Meta:
        ordering = ("-id",)
        default_permissions = ("view",)
        verbose_name_plural = "audit entries"

    def __str__(self) -> str:
        return f"{self.who}: {self.action} {self.target}"

    def save(self, *args: Any, **options: Any) -> None:
        if not self._state.adding:
            _refuse()
        # A row with the key of another must not become its update.
        super().save(*args, **{**options, "force_insert": True})

    def delete(self, *args: Any, **options: Any) -> NoReturn:
        _refuse()


class KeptReply(models.Model):
    """What a request with an Idempotency-Key was answered; `idempotency.once` keeps it."""

    caller = models.CharField(
        max_length=160, blank=True, help_text="`Caller.counted_as`; empty without authentication."
    )
    key = models.CharField(max_length=255)
    asked = models.CharField(max_length=64, help_text="Fingerprint of path and body.")
    attempt = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(default=timezone.now, db_index=True)
    claimed_at = models.DateTimeField(default=timezone.now)
    reply = models.TextField(blank=True, help_text="JSON; empty while it is being answered.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["caller", "key"], name="one_reply_a_callers_key")
        ]
        default_permissions = ()
        verbose_name_plural = "kept replies"

    def __str__(self) -> str:
        return self.key
