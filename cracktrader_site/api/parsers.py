"""JSON as the contract means it, and nothing that merely resembles it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import UnsupportedMediaType
from rest_framework.parsers import BaseParser

from exchanges.domain import CracktraderError, InvalidInput

MAX_DEPTH = 32
# 2**63 has 19 digits; nothing in the contract needs more.
MAX_DIGITS = 19
LOWEST = -(2**63)


class BodyTooLarge(CracktraderError):
    status = 413


class StrictJsonParser(BaseParser):
    """Refuses NaN, Infinity, overflowing numbers, duplicate keys, lone surrogates,
    NULs and deep nesting: each would pass the stock parser and hurt further in."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        _check_charset(media_type or "")
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise BodyTooLarge("BODY_TOO_LARGE", "The body is too large", max_bytes=limit)
        return loads(body)


def loads(body: bytes) -> Any:
    """Strict parse of a request body.  Raises InvalidInput with a code of its own."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput("INVALID_JSON", f"The body is not UTF-8: byte {error.start}") from None
    if text.startswith("\ufeff"):
        raise InvalidInput("INVALID_JSON", "The body starts with a byte order mark")
    try:
        value = json.loads(
            text,
            parse_float=_finite,
            parse_int=_integer,
            parse_constant=_constant,
            object_pairs_hook=_unique,
        )
    except RecursionError:
        raise InvalidInput(
            "JSON_TOO_DEEP", "The body is nested too deeply", max_depth=MAX_DEPTH
        ) from None
    except ValueError as error:
        raise InvalidInput("INVALID_JSON", f"The body is not JSON: {error}") from None
    _check(value, 0)
    return value


def _check_charset(media_type: str) -> None:
    for part in media_type.split(";")[1:]:
        name, _, value = part.strip().partition("=")
        if name.lower() == "charset" and value.strip('"').lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType(media_type, detail="The body must be UTF-8")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InvalidInput("INVALID_NUMBER", f"{text[:30]} is too large for a number")
    return value


def _integer(text: str) -> int:
    if len(text.lstrip("-")) > MAX_DIGITS:
        raise InvalidInput(
            "INVALID_NUMBER", f"{text[:10]}… has too many digits", max_digits=MAX_DIGITS
        )
    value = int(text)
    if value < LOWEST:
        # No binary format of ours has room for it, nor would JSON writers echo it.
        raise InvalidInput("INVALID_NUMBER", f"{text} is too low a number", minimum=LOWEST)
    return value


def _constant(text: str) -> NoReturn:
    raise InvalidInput("INVALID_NUMBER", f"{text} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                shown = key.encode("ascii", "backslashreplace").decode()[:80]
                raise InvalidInput("DUPLICATE_KEY", f'"{shown}" is given twice')
            seen.add(key)
    return result


def _check(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise InvalidInput("JSON_TOO_DEEP", "The body is nested too deeply", max_depth=MAX_DEPTH)
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            _check_text(key)
            _check(item, depth + 1)
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)


def _check_text(value: str) -> None:
    if value.isascii() and "\x00" not in value:
        return
    if "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise InvalidInput("INVALID_TEXT", "A text holds a lone surrogate or a NUL")
