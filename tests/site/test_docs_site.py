"""The documents as a site: whole, strict, and of this machine alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from docs.outside import OUTSIDE
from tests.ui.browser import launched, visit

ROOT = Path(__file__).resolve().parents[2]
OF_MATERIAL = {"assets", "search"}


def build(root: Path, site: Path) -> subprocess.CompletedProcess[str]:
    """What `make check` does."""
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)],
        cwd=root,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = tmp_path_factory.mktemp("site")
    done = build(ROOT, where)
    assert done.returncode == 0, done.stderr
    assert {line.partition(" ")[0] for line in done.stderr.splitlines()} == {"INFO"}
    assert done.stdout == ""
    return where


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what the site is made of, to be spoilt."""
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    shutil.copy(ROOT / "mkdocs.yml", tmp_path)
    for path in OUTSIDE:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, tmp_path / path)
    return tmp_path


def add(checkout: Path, page: str, text: str) -> None:
    with (checkout / page).open("a") as file:
        file.write(f"\n\n{text}\n")


# --- what is wrong fails ---------------------------------------------------------------------

SPOILS: dict[str, Callable[[Path], None]] = {
    "'nowhere.md'": lambda root: add(root, "docs/api.md", "[There](nowhere.md)."),
    "'#nothing'": lambda root: add(root, "docs/api.md", "[There](#nothing)."),
    "'live.md#nothing'": lambda root: add(root, "docs/api.md", "[There](live.md#nothing)."),
    "'images/none.png'": lambda root: add(root, "docs/api.md", "![There](images/none.png)"),
    "'/api.md'": lambda root: add(root, "docs/live.md", "[There](/api.md)."),
    "'../manage.py'": lambda root: add(root, "docs/api.md", "[There](../manage.py)."),
    "'contributing.md#none'": lambda root: add(
        root, "docs/api.md", "[There](../CONTRIBUTING.md#none)."
    ),
    "forgotten.md": lambda root: add(root, "docs/forgotten.md", "# Forgotten"),
    "'gone.md'": lambda root: add(root, "mkdocs.yml", "  - Gone: gone.md"),
}


def test_all_that_leads_nowhere_or_is_forgotten_is_named(checkout):
    for spoil in SPOILS.values():
        spoil(checkout)
    done = build(checkout, checkout / "site")
    assert done.returncode == 1
    assert done.stderr.count("WARNING") >= len(SPOILS)
    assert [named for named in SPOILS if named not in done.stderr] == []


@pytest.mark.long
@pytest.mark.parametrize("named", SPOILS)
def test_what_leads_nowhere_or_is_forgotten_fails_by_itself(checkout, named):
    SPOILS[named](checkout)
    done = build(checkout, checkout / "site")
    assert done.returncode == 1
    assert "WARNING" in done.stderr
    assert named in done.stderr


# --- what is built ---------------------------------------------------------------------------


class Assets(HTMLParser):
    """Addresses that a browser fetches without being asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "data", "poster", "action", "background") or (
                name == "href" and tag in ("link", "base", "use", "image")
            ):
                self.found.append(value or "")
            elif name == "srcset":
                self.found += [part.split()[0] for part in (value or "").split(",")]


def test_no_page_asks_for_anything_off_the_machine(site):
    pages = sorted(site.glob("**/*.html"))
    assert len(pages) > 20
    seen = 0
    for page in pages:
        parser = Assets()
        parser.feed(page.read_text())
        seen += len(parser.found)
        for address in parser.found:
            assert not re.match(r"(?i)([a-z]+:)?//", address), f"{page.name}: {address}"
    assert seen > 100
    for sheet in site.glob("**/*.css"):
        addresses = re.findall(r"(?:url\(|@import)\s*['\"]?([^'\")\s;]+)", sheet.read_text())
        assert [a for a in addresses if re.match(r"(?i)([a-z]+:)?//|http", a)] == []


def test_nothing_but_pages_and_pictures_is_published(site):
    ours = {
        file.suffix
        for file in site.glob("**/*")
        if file.is_file() and file.relative_to(site).parts[0] not in OF_MATERIAL
    }
    assert ours <= {".html", ".css", ".png", ".svg", ".xml", ".gz"}


def test_lists_and_tables_are_such_in_the_site_too(site):
    """GitHub begins one in the midst of a paragraph; mkdocs wants a blank line before it."""
    for page in site.glob("*.html"):
        for text in re.findall(r"<p>(.*?)</p>", page.read_text(), re.DOTALL):
            assert not re.search(r"^(- |\* |1\. |\||#+ )", text, re.MULTILINE), (page.name, text)


def test_nothing_that_was_written_is_taken_for_a_tag():
    """As `<home>` is, outside of code: it would not be seen."""
    unknown = re.compile(r"</?(?!picture\b|source\b|img\b|a\b|https?:)[a-z][\w.-]*[ >]")
    for source in (*(ROOT / "docs").glob("*.md"), *(ROOT / path for path in OUTSIDE)):
        if source.suffix == ".md":
            text = re.sub(r"(`+).+?\1", "", source.read_text(), flags=re.DOTALL)
            assert unknown.findall(text) == [], source.name


def test_pages_from_outside_lead_where_they_do_in_the_repository(site):
    api = (site / "api.html").read_text()
    assert 'href="python.html"' in api
    assert 'href="javascript.html"' in api
    assert 'href="contributing.html#add-a-strategy"' in (site / "strategies.html").read_text()


# --- in a browser ----------------------------------------------------------------------------


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def address(site: Path) -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.browser
def test_every_page_opens_and_is_found_without_leaving_the_machine(site, address):
    with launched() as chrome:
        reader = visit(chrome, address)
        for file in sorted(site.glob("*.html")):
            reader.open(f"/{file.name}")
        page = reader.open("/index.html")
        page.get_by_placeholder("Search").press_sequentially("kill switch")
        page.locator(".md-search-result__link", has_text="Kill switch").first.click()
        page.wait_for_url("**/operations.html*")
    reader.check()
