"""Reads of strategies, ready for the API and the commands."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from exchanges.domain import NotFound

from .models import Strategy, StrategyVersion


def strategies() -> QuerySet[Strategy]:
    """Those a run may ask for, and files that are in trouble; without source texts."""
    shown = Strategy.objects.filter(available=True) | Strategy.objects.exclude(error="")
    return shown.select_related("current").defer("current__source")


def available_names() -> list[str]:
    usable = Strategy.objects.filter(available=True, current__isnull=False)
    return list(usable.values_list("name", flat=True))


def listing() -> list[dict[str, Any]]:
    return [entry(strategy) for strategy in strategies()]


def get_strategy(name: str) -> Strategy:
    """With its current version.  Raises STRATEGY_NOT_FOUND with those there are."""
    known = name.isprintable() and len(name) <= 120
    strategy = (
        Strategy.objects.select_related("current").filter(name=name).first() if known else None
    )
    if strategy is None:
        raise NotFound(
            "STRATEGY_NOT_FOUND",
            f"there is no strategy {name[:100]!r}",
            available_strategies=available_names(),
        )
    return strategy


def history(strategy: Strategy) -> list[StrategyVersion]:
    """Its versions without their source texts, newest first."""
    return list(strategy.versions.defer("source", "params_schema", "defaults"))


def source_text(version: StrategyVersion | None) -> str:
    """What a version of `history` holds; nothing where there is none."""
    return "" if version is None else version.source


def detail(name: str) -> dict[str, Any]:
    """One strategy with its versions, newest first.  Raises STRATEGY_NOT_FOUND."""
    strategy = get_strategy(name)
    versions = strategy.versions.values("source_hash", "created_at")
    source = strategy.current.source if strategy.current else ""
    return entry(strategy) | {
        "file": strategy.file,
        "source": source,
        "versions": [
            {"version": v["source_hash"], "created_at": v["created_at"]} for v in versions
        ],
    }


def entry(strategy: Strategy) -> dict[str, Any]:
    from .params import parameters

    version = strategy.current
    return {
        "name": strategy.name,
        "description": strategy.description,
        "kind": strategy.kind,
        "origin": strategy.origin,
        "parameters": parameters(version.params_schema) if version else {},
        "params_schema": version.params_schema if version else {},
        "defaults": version.defaults if version else {},
        "version": version.source_hash if version else None,
        "available": strategy.usable,
        "error": strategy.error or None,
    }
