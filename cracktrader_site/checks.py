"""`manage.py check --deploy` says what the start would refuse, in the same words."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured

from . import listening, safety
from .backups import unfinished

register(unfinished.check)


# Not at other times: the kill switch, say, must work whatever is set.
@register(Tags.security, deploy=True)
def unsafe_settings(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[Error]:
    try:
        place = listening.place(settings.HOST)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="cracktrader.E000")]
    return [Error(said, id=f"cracktrader.{name}") for name, said in safety.broken(place)]


@register(Tags.compatibility, deploy=True)
def machines(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[Warning]:
    """What the first machine on a PostgreSQL does not miss, and the second will."""
    if "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        return []
    told = {
        "W001": "secret_key" if not os.environ.get("CRACKTRADER_SECRET_KEY") else "",
        "W002": "rates" if not settings.RATE_STORE else "",
        "W003": "files" if "FileSystem" in settings.STORAGES["artifacts"]["BACKEND"] else "",
    }
    return [Warning(_ALONE[what], id=f"cracktrader.{id}") for id, what in told.items() if what]


_ALONE = {
    "secret_key": "CRACKTRADER_SECRET_KEY is not set, so that this machine has made its own: "
    "others on this database will be refused.",
    "rates": "REDIS_URL is not set: each machine counts requests for itself, and allows as many "
    "as one alone.",
    "files": "CRACKTRADER_ARTIFACTS=files: other machines find results only where "
    "CRACKTRADER_ARTIFACTS_DIR is a folder that all of them mount.",
}
