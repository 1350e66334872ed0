"""Asks advisory databases about every installed package; fails where one has a known hole.

What could not be asked about (no network, a mirror without advisories, packages
the database does not know) is counted and named, and fails nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SECONDS = 180


@dataclass
class Findings:
    """`holes`: package and advisory; `unknown`: what was not audited."""

    audited: int = 0
    holes: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def lines(self, what: str) -> list[str]:
        said = [f"{what}: {self.audited} packages audited, {len(self.holes)} known holes"]
        said += [f"  {hole}" for hole in self.holes]
        if self.unknown:
            said.append(f"{what}: {len(self.unknown)} not audited: {', '.join(self.unknown)}")
        return said


def of_pip_audit(output: str) -> Findings:
    """From `pip-audit --format json`, whose output is empty where it could not ask at all."""
    try:
        packages = json.loads(output)["dependencies"]
    except (ValueError, KeyError):
        return Findings(unknown=["all Python packages"])
    found = Findings()
    for package in packages:
        if "skip_reason" in package:
            found.unknown.append(package["name"])
            continue
        found.audited += 1
        for hole in package["vulns"]:
            fixed = ", ".join(hole["fix_versions"]) or "no version yet"
            found.holes.append(
                f"{package['name']} {package['version']}: {hole['id']}, fixed in {fixed}"
            )
    return found


def of_npm_audit(output: str) -> Findings:
    """From `npm audit --json`, which answers with a message where it could not ask."""
    try:
        report = json.loads(output)
        total, packages = report["metadata"]["dependencies"]["total"], report["vulnerabilities"]
    except (ValueError, KeyError):
        return Findings(unknown=["all npm packages"])
    holes = [f"{name}: {package['severity']}" for name, package in sorted(packages.items())]
    return Findings(audited=total, holes=holes)


def main() -> int:
    asked = [("pip-audit", of_pip_audit(_said([_tool("pip-audit"), *_PIP_AUDIT], ROOT)))]
    package = ROOT / "sdk" / "js"
    if (package / "package-lock.json").exists():
        asked.append(("npm audit", of_npm_audit(_said([_tool("npm"), "audit", "--json"], package))))
    for what, found in asked:
        sys.stdout.write("\n".join(found.lines(what)) + "\n")
    return 1 if any(found.holes for _, found in asked) else 0


_PIP_AUDIT = ("--format", "json", "--progress-spinner", "off", "--desc", "off")


def _tool(name: str) -> str:
    """The one that is installed beside this Python."""
    return str(Path(sys.executable).parent / name)


def _said(command: Sequence[str], where: Path) -> str:
    try:
        done = subprocess.run(
            command, cwd=where, env=_environment(), capture_output=True, text=True, timeout=SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _environment() -> Mapping[str, str]:
    """npm looks for node beside itself."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path}


if __name__ == "__main__":
    sys.exit(main())
