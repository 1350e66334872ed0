"""Filters of the run list whose choices cost one small query, whatever the number of runs."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest

from exchanges.models import Exchange
from runs.models import Run
from strategies.models import Strategy


class StrategyFilter(admin.SimpleListFilter):
    title = "strategy"
    parameter_name = "strategy"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        used = Strategy.objects.filter(Exists(Run.objects.filter(strategy_name=OuterRef("name"))))
        return [(name, name) for name in used.values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(strategy_name=self.value()) if self.value() else queryset


class ExchangeFilter(admin.SimpleListFilter):
    title = "exchange"
    parameter_name = "exchange"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        used = Exchange.objects.filter(Exists(Run.objects.filter(exchange=OuterRef("pk"))))
        return [(name, name) for name in used.values_list("name", flat=True)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        return queryset.filter(exchange__name=self.value()) if self.value() else queryset


class BarsFilter(admin.SimpleListFilter):
    """Paper runs whose bars come late, or no longer."""

    title = "bars"
    parameter_name = "bars"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("late", "some were late"), ("stale", "none are coming")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Run]) -> QuerySet[Run]:
        if self.value() == "late":
            return queryset.filter(mode__in=(Run.Mode.PAPER, Run.Mode.LIVE), late_bars__gt=0)
        if self.value() == "stale":
            stale = Run.feeds.through.objects.filter(
                run=OuterRef("pk"), feed__stale_since__isnull=False
            )
            return queryset.filter(Exists(stale), status__in=Run.ACTIVE)
        return queryset
