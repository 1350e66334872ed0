"""bench/RESULTS.md: one chapter a benchmark, each written by its own."""

from __future__ import annotations

import re
from pathlib import Path

PATH = Path(__file__).parent / "RESULTS.md"


def write(path: Path, title: str, text: str) -> None:
    """Puts the chapter in its place; the others stay as they are."""
    old = path.read_text() if path.exists() else ""
    chapters = {found[1]: found[2].strip() for found in _CHAPTER.finditer(old)}
    chapters[title] = text.strip()
    path.write_text("\n".join(f"# {name}\n\n{body}\n" for name, body in chapters.items()))


_CHAPTER = re.compile(r"^# ([^\n]+)\n(.*?)(?=^# |\Z)", re.MULTILINE | re.DOTALL)
