"""Pages that stay put while new rows arrive."""

from __future__ import annotations

from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response

from exchanges.domain import InvalidInput


class NewestFirst(CursorPagination):
    """`?limit=` rows a page; `next_cursor` continues where the page ended.

    A view names its rows (`results_key`) and may choose the order
    (`page_ordering(request)`); the primary key breaks ties.
    """

    ordering = "-id"
    cursor_query_param = "cursor"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 500

    def get_page_size(self, request: Any) -> int:
        raw = request.query_params.get(self.page_size_query_param)
        if raw is None:
            return self.page_size
        if not raw.isascii() or not raw.isdigit() or not 1 <= int(raw[:9]) <= self.max_page_size:
            raise InvalidInput(
                "INVALID_VALUE", "limit is out of bounds", minimum=1, maximum=self.max_page_size
            )
        return int(raw)

    def get_ordering(self, request: Any, queryset: Any, view: Any) -> tuple[str, ...]:
        choose = getattr(view, "page_ordering", None)
        return choose(request) if choose else (self.ordering,)

    def decode_cursor(self, request: Any) -> Any:
        try:
            return super().decode_cursor(request)
        except (NotFound, ValueError):
            raise InvalidInput("INVALID_CURSOR", "This cursor is not one of ours") from None

    def paginate_queryset(self, queryset: Any, request: Any, view: Any = None) -> Any:
        self.results_key = getattr(view, "results_key", "results")
        return super().paginate_queryset(queryset, request, view)

    def get_next_cursor(self) -> str | None:
        link = self.get_next_link()
        return None if link is None else _cursor_of(link)

    def get_previous_cursor(self) -> str | None:
        link = self.get_previous_link()
        return None if link is None else _cursor_of(link)

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {
                self.results_key: data,
                "next_cursor": self.get_next_cursor(),
                "previous_cursor": self.get_previous_cursor(),
            }
        )

    def get_paginated_response_schema(self, schema: Any) -> Any:
        cursor = {"type": "string", "nullable": True}
        return {
            "type": "object",
            "required": ["runs", "next_cursor", "previous_cursor"],
            "properties": {"runs": schema, "next_cursor": cursor, "previous_cursor": cursor},
        }


def _cursor_of(link: str) -> str:
    from django.http import QueryDict

    return QueryDict(link.partition("?")[2])["cursor"]
