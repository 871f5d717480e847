"""The house: tests mirror the packages, so that the test of a module is found by the module's name."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sample_data import ROOT

PACKAGES = {"genocc": "", "searchers": "searchers", "exporters": "exporters"}
"""Folder of a package -> folder of its tests, below tests."""


def modules() -> Iterator[tuple[Path, Path]]:
    """Yields each module that has logic, and where its test belongs."""
    for package, mirror in PACKAGES.items():
        for path in sorted((ROOT / package).rglob("*.py")):
            if has_logic(path):
                within = path.relative_to(ROOT / package)
                name = (within.parent.name or package) if within.stem == "__init__" else within.stem
                yield path.relative_to(ROOT), ROOT / "tests" / mirror / within.parent / f"test_{name.strip('_')}.py"


def has_logic(path: Path) -> bool:
    """Whether a module defines a function that does something: tables, protocols and exports do not."""
    functions = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef))
    return any(not isinstance(line, ast.Expr) or isinstance(line.value, ast.Call) for f in functions for line in f.body)


@pytest.mark.parametrize(("module", "test"), [pytest.param(*found, id=str(found[0])) for found in modules()])
def test_every_module_with_logic_has_a_test_of_its_name(module: Path, test: Path) -> None:
    assert test.is_file(), f"{module}: expected {test.relative_to(ROOT)}"


def test_tests_are_in_rooms_that_exist() -> None:
    mirrors = {test.parent for _, test in modules()} | {ROOT / "tests" / "benchmarks"}
    assert {path.parent for path in (ROOT / "tests").rglob("test_*.py")} <= mirrors


def test_the_contracts_name_every_module_of_the_waist() -> None:
    """A module that is new in genocc/ has to be free of torch, or in a room that may import it."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (named,) = (set(contract["source_modules"]) for contract in contracts if contract["type"] == "forbidden")
    waist = {f"genocc.{path.stem}" for path in (ROOT / "genocc").glob("*.py") if not path.stem.startswith("__")}
    assert waist <= named
