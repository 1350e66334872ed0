"""Logins to the admin: counted by django-axes, told to the audit trail."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.signals import user_locked_out
from django.conf import settings
from django.contrib.admin import site
from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractBaseUser
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Max, Sum
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone

from .addresses import UNKNOWN, client_address, counted_address
from .api import audit
from .api.errors import envelope

logger = logging.getLogger(__name__)

_TITLE = "Too many failed logins"

_at_work: ContextVar[HttpRequest | None] = ContextVar("at_work", default=None)


class AtWork:
    """Remembers the request that is being answered, for what is told deep inside a model."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        token = _at_work.set(request)
        try:
            return self.get_response(request)
        finally:
            _at_work.reset(token)


class LoginLimits(AxesDatabaseHandler):
    """So many failures for a name from an address, and more for an address whatever the names.

    Nobody elsewhere can lock a user out: what others failed at is others'.
    """

    def get_failures(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> int:
        """As many as CRACKTRADER_LOGIN_FAILURES or more where the login is locked."""
        of_name, of_address = (
            attempts.aggregate(total=Sum("failures_since_start"))["total"] or 0
            for attempts in self.get_user_attempts(request, credentials)
        )
        if of_address >= settings.LOGIN_FAILURES_ADDRESS:
            return max(of_name, settings.AXES_FAILURE_LIMIT)
        return int(of_name)


class PasswordsTold:
    """A password validator that refuses none, and tells of each that was set."""

    def validate(self, password: str, user: AbstractBaseUser | None = None) -> None:
        return

    def password_changed(self, password: str, user: AbstractBaseUser | None = None) -> None:
        if user is not None:
            audit.record(_who(), "password.set", user.get_username())

    def get_help_text(self) -> str:
        return ""


def address(request: HttpRequest) -> str | None:
    """Whom failures are counted for: an IPv4 address, or the first one of an IPv6 /64."""
    counted = counted_address(request).partition("/")[0]
    return None if counted == UNKNOWN else counted


def locked_out(
    request: HttpRequest, response: HttpResponse | None, credentials: dict[str, Any] | None
) -> HttpResponse:
    """429 with Retry-After, as a page or, for who wants that, as JSON."""
    seconds = _seconds_left(request, credentials)
    if request.accepts("text/html"):
        context = {"title": _TITLE, "minutes": -(-seconds // 60)}
        if request.path_info.startswith("/admin/"):
            template, context = "admin/locked_out.html", site.each_context(request) | context
        else:
            template = "ui/locked_out.html"
        answer = render(request, template, context, status=429)
    else:
        details = {"retry_after_seconds": seconds}
        said = envelope("RATE_LIMITED", "Too many failed logins", details)
        answer = JsonResponse(said, status=429)
    answer["Retry-After"] = str(seconds)
    return answer


def _seconds_left(request: HttpRequest, credentials: dict[str, Any] | None) -> int:
    """Until all the failures that count are forgotten."""
    by_name, by_address = LoginLimits().get_user_attempts(request, credentials)
    newest = [found.aggregate(at=Max("attempt_time"))["at"] for found in (by_name, by_address)]
    cool_off: timedelta = settings.AXES_COOLOFF_TIME
    ends = max((at for at in newest if at is not None), default=timezone.now()) + cool_off
    return max(1, round((ends - timezone.now()).total_seconds()))


# --- the audit trail -------------------------------------------------------------------------


@receiver(user_logged_in)
def _on_login(
    sender: Any, request: HttpRequest | None, user: AbstractBaseUser, **more: Any
) -> None:
    audit.record(audit.admin(user.get_username()), "login", user.get_username(), **_from(request))


@receiver(user_logged_out)
def _on_logout(
    sender: Any, request: HttpRequest | None, user: AbstractBaseUser | None, **more: Any
) -> None:
    if user is not None:
        name = user.get_username()
        audit.record(audit.admin(name), "logout", name, **_from(request))


@receiver(user_login_failed)
def _on_failure(
    sender: Any, credentials: dict[str, Any], request: HttpRequest | None = None, **more: Any
) -> None:
    if getattr(request, "axes_locked_out", False):
        # Told once, when the lock fell.
        return
    logger.warning("A login failed from %s", _from(request).get("address", UNKNOWN))
    name = _known(credentials.get("username"))
    audit.record(audit.NOBODY, "login.failed", name, **_from(request))


@receiver(user_locked_out)
def _on_lock(
    sender: Any, request: HttpRequest, username: str | None, ip_address: str | None, **more: Any
) -> None:
    if request.axes_failures_since_start is None:
        # Tried again while locked.
        return
    logger.warning("Logins from %s are locked for a while", ip_address)
    audit.record(audit.NOBODY, "login.locked", _known(username), address=ip_address)


def _who() -> str:
    request = _at_work.get()
    if request is None:
        return audit.COMMAND
    user = request.user
    return audit.admin(user.get_username()) if user.is_authenticated else audit.NOBODY


def _known(username: str | None) -> str:
    """The name, where there is such a user: people type passwords there, too."""
    users = get_user_model()
    if username and users.objects.filter(**{users.USERNAME_FIELD: username}).exists():
        return username
    return "(unknown)"


def _from(request: HttpRequest | None) -> dict[str, str]:
    return {} if request is None else {"address": client_address(request)}
