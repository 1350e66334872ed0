"""A sweep's trials as a table: sorted by a figure, fifty at a time."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.http import urlencode

from runs.models import Run, Sweep, Trial
from runs.sweeps import ordering, queries

from . import sweep_sheet
from .run_parts import Pages, may, page_number

COLUMNS = {
    "total_return": "Return",
    "sharpe_ratio": "Sharpe",
    "max_drawdown": "Max drawdown",
    "trade_count": "Trades",
}
"""Figures that every trial has as a column; sorted by, the highest come first."""

OUTCOMES = {"": "With a result", "failed": "Failed", "all": "All"}
_FAILED = {"": False, "failed": True, "all": None}
_PREFIX = "t-"


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the trials is wanted; `sort`: of `queries.trials`, empty: the best first."""

    sort: str = ""
    outcome: str = ""
    segment: int | None = None
    variation: int | None = None
    page: int = 1

    @classmethod
    def of(cls, request: HttpRequest, sweep: Sweep) -> Asked:
        """Whatever the address says that means nothing is left out."""
        said = {name: request.GET.get(f"{_PREFIX}{name}", "") for name in _NAMES}
        sort = said["sort"] if said["sort"] in ordering.valid(sweep) else ""
        windows, variations = len(sweep.config["windows"]), len(sweep.config["variations"])
        return cls(
            sort,
            said["outcome"] if said["outcome"] in OUTCOMES else "",
            _below(said["segment"], windows),
            _below(said["variation"], variations),
            page_number(said["page"]),
        )

    def query(self) -> str:
        """As the address says it; what needs no saying is left out."""
        said = {f"{_PREFIX}{name}": getattr(self, name) for name in _NAMES}
        default = Asked()
        kept = {n: v for n, v in said.items() if v != getattr(default, n.removeprefix(_PREFIX))}
        return f"?{urlencode(kept)}" if kept else ""


_NAMES = ("sort", "outcome", "segment", "variation", "page")


def context(request: HttpRequest, sweep: Sweep) -> dict[str, Any]:
    """For templates/ui/parts/sweep_trials.html."""
    asked = Asked.of(request, sweep)
    # What learnt nothing of itself sorts by an index: the segment is named where there is one.
    segment = asked.segment if sweep.config["windows"] else 0
    found = queries.trials(
        sweep, asked.sort, segment, asked.variation, _FAILED[asked.outcome]
    ).defer("metrics")
    pages = Pages.of(_count(sweep, asked, found), asked.page)
    asked = replace(asked, page=pages.number)
    part = reverse("ui:sweep_trials", args=[sweep.public_id])
    columns = [name for name in COLUMNS if name != sweep.objective]
    names = list(sweep.space)
    windows = list(enumerate(sweep_sheet.window_names(sweep)))
    variations = list(enumerate(sweep_sheet.variation_names(sweep)))
    shown = _rows_of(found, pages)
    return {
        "sweep": sweep,
        "asked": asked,
        "total": sweep.trials_done,
        "pages": pages,
        "rows": [
            _row(sweep, trial, names, columns)
            | {
                "window": windows[trial.segment][1] if windows else "",
                "variation": variations[trial.variation][1],
            }
            for trial in shown
        ],
        "params": [_param_heading(name, asked, sweep) for name in names],
        "number_heading": _heading("number", "#", asked, sweep),
        "headings": [
            _heading("objective", sweep_sheet.label_of(sweep.objective), asked, sweep),
            *(_heading(name, COLUMNS[name], asked, sweep) for name in columns),
        ],
        "outcomes": OUTCOMES.items(),
        "trial_windows": windows,
        "variations": variations,
        "part": part,
        "page": sweep_sheet.address(sweep),
        "query": asked.query(),
        "earlier": replace(asked, page=pages.number - 1).query() if pages.before else "",
        "later": replace(asked, page=pages.number + 1).query() if pages.after else "",
        "may_start": may(request, Run.Mode.BACKTEST.value),
        "may_paper": may(request, Run.Mode.PAPER.value),
        "follows": sweep.is_active and pages.number == 1,
        "best": (sweep.best or {}).get("number"),
        "key": uuid.uuid4(),
    }


def _rows_of(found: QuerySet[Trial], pages: Pages) -> list[Trial]:
    """Counted from the end that is nearer: the database walks over all that is before."""
    if pages.first <= pages.total // 2:
        return list(found[pages.first : pages.last])
    return list(found.reverse()[pages.total - pages.last : pages.total - pages.first])[::-1]


def _count(sweep: Sweep, asked: Asked, found: QuerySet[Trial]) -> int:
    """Known without a look, unless it is of a part of them."""
    if asked.segment is None and asked.variation is None:
        failed = sweep.trials_failed
        return {"": sweep.trials_done - failed, "failed": failed}.get(
            asked.outcome, sweep.trials_done
        )
    return int(found.order_by().count())


def _row(sweep: Sweep, trial: Trial, names: list[str], columns: list[str]) -> dict[str, Any]:
    figures = [sweep_sheet.text_of(sweep.objective, trial.objective)]
    figures += [
        sweep_sheet.text_of("total_trades" if n == "trade_count" else n, getattr(trial, n))
        for n in columns
    ]
    return {
        "trial": trial,
        "params": [sweep_sheet.value_text(n, trial.params.get(n)) for n in names],
        "figures": figures,
    }


def _heading(name: str, label: str, asked: Asked, sweep: Sweep) -> dict[str, str]:
    now = asked.sort or ("-objective" if sweep.maximize else "objective")
    is_sorted = now.removeprefix("-") == name
    falls = now.startswith("-")
    # Of figures one wants the highest first, of numbers and parameters the lowest.
    rises = name == "number" or name.startswith(ordering.PARAM)
    descending = not falls if is_sorted else not rises
    sort = f"-{name}" if descending else name
    return {
        "name": name.replace(":", "-"),
        "label": label,
        "order": ("descending" if falls else "ascending") if is_sorted else "",
        "query": replace(asked, sort=sort, page=1).query(),
    }


def _param_heading(name: str, asked: Asked, sweep: Sweep) -> dict[str, str]:
    """Without a link for a choice of what are no numbers."""
    by = ordering.PARAM + name
    found = _heading(by, name, asked, sweep)
    return found if by in ordering.valid(sweep) else {"label": name}


def _below(text: str, count: int) -> int | None:
    known = text.isascii() and text.isdigit() and len(text) <= 6
    return int(text) if known and int(text) < count else None
