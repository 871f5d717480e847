"""The site of `make docs`: pages that link to one another, and nothing from elsewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.main import get_command

import genocc
from genocc.cli import app
from tests.sample_data import ROOT

FETCHED = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src")}
"""(tag, attribute) of what a browser fetches by itself."""


class Links(HTMLParser):
    """What a page fetches, what it links to, and the places in it that can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.linked: list[str] = []
        self.places: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if (tag, name) in FETCHED and value and value != "#":
                self.fetched.append(value)
            elif (tag, name) == ("a", "href") and value:
                self.linked.append(value)
            elif name == "id" and value:
                self.places.add(value)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, built."""
    out = tmp_path_factory.mktemp("site")
    subprocess.run([sys.executable, ROOT / "docs" / "build_site.py", "--out", out], check=True)
    return out


@pytest.mark.full
def test_the_site_is_whole_and_needs_nothing_from_elsewhere(site: Path) -> None:
    pages = {path: Links(path.read_text(encoding="utf-8")) for path in site.glob("**/*.html")}
    assert len(pages) > 100
    for path, page in pages.items():
        for target in page.fetched:
            assert not re.match(r"(\w+:)?//", target), f"{path.name} fetches {target}"
            assert (path.parent / unquote(target.partition("?")[0])).exists(), f"{path.name} fetches {target}"
        for target in page.linked:
            if re.match(r"\w+:", target):
                continue
            file, _, place = target.partition("#")
            there = (path.parent / unquote(file)).resolve() if file else path
            assert there in pages or there.exists(), f"{path.name} links to {target}"
            if place and there in pages:
                assert unquote(place) in pages[there].places, f"{path.name} links to {target}: no such place"


@pytest.mark.full
def test_every_command_and_public_name_is_there_and_found(site: Path) -> None:
    headings = Links((site / "commands.html").read_text(encoding="utf-8")).places
    assert {f"genocc-{name}" for name in get_command(app).commands} <= headings  # type: ignore[attr-defined]
    names = Links((site / "api.html").read_text(encoding="utf-8")).places
    assert {f"genocc.{name}" for name in genocc.__all__ if name != "__version__"} <= names
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    assert '"temperatur"' in index  # stemmed, from the methods' pages
    assert "docs/methods/entrannas-dst" in index


@pytest.mark.full
def test_formulas_are_drawn_by_the_browser(site: Path) -> None:
    page = (site / "docs" / "methods" / "entrannas-dst.html").read_text(encoding="utf-8")
    assert page.count("<math") > 20
    assert "MathJax" not in page
