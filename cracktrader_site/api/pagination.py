"""Pages that stay put while new rows arrive."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from typing import Any

import orjson
from django.db.models import Model, Q, QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response

from exchanges.domain import InvalidInput

MAX_CURSOR = 200
MAX_ID = 2**63 - 1


class Keyset(BasePagination):
    """`?limit=` rows a page; `next_cursor` continues after the page's last row.

    A cursor holds that row's place in the order, not a count of rows, so no
    row is shown twice or left out when others come or go.  The view names its
    rows (`results_key`) and their order (`page_ordering(request)`), whose last
    field is the primary key, or a whole number that is different in each; and,
    if a page may be longer, `most_rows`.
    """

    page_size = 50
    max_page_size = 500

    def paginate_queryset(
        self, queryset: QuerySet[Any], request: Request, view: Any = None
    ) -> list[Any]:
        self.results_key = view.results_key
        ordering = view.page_ordering(request)
        limit = self._limit(request, getattr(view, "most_rows", self.max_page_size))
        cursor = request.query_params.get("cursor")
        if cursor is not None:
            queryset = queryset.filter(_after(ordering, _decode(cursor, ordering)))
        rows = list(queryset.order_by(*ordering)[: limit + 1])
        more = len(rows) > limit
        self.next_cursor = _encode(rows[limit - 1], ordering) if more else None
        return rows[:limit]

    def get_paginated_response(self, data: Any) -> Response:
        return Response({self.results_key: data, "next_cursor": self.next_cursor})

    def _limit(self, request: Request, most: int) -> int:
        raw = request.query_params.get("limit", str(self.page_size))
        digits = len(raw) <= len(str(most)) and raw.isascii() and raw.isdigit()
        if not digits or not 1 <= int(raw) <= most:
            raise InvalidInput("INVALID_VALUE", "limit is out of bounds", minimum=1, maximum=most)
        return int(raw)


def _encode(row: Model, ordering: Sequence[str]) -> str:
    place = [getattr(row, field.lstrip("-")) for field in ordering]
    return base64.urlsafe_b64encode(orjson.dumps([*ordering, *place])).decode().rstrip("=")


def _decode(cursor: str, ordering: Sequence[str]) -> list[float]:
    """The place a cursor stands for; it must be of this same order."""
    try:
        if len(cursor) > MAX_CURSOR:
            raise ValueError
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        values = orjson.loads(base64.b64decode(padded, b"-_", validate=True))
    except ValueError:
        values = None
    width = len(ordering)
    if not isinstance(values, list) or values[:width] != list(ordering):
        raise InvalidInput("INVALID_CURSOR", "This cursor is not one of this list in this order")
    place = values[width:]
    if len(place) != width or not all(map(_is_number, place)) or not _is_id(place[-1]):
        raise InvalidInput("INVALID_CURSOR", "This cursor is not one of ours")
    return place


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_id(value: Any) -> bool:
    return isinstance(value, int) and 0 <= value <= MAX_ID


def _after(ordering: Sequence[str], place: Sequence[float]) -> Q:
    """Rows that come later: beyond in the first field, or equal there and beyond in the next."""
    later, equal = Q(), Q()
    for field, value in zip(ordering, place, strict=True):
        name = field.lstrip("-")
        beyond = "lt" if field.startswith("-") else "gt"
        later |= equal & Q(**{f"{name}__{beyond}": value})
        equal &= Q(**{name: value})
    return later
