"""Every address of the desk, as its patterns have it: a new page is tried by itself."""

from __future__ import annotations

import uuid
from typing import Any

from django.urls import URLPattern, reverse
from django.urls.converters import IntConverter, UUIDConverter

# Who is nobody yet needs these.
FOR_EVERYBODY = {"login", "logout", "plotly"}


def address(pattern: URLPattern, **known: Any) -> str:
    """Where the pattern wants a name that is not `known`, of something that does not exist."""
    arguments: dict[str, Any] = {}
    for name, converter in pattern.pattern.converters.items():
        if name in known:
            arguments[name] = known[name]
        elif isinstance(converter, UUIDConverter):
            arguments[name] = uuid.uuid4()
        else:
            arguments[name] = 1 if isinstance(converter, IntConverter) else "nothing"
    return reverse(f"ui:{pattern.name}", kwargs=arguments)
