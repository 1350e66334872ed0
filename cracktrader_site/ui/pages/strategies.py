"""Strategies: what they are, what they hold, and what runs have made of them."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse

from cracktrader_site.ui import checks, sources, usage
from cracktrader_site.ui.visitors import page
from exchanges.domain import InvalidInput
from runs import overview
from strategies import checked, queries, services
from strategies.models import Strategy, StrategyVersion

NEWEST = 20
NAMED = 12
"""Characters of a version's hash that pages show."""


@page("read")
def strategies(request: HttpRequest) -> HttpResponse:
    used = usage.by_strategy(request.visitor.sees)  # type: ignore[attr-defined]
    rows = [
        queries.entry(one) | {"usage": used.get(one.name, usage.Usage()), "check": checks.last(one)}
        for one in queries.strategies()
    ]
    return render(request, "ui/strategies.html", {"strategies": rows, "folder": _folder()})


@page("backtest", methods=("POST",))
def sync(request: HttpRequest) -> HttpResponse:
    """Reads the files again, as `manage.py sync_strategies` does."""
    report = services.sync_for_a_page()
    for name in report.added:
        messages.success(request, f"{name} is new.")
    for name in report.updated:
        messages.success(request, f"{name} has changed; new runs execute the new version.")
    for name in report.removed:
        messages.warning(request, f"{name} is gone.")
    for file, error in report.errors:
        messages.error(request, f"{file} does not load: {error}")
    if not (report.added or report.updated or report.removed or report.errors):
        messages.info(request, "Nothing has changed in the files.")
    return redirect("ui:strategies")


@page("read")
def strategy(request: HttpRequest, name: str) -> HttpResponse:
    found = queries.get_strategy(name)
    versions = queries.history(found)
    shown = _shown(found, versions, request.GET.get("version", ""))
    before = next((v for v in versions if shown and v.pk < shown.pk), None)
    source = queries.source_text(shown)
    sees = request.visitor.sees  # type: ignore[attr-defined]
    counts = usage.by_version(found.name, sees)
    runs = overview.listed(sees).filter(strategy_name=found.name)[:NEWEST]
    hashes = {version.pk: version.source_hash[:NAMED] for version in versions}
    context = {
        "strategy": found,
        "entry": queries.entry(found),
        "parameters": _parameters(found.current),
        "shown": shown,
        "is_current": shown is not None and shown.pk == found.current_id,
        "source": source,
        "lines": sources.lines(source) if source else [],
        "before": before,
        "changes": sources.changes(queries.source_text(before), source) if before else [],
        "versions": [(version, counts.get(version.pk, 0)) for version in versions],
        "run_total": sum(counts.values()),
        "runs": [(run, hashes.get(run.strategy_version_id, "")) for run in runs],
        "folder": _folder(),
        **_check(found),
    }
    return render(request, "ui/strategy.html", context)


@page("read", "backtest", methods=("POST",))
def check(request: HttpRequest, name: str) -> HttpResponse:
    """Made-up candles, default parameters, a few seconds."""
    found = queries.get_strategy(name)
    version = services.get_version(found.name)
    refused = ""
    try:
        checked.keep(version, services.check_on_synthetic(version, {}, services.CHECK_SECONDS))
        found.current = version
    except InvalidInput as error:
        refused = error.message
    if not request.htmx:  # type: ignore[attr-defined]
        if refused:
            messages.error(request, refused)
        return redirect(reverse("ui:strategy", args=[found.name]) + "#check")
    context = {"strategy": found, "refused": refused, **_check(found)}
    return render(request, "ui/parts/strategy_check.html", context)


def _shown(found: Strategy, versions: list[StrategyVersion], asked: str) -> StrategyVersion | None:
    """The version that is asked for by its hash or the beginning of it, else the current one."""
    if not asked:
        return next((v for v in versions if v.pk == found.current_id), None)
    shown = next((v for v in versions if v.source_hash.startswith(asked)), None)
    if shown is None:
        raise Http404
    return shown


def _check(found: Strategy) -> dict[str, Any]:
    report = None
    if found.current is not None:
        found.current.strategy = found
        report = checked.last(found.current)
    findings = [] if report is None else report["findings"]
    return {
        "report": report,
        "findings": [
            finding | {"verdict": checks.VERDICTS.get(finding["kind"], finding["kind"])}
            for finding in findings
        ],
    }


def _parameters(version: StrategyVersion | None) -> list[dict[str, Any]]:
    """Rows of the table: name, type, default, range, help."""
    from strategies.params import parameters

    if version is None:
        return []
    raw = version.params_schema.get("properties", {})
    return [
        {
            "name": name,
            "type": row["type"] + (" or nothing" if row["nullable"] else ""),
            "default": "" if row["required"] else _text(row["default"]),
            "required": row["required"],
            "range": _range(row, raw[name]),
            "help": row["description"],
        }
        for name, row in parameters(version.params_schema).items()
    ]


def _range(row: dict[str, Any], raw: dict[str, Any]) -> str:
    if "enum" in row:
        return ", ".join(_text(value) for value in row["enum"])
    options = [raw, *raw.get("anyOf", [])]
    low, high = row["minimum"], row["maximum"]
    above = any("exclusiveMinimum" in option for option in options)
    below = any("exclusiveMaximum" in option for option in options)
    if low is not None and high is not None and not (above or below):
        return f"{low:,.10g} to {high:,.10g}"
    bounds = []
    if low is not None:
        bounds.append(f"{'above' if above else 'from'} {low:,.10g}")
    if high is not None:
        bounds.append(f"{'below' if below else 'to'} {high:,.10g}")
    return " ".join(bounds)


def _text(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _folder() -> str:
    from django.conf import settings

    return str(settings.STRATEGIES_DIR)


urlpatterns = [
    path("strategies", strategies, name="strategies"),
    path("sync-strategies", sync, name="strategies_sync"),
    path("strategies/<str:name>", strategy, name="strategy"),
    path("strategies/<str:name>/check", check, name="strategy_check"),
]
