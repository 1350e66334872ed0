"""The house as it is described is the house as it stands."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
APPS = ("cracktrader_site", "exchanges", "strategies", "runs")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
CONTRACTS = {
    contract["name"]: contract
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"][
        "contracts"
    ]
}
OF_DJANGO = {"management", "migrations"}


def packages(app: str) -> set[str]:
    return {path.parent.name for path in (ROOT / app).glob("*/__init__.py")} - OF_DJANGO


@pytest.mark.parametrize("app", APPS)
def test_every_package_has_its_place_in_the_table_of_the_house(app: str) -> None:
    (row,) = re.findall(rf"^\| `{app}/` \| (.+) \|$", ARCHITECTURE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)/`", row)) == packages(app)


def test_what_strategies_may_not_see_is_all_of_exchanges_but_the_domain_and_two_helpers() -> None:
    modules = {path.stem for path in (ROOT / "exchanges").glob("[!_]*.py")} | packages("exchanges")
    contract = CONTRACTS["Of exchanges, strategies see the domain only"]
    forbidden = {name.removeprefix("exchanges.") for name in contract["forbidden_modules"]}
    assert modules - forbidden == {"apps", "domain", "idempotency", "places"}


@pytest.mark.parametrize("name", CONTRACTS)
def test_every_module_that_a_contract_names_is_there(name: str) -> None:
    contract = CONTRACTS[name]
    named = {*contract.get("source_modules", ()), *contract.get("forbidden_modules", ())}
    gone = []
    for module in sorted(named):
        path = ROOT / module.replace(".", "/")
        is_ours = path.parts[len(ROOT.parts)] in APPS
        if is_ours and not (path.is_dir() or path.with_suffix(".py").is_file()):
            gone.append(module)
    assert not gone
