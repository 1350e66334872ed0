"""`manage.py check --deploy` says what the start would refuse, in the same words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from . import listening, safety


# Not at other times: the kill switch, say, must work whatever is set.
@register(Tags.security, deploy=True)
def unsafe_settings(app_configs: Sequence[AppConfig] | None, **options: Any) -> list[Error]:
    try:
        place = listening.place(settings.HOST)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="cracktrader.E000")]
    return [Error(said, id=f"cracktrader.{name}") for name, said in safety.broken(place)]
