"""What each extra adds to `pip install genocc`: packages, and megabytes to download, as a table in Markdown.

    python benchmarks/extras.py                 # all extras
    python benchmarks/extras.py wandb mlflow

pip resolves the requirements of pyproject.toml into a bare environment without installing anything (``--dry-run
--ignore-installed``), once without and once with each extra. Sizes are those of the files that it would download;
installed, packages take several times as much. They depend on the system and on the indexes that pip is configured
to ask.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

import typer

PYPROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def main(extras: Annotated[list[str] | None, typer.Argument(help="Which; all if not given.")] = None) -> None:
    """Prints the table."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    base = resolved(project["dependencies"])
    found = {}
    for extra in extras or sorted(optional):
        print(f"{extra} ...", file=sys.stderr)
        found[extra] = resolved([*project["dependencies"], *requirements(extra, optional)])
    print(table(base, found))
    version = ".".join(map(str, sys.version_info[:2]))
    print(f"\n{datetime.now(UTC):%Y-%m-%d}, Python {version}, {sys.platform}: `python benchmarks/extras.py`.")


def requirements(extra: str, optional: Mapping[str, Sequence[str]]) -> list[str]:
    """Returns the requirements of an extra, those of other extras that it names included."""
    found: list[str] = []
    for text in optional[extra]:
        own = re.fullmatch(r"genocc\[(\w+)\]", text)
        found += requirements(own[1], optional) if own else [text]
    return found


def resolved(texts: Sequence[str]) -> dict[str, int]:
    """Returns name -> bytes of the file that pip would download, of each package."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        options = ["--dry-run", "--ignore-installed", "--quiet", "--report", str(report)]
        subprocess.run([sys.executable, "-m", "pip", "install", *options, *texts], check=True)
        packages: list[dict[str, Any]] = json.loads(report.read_text(encoding="utf-8"))["install"]
    return {one["metadata"]["name"].lower(): size(one["download_info"]["url"]) for one in packages}


def size(url: str) -> int:
    """Returns the bytes of a file, here or elsewhere."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Path(unquote(parts.path)).stat().st_size
    with urlopen(Request(url, method="HEAD"), timeout=60) as answer:
        return int(answer.headers["Content-Length"])


def table(base: Mapping[str, int], found: Mapping[str, Mapping[str, int]]) -> str:
    """Returns the rows: what is installed in any case, and what each extra adds to it."""
    rows = ["| extra | packages | MB | the largest |", "|---|---|---|---|", _row("none", base)]
    for extra, packages in found.items():
        rows.append(_row(f"`{extra}`", {name: bytes_ for name, bytes_ in packages.items() if name not in base}))
    return "\n".join(rows)


def _row(name: str, packages: Mapping[str, int]) -> str:
    largest = sorted(packages, key=lambda package: packages[package], reverse=True)[:3]
    shown = ", ".join(f"{package} {packages[package] / 1e6:.1f}" for package in largest)
    return f"| {name} | {len(packages)} | {sum(packages.values()) / 1e6:.1f} | {shown} |"


if __name__ == "__main__":
    typer.run(main)
