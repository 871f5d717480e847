"""What is installed: the wheel has every file of the package, and works where no checkout is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from genocc.version import __version__
from tests.sample_data import ROOT

PACKAGES = {"genocc": "genocc", "searchers": "genocc/searchers", "exporters": "genocc/exporters"}
"""Folder -> where the wheel has it."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of what is committed or about to be."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir"]
    source = folder / "source"
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run([*command, str(folder), str(source)], check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.mark.full
def test_every_file_of_the_package_is_in_it(wheel: Path) -> None:
    expected = {
        f"{place}/{path.relative_to(ROOT / folder)}"
        for folder, place in PACKAGES.items()
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    found = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert found == expected
    assert wheel.name == f"genocc-{__version__}-py3-none-any.whl"


@pytest.mark.full
def test_it_works_outside_a_checkout(wheel: Path, tmp_path: Path) -> None:
    """From a net to a verified ONNX file; the long searches are left out."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    for arguments in (
        ("--version",),
        ("zoo", "list"),
        ("methods",),
        (
            "compile",
            "zoo:snas",
            "--to",
            "onnx",
            "-o",
            "a.onnx",
            "--channels",
            "4",
            "--layers",
            "2",
            "--input-size",
            "8",
        ),
        ("verify", "a.onnx"),
        ("search", "--data", "fake", "--epochs", "1", "--out", "s", "--set", "supernet.channels=4"),
        ("report", "s", "-o", "s.html"),
        ("count", "s", "--json"),
    ):
        code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); from genocc.__main__ import main; main()"
        done = subprocess.run(
            [sys.executable, "-P", "-c", code, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (arguments, done.stderr)
    assert json.loads(done.stdout)["parameters"] > 0


def test_the_pythons_of_the_classifiers_are_those_that_are_looked_for() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = re.findall(r"Python :: (3\.\d+)", text)
    least, most = (f"3.{minor}" for minor in (named[0].split(".")[1], named[-1].split(".")[1]))
    script = (ROOT / ".ci" / "find-python").read_text(encoding="utf-8")
    assert re.findall(r"python(3\.\d+)", script) == named[::-1]
    assert f"({least.replace('.', ', ')}) <= sys.version_info[:2] <= ({most.replace('.', ', ')})" in script
    assert f'requires-python = ">={least}"' in text
    assert f"Python {least} to {most}" in (ROOT / "README.md").read_text(encoding="utf-8")
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    assert re.findall(r'"(3\.\d+)"', workflow.partition("include:")[0]) == named


def test_the_workflow_makes_what_there_is_to_make() -> None:
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8")
    targets = {name for found in re.findall(r"targets: \[?([a-z ]+)", workflow) for name in found.split()}
    assert targets == {"test", "lint", "types", "demo"}
    assert targets <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
