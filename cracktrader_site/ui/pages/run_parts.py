"""What the parts of a run's page have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from runs import queries
from runs.models import Run

A_PAGE = 50


def asked_run(request: HttpRequest, run_id: Any) -> Run:
    """Raises RUN_NOT_FOUND, for another's run as for one that never was."""
    return queries.get_run(str(run_id), request.visitor.sees)  # type: ignore[attr-defined]


def may(request: HttpRequest, scope: str) -> bool:
    """Without authentication there are no scopes to lack, as in the API."""
    scopes = request.visitor.scopes  # type: ignore[attr-defined]
    return not settings.AUTH or scope in scopes


def of_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A part asked for by itself, as from a link opened in a tab, is its whole page."""

    @wraps(view)
    def answer(request: HttpRequest, run_id: Any, **named: Any) -> HttpResponse:
        if not request.htmx:  # type: ignore[attr-defined]
            asked = request.GET.urlencode()
            whole = redirect("ui:run", run_id)
            whole["Location"] += f"?{asked}" if asked else ""
            return whole
        return view(request, run_id, **named)

    return answer


def page_number(text: str) -> int:
    """1 for what is none."""
    return max(int(text), 1) if text.isascii() and text.isdigit() and len(text) <= 9 else 1


@dataclass(frozen=True, slots=True)
class Pages:
    """Which of `total` rows are shown: [first, last)."""

    total: int
    number: int
    last_page: int

    @classmethod
    def of(cls, total: int, asked: int) -> Pages:
        last = max(1, -(-total // A_PAGE))
        return cls(total, min(max(asked, 1), last), last)

    @property
    def first(self) -> int:
        return (self.number - 1) * A_PAGE

    @property
    def last(self) -> int:
        return min(self.first + A_PAGE, self.total)

    def __str__(self) -> str:
        return f"{min(self.first + 1, self.total):,} to {self.last:,} of {self.total:,}"

    @property
    def before(self) -> bool:
        return self.number > 1

    @property
    def after(self) -> bool:
        return self.number < self.last_page
