"""The desk's stylesheets: a class means one thing, and is somebody's."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest
from django.conf import settings

BASE = Path(settings.BASE_DIR)
STYLES = BASE / "cracktrader_site" / "ui" / "static" / "ui"
SHARED = "ui.css"
# Of the admin's theme, whose pages nobody here writes.
THEME = "admin.css"

# Classes that stand in no class attribute, by the file that gives them.
DYNAMIC = {
    "cracktrader_site/ui/forms/sweep.py": r"of-(grid|random|tpe)",
    "cracktrader_site/ui/pages/run.py": r"gain-[1-4]|loss-[1-4]",
    "cracktrader_site/ui/snippets.py": r"curl|python|javascript",
    "cracktrader_site/ui/sources.py": r"[kscnfbd]|added|removed|place",
    "cracktrader_site/ui/templatetags/runs.py": r"paper|sandbox",
    "cracktrader_site/ui/templatetags/ui.py": r"good|bad|busy",
}
# What htmx gives an element while it waits.
HTMX = {"htmx-request"}

CLASS = r"\.([a-zA-Z][\w-]*)"
ATTRIBUTE = re.compile(r"""class=\\?"((?:\{%.*?%\}|\{\{.*?\}\}|[^"\\])*)""")
SCRIPTED = re.compile(r"""(?:className = |classList\.\w+\(|\bclass: )[`"]([^`"]*)""")


def selectors(name: str) -> list[str]:
    text = re.sub(r"/\*.*?\*/", "", (STYLES / name).read_text(), flags=re.DOTALL)
    heads = re.findall(r"([^{};]+)\{", text)
    lists = [head.strip() for head in heads if not head.strip().startswith("@")]
    # Commas within :is(…) part no selectors.
    return [one.strip() for head in lists for one in re.split(r",(?![^(]*\))", head)]


def classes(name: str) -> set[str]:
    return {found for selector in selectors(name) for found in re.findall(CLASS, selector)}


def defined(name: str) -> set[str]:
    """Classes that stand alone at a selector's beginning: `.card > p`, and not `.card.live`."""
    first = [re.match(rf"{CLASS}(?=[\s,>+~]|$)", selector) for selector in selectors(name)]
    return {found[1] for found in first if found}


def used() -> set[str]:
    templates = list((BASE / "templates").rglob("*.html"))
    code = [path for app in ("cracktrader_site", "runs") for path in (BASE / app).rglob("*.py")]
    scripts = [*STYLES.glob("*.js"), *(BASE / "runs" / "static").rglob("*.js")]
    found = set()
    for path in templates + code + scripts:
        text = path.read_text()
        for value in ATTRIBUTE.findall(text):
            found |= set(re.sub(r"\{%.*?%\}|\{\{.*?\}\}", " ", value).split())
        if path.suffix == ".js":
            for value in SCRIPTED.findall(text):
                found |= set(value.split())
    return found


ROOMS = sorted(path.name for path in STYLES.glob("*.css") if path.name not in (SHARED, THEME))


@pytest.mark.parametrize("name", [SHARED, *ROOMS])
def test_every_class_of_the_styles_is_somebodys(name: str) -> None:
    given = "|".join(DYNAMIC.values())
    nobodys = {one for one in classes(name) - used() - HTMX if not re.fullmatch(given, one)}
    assert not nobodys


def test_what_is_listed_as_dynamic_is_styled() -> None:
    styled = {one for name in [SHARED, *ROOMS] for one in classes(name)}
    for path, given in DYNAMIC.items():
        assert (BASE / path).is_file()
        assert any(re.fullmatch(given, one) for one in styled), path


def test_a_class_is_defined_in_one_file_only() -> None:
    files = Counter(one for name in [SHARED, *ROOMS] for one in defined(name))
    assert {one for one, count in files.items() if count > 1} == set()
