"""A hook of mkdocs: pages that live beside what they describe are pages of the site too."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

OUTSIDE = {
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "bench/RESULTS.md": "speed.md",
    "runs/static/runs/favicon.svg": "images/favicon.svg",
    "sdk/js/README.md": "javascript.md",
    "sdk/python/README.md": "python.md",
}
"""Paths in the repository, and in the site."""

_INSIDE = {site: repository for repository, site in OUTSIDE.items()}
_TARGET = re.compile(r"(?<=\]\()[^)#\s:]+(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    root = Path(config.config_file_path).parent
    for repository, site in OUTSIDE.items():
        files.append(File.generated(config, site, abs_src_path=str(root / repository)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links are written for the repository; between the two worlds they are led on."""
    here = page.file.src_uri
    folder = posixpath.dirname(_INSIDE.get(here, f"docs/{here}"))

    def led(match: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(folder, match[0]))
        site = OUTSIDE.get(target) or target.removeprefix("docs/")
        if site == target:
            return match[0]
        return posixpath.relpath(site, posixpath.dirname(here) or ".")

    return _TARGET.sub(led, markdown)
