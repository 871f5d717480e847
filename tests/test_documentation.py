"""The pages: links lead somewhere, what they name exists in the code, and their commands mean something."""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from genocc.cli import app
from genocc.searchers.choosing import FORMER
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import DataShape
from genocc.searchers.parts.data import DataConfig
from genocc.searchers.parts.schedule import AlternatingSchedule
from genocc.searchers.parts.skeleton import SuperNetConfig
from genocc.searchers.settings import descriptions
from genocc.searchers.supernet.net import SuperNet
from tests import regenerate_settings
from tests.sample_data import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
METHODS = sorted((ROOT / "docs" / "methods").glob("*.md"))

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[(?P<text>[^\]\n]*(?:\n[^\]\n]*)?)\]\((?P<target>[^)\s]+)\)")


def links(page: Path) -> list[tuple[str, str]]:
    """(text, target) of every link of a page."""
    text = FENCED.sub("", page.read_text(encoding="utf-8"))
    return [(found["text"].replace("\n", " "), found["target"]) for found in LINK.finditer(text)]


def anchors(page: Path) -> set[str]:
    """What a link to a heading of a page may say after its #, as GitHub makes it of the heading."""
    headings = re.findall(r"^#+ (.*)$", FENCED.sub("", page.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_every_link_leads_somewhere(page: Path) -> None:
    for text, target in links(page):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        assert there.is_relative_to(ROOT), f"[{text}]({target}) leads out of the repository"
        assert there.exists(), f"[{text}]({target}): nothing there"
        assert not anchor or anchor in anchors(there), f"[{text}]({target}): no such heading"


@pytest.mark.parametrize("page", METHODS, ids=[page.name for page in METHODS])
def test_what_a_page_names_in_the_code_is_there(page: Path) -> None:
    """[`SuperNet.route`](supernet.py): the file defines a ``route``, as a function, a class or an attribute."""
    for text, target in links(page):
        if target.endswith(".py") and (name := re.fullmatch(r"`([\w.]+)`", text)) and not text.endswith(".py`"):
            source = (page.parent / target).read_text(encoding="utf-8")
            for part in name[1].split("."):
                assert re.search(
                    rf"(?:def|class) {part}\b|^\s+(?:self\.)?{part}: |self\.{part}\b", source, re.MULTILINE
                ), f"{text} is not defined in {target}"


def commands(page: Path) -> list[str]:
    """The ``genocc`` commands in the code blocks of a page, without comments and prompts."""
    lines = [line for block in FENCED.findall(page.read_text(encoding="utf-8")) for line in block.splitlines()]
    return [line.removeprefix("$ ").split("  #")[0].strip() for line in lines if re.match(r"(\$ )?genocc ", line)]


OF_PACKAGES = ("parts.md",)
"""Pages whose commands need a package that tests/searchers/test_packages.py installs, and searches with."""
SEARCHES = sorted({
    line
    for page in METHODS
    if page.name not in OF_PACKAGES
    for line in commands(page)
    if line.startswith("genocc search")
})  # fmt: skip


def configuration(command: str, monkeypatch: pytest.MonkeyPatch) -> SearchConfig:
    """What a ``genocc search`` line asks for: it goes through the command line, and ends where the run would begin."""
    asked: list[SearchConfig] = []

    def begin(config: SearchConfig, *arguments: Any, **options: Any) -> None:
        asked.append(config)
        raise typer.Exit

    monkeypatch.setattr("genocc.searchers.request.run_search", begin)
    monkeypatch.setattr("genocc.searchers.request.run_seeds", begin)
    result = CliRunner().invoke(app, shlex.split(command)[1:], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return asked[0]


@pytest.mark.parametrize("command", SEARCHES)
def test_every_search_of_the_pages_can_begin(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its configuration has a meaning, and its super-net, made small, can be built."""
    config = configuration(command, monkeypatch)
    if not config.schedule.trains:
        return
    unrelated = {"method": "any", "preset": "cifar", "seed": 0, "schedule": AlternatingSchedule(), "data": DataConfig()}
    build(config.model_copy(update=unrelated).model_dump_json())


@cache
def build(described: str) -> None:
    """Builds the super-net of a configuration, with as few channels as its connection allows; each only once."""
    config = SearchConfig.model_validate_json(described)
    channels = 2 * max(getattr(config.connection, name, None) or 1 for name in ("partial", "bottleneck"))
    network = SuperNetConfig(channels=channels, layers=3)
    net = SuperNet(config.model_copy(update={"supernet": network}), DataShape(2, 3, (8, 8)))
    assert net.derive().cells.keys() == {"normal", "reduction"}


def test_the_ablations_are_those_of_the_papers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of one table differ in what the table is about, and in nothing else."""
    assert len(SEARCHES) > 50
    darts, pc = (SearchConfig.make(name) for name in ("darts", "pc-darts"))
    alone = configuration("genocc search --method ec-darts --data cifar10 --set relaxation=softmax", monkeypatch)
    assert alone.schedule.ist
    assert alone.relaxation == darts.relaxation
    alone = configuration("genocc search --method ec-darts --data cifar10 --set schedule.ist=false", monkeypatch)
    assert (alone.schedule.ist, alone.relaxation.name, alone.schedule.epochs) == (False, "cen", 25)
    channels = configuration(
        "genocc search --method pc-darts --data cifar10 --set relaxation.edge_normalization=false", monkeypatch
    )
    assert (channels.connection, channels.relaxation) == (pc.connection, darts.relaxation)
    spaces = [configuration(line, monkeypatch) for line in SEARCHES if "space=ss" in line and "layers" not in line]
    assert [config.space.name for config in spaces] == [f"ss{number}" for number in range(1, 9)]
    assert all(not config.relaxation.attention and config.topology.name == "all" for config in spaces)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_commands_exist_with_their_options(page: Path) -> None:
    for line in commands(page):
        _, command, *words = line.split()
        if not command.startswith("-"):
            options = {word.split("=")[0] for word in words if re.match("--?[a-z]", word)}
            assert not options - options_of(command), f"{line}: {command} has no such options"


@cache
def options_of(command: str) -> set[str]:
    """The options of a command; asserts that there is one."""
    group: Any = typer.main.get_command(app)
    assert command in group.commands, f"genocc {command}: no such command"
    return {
        option
        for parameter in group.commands[command].params
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


def test_the_page_of_settings_is_what_the_code_says() -> None:
    written = regenerate_settings.PAGE.read_text(encoding="utf-8")
    assert written == regenerate_settings.page(), "run `python -m tests.regenerate_settings`"


def test_every_setting_that_a_page_names_exists() -> None:
    known = descriptions()
    parts = {name.partition(".")[0] for name in known}
    for page in METHODS:
        text = page.read_text(encoding="utf-8")
        for path in re.findall(r"`([a-z]+\.[a-z_.-]+)(?:=[^`]*)?`", text):
            former = page.name == "settings.md" and tuple(path.split(".")) in FORMER
            if path.partition(".")[0] in parts and not path.endswith(".py"):
                whole = any(name == path or name.startswith(f"{path}.") for name in known)
                assert whole or former, f"{page.name}: there is no {path}"
