"""The documentation as a site: this repository's pages, its commands and public names; its search works offline.

    python docs/build_site.py             # build/site/index.html
    python docs/build_site.py --out DIR

The pages are those that are read on a Git server, unchanged. They are laid out anew for Sphinx (build/site-source), for
three reasons: the README is the first page; a link to a program leads to a page with that program; the commands' page
and that of the public names are made of what the code says. A warning is an error.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer
from sphinx.cmd.build import build_main
from typer.cli import get_docs_for_click
from typer.main import get_command

import genocc
from genocc.cli import app

ROOT = Path(__file__).resolve().parents[1]
BUILD = ROOT / "build"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
NOTEBOOKS = sorted(ROOT.glob("docs/tutorials/*.ipynb"))
SECTIONS = {
    "Learn it": ["docs/tutorials/*"],
    "Use it": [
        "docs/install",
        "docs/search",
        "docs/training",
        "docs/report",
        "docs/tracking",
        "docs/ranking",
        "docs/experiments",
        "docs/engines",
        "docs/compiling",
        "docs/latency",
        "docs/backbones",
    ],
    "The genotype": ["docs/genotype", "docs/formats", "docs/diagrams", "docs/passes"],
    "Methods": ["docs/methods/*"],
    "Measured": ["docs/benchmarks", "docs/results/*"],
    "Reference": ["commands", "api", "docs/methods/settings"],
    "The project": ["docs/architecture", "CONTRIBUTING", "examples/README", "SECURITY", "CHANGELOG"],
}
"""Title -> pages (a star: all there that no other line names). What is named nowhere is added to the last section."""
LANGUAGES = {".py": "python", ".toml": "toml", ".json": "json"}
FENCE = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<=\]\()(?!\w+:|#)(?P<path>[^)#\s]+)(?P<anchor>#[^)\s]*)?(?=\))")


def main(out: Annotated[Path, typer.Option(help="Where the site goes.")] = BUILD / "site") -> None:
    """Builds the site; ends with 1 where Sphinx warns."""
    source = BUILD / "site-source"
    shutil.rmtree(source, ignore_errors=True)
    shutil.copytree(ROOT / "docs" / "site" / "static", source / "static")
    shutil.copyfile(ROOT / "docs" / "site" / "conf.py", source / "conf.py")
    named: set[Path] = set()
    for page in PAGES:
        _write(source / page.relative_to(ROOT), _with_links(page, page.read_text(encoding="utf-8"), named))
    for notebook in NOTEBOOKS:
        _write(source / notebook.relative_to(ROOT), notebook.read_text(encoding="utf-8"))
    for program in _closed(named):
        _write(source / _page_of(program), _program(program))
    _write(source / "commands.md", "# Commands\n\n" + _commands())
    _write(source / "api.md", _public_names())
    _write(source / "index.md", (source / "README.md").read_text(encoding="utf-8") + _contents())
    (source / "README.md").unlink()
    jobs = ["--jobs", "auto"]
    sys.exit(build_main(["--fail-on-warning", "--keep-going", "--quiet", *jobs, "-b", "html", str(source), str(out)]))


def _with_links(page: Path, text: str, named: set[Path]) -> str:
    """A page's text, links to files that are no page leading to pages with them; the files are added to `named`."""

    def link(found: re.Match[str]) -> str:
        target = (page.parent / found["path"]).resolve()
        if target == ROOT / "README.md":
            return _relative("index.md", page) + (found["anchor"] or "")
        if target in PAGES:
            return found[0]
        if target.suffix in {".svg", ".png"}:
            return found[0]
        named.add(target)
        return _relative(_page_of(target), page)

    parts = FENCE.split(text)
    for image in re.findall(r"!\[[^\]]*\]\(([^)\s]+)\)", "".join(parts[::2])):
        _copy(page.parent / image)
    return "".join(part if part.startswith("```") else LINK.sub(link, part) for part in parts)


def _copy(image: Path) -> None:
    there = BUILD / "site-source" / image.resolve().relative_to(ROOT)
    there.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(image, there)


def _page_of(program: Path) -> Path:
    """Where the page of a program or a folder is, below the site's source."""
    return Path("source", f"{program.relative_to(ROOT)}.md")


def _relative(target: Path | str, page: Path) -> str:
    return os.path.relpath(ROOT / target, page.parent)


def _closed(named: set[Path]) -> Iterator[Path]:
    """The files and folders named, and what is in the folders."""
    todo, done = sorted(named), set[Path]()
    while todo:
        path = todo.pop()
        if path in done:
            continue
        done.add(path)
        yield path
        todo += _entries(path)


def _entries(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if (path.is_dir() and _entries(path)) or path.suffix in LANGUAGES)


def _program(path: Path) -> str:
    """The page of a file or of a folder; the site's search leaves programs out."""
    head = f"---\norphan: true\nnosearch: true\n---\n\n# {path.relative_to(ROOT)}\n\n"
    if path.is_dir():
        page = ROOT / _page_of(path)
        return head + "".join(f"- [{entry.name}]({_relative(_page_of(entry), page)})\n" for entry in _entries(path))
    language = LANGUAGES.get(path.suffix, "text")
    return f"{head}``````{language}\n{path.read_text(encoding='utf-8')}\n``````\n"


def _commands() -> str:
    """What `genocc COMMAND --help` says, of every command."""
    command = get_command(app)
    context = command.make_context("genocc", [], resilient_parsing=True)
    text = get_docs_for_click(obj=command, ctx=context, name="genocc")
    return re.sub(r"^# `genocc`\n", "", text, flags=re.MULTILINE)


def _public_names() -> str:
    """The page of what `import genocc` gives, from the docstrings."""
    text = "# Python\n\nWhat `import genocc` gives.\n"
    for name in genocc.__all__:
        thing = getattr(genocc, name)
        if isinstance(thing, str):
            continue
        directive = f".. autofunction:: genocc.{name}"
        if isinstance(thing, type):
            directive = f".. autoclass:: genocc.{name}\n   :members:\n   :exclude-members: model_config"
        text += f"\n## {name}\n\n```{{eval-rst}}\n{directive}\n```\n"
    return text


def _contents() -> str:
    """The side bar: every page in a section."""
    left = [str(page.relative_to(ROOT).with_suffix("")) for page in [*PAGES, *NOTEBOOKS] if page != ROOT / "README.md"]
    for page in chain(*SECTIONS.values()):
        if page in left:
            left.remove(page)
    text = ""
    for title, section in SECTIONS.items():
        listed: list[str] = []
        for page in section:
            found = [name for name in left if page.endswith("*") and name.startswith(page[:-1])]
            left = [name for name in left if name not in found]
            listed += sorted(found, key=lambda name: (not name.endswith("README"), name)) or [page]
        if title == list(SECTIONS)[-1]:
            listed += left
        text += f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "\n".join(listed) + "\n```\n"
    return text


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
