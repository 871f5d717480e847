"""Picture files: readable, repeatable and harmless whatever the genotype is called; every failure is one line."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from genocc import Genotype
from genocc.cli import app
from genocc.errors import FileError, TargetError
from genocc.exporters.drawing import rendering
from genocc.exporters.drawing.graphviz import draw, genotype_diagram
from genocc.exporters.drawing.rendering import FORMATS, MAX_PIXELS, render
from tests.exporters.drawing.drawn import SVG, chain, needs_dot, one, texts
from tests.strategies import crowded


@needs_dot
def test_every_format_gives_the_same_bytes_each_time(darts_v2: Genotype, tmp_path: Path) -> None:
    def drawn(name: str) -> dict[str, bytes]:
        for suffix in FORMATS:
            draw(darts_v2, tmp_path / f"{name}{suffix}")
        return {suffix: (tmp_path / f"{name}{suffix}").read_bytes() for suffix in FORMATS}

    first = drawn("first")
    time.sleep(1.1)  # a PDF's date counts seconds
    assert drawn("second") == first
    starts = {".svg": b"<?xml", ".pdf": b"%PDF", ".png": b"\x89PNG", ".dot": b"digraph"}
    assert all(content.startswith(starts[suffix]) for suffix, content in first.items())


@needs_dot
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext is not installed")
def test_pdf_text_can_be_selected(darts_v2: Genotype, tmp_path: Path) -> None:
    draw(darts_v2, tmp_path / "cells.pdf")
    text = subprocess.run(["pdftotext", tmp_path / "cells.pdf", "-"], capture_output=True, text=True, check=True).stdout
    assert text.count("sep_conv_3x3") == 5
    assert "darts-v2" in text


@needs_dot
def test_svg_is_accessible_and_plain(darts_v2: Genotype) -> None:
    root = ET.fromstring(render(genotype_diagram(darts_v2), ".svg"))
    assert root.get("role") == "img"
    assert [root[0].tag, root[0].text] == [f"{SVG}title", "darts-v2"]
    assert root[1].tag == f"{SVG}desc"
    assert "dil_conv_3x3 from 2 to 5" in (root[1].text or "")
    assert {root[0].get("id"), root[1].get("id")} == set(root.get("aria-labelledby", "").split())
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags == {"svg", "title", "desc", "g", "text", "path", "polygon", "ellipse"}
    assert {element.get("font-family") for element in root.iter(f"{SVG}text")} == {"Helvetica,Arial,sans-serif"}


HOSTILE = [
    "<script>alert(1)</script>", "<<b>bold</b>>", "<b>&lt;&amp;</b>", 'a "quoted" name', "back\\slash\\", "\\N \\G \\l",
    "line\\nbreak", "{a|b}", "--><x/>", "]]>", "%s %d", "a;b->c[d]", "größe 架构 😀", "'",
]  # fmt: skip


@needs_dot
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_only_text(name: str, darts_v2: Genotype) -> None:
    plain = render(genotype_diagram(darts_v2), ".svg")
    svg = render(genotype_diagram(darts_v2.model_copy(update={"name": name})), ".svg")
    assert texts(svg)[0].replace("\xa0", " ") == name
    assert [element.tag for element in ET.fromstring(svg).iter()] == [e.tag for e in ET.fromstring(plain).iter()]


@needs_dot
@settings(max_examples=15)
@given(st.text(min_size=1, max_size=60).filter(str.isprintable))
def test_any_name_can_be_drawn(name: str) -> None:
    svg = render(genotype_diagram(one(chain("skip_connect"), name)), ".svg")
    assert ET.fromstring(svg).findtext(f"{SVG}title") == name


def test_long_names_are_wrapped() -> None:
    source = genotype_diagram(one(chain("skip_connect"), "word " * 39)).dot()
    (label,) = re.findall(r'label="(word .*?)"', source)
    assert max(map(len, label.split("\\n"))) <= 80


def fake_dot(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts a program named dot in front of the real one."""
    program = folder / "dot"
    program.write_text(f"#!{sys.executable}\nimport sys, time\nsys.stdin.buffer.read()\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("sys.exit('Error: syntax error in line 1')", "`dot` failed with status 1: Error: syntax error in line 1"),
        ("", "`dot` failed with status 0: no message"),
        ("time.sleep(30)", "`dot` took longer than 1 seconds; draw one cell at a time with --cell"),
        ("print(1); sys.exit(print('dot: graph is too large for bitmaps', file=sys.stderr))", "too large for .png"),
    ],
)
def test_a_failing_dot_is_one_clear_error(
    script: str, message: str, darts_v2: Genotype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_dot(tmp_path, script, monkeypatch)
    monkeypatch.setattr(rendering, "TIMEOUT", 1)
    target = tmp_path / "cells.png"
    target.write_text("before")
    with pytest.raises(TargetError) as caught:
        draw(darts_v2, target)
    assert message in str(caught.value)
    assert target.read_text() == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.png", "dot"]


def test_what_dot_cannot_lay_out_is_refused(tmp_path: Path) -> None:
    for suffix in (".png", ".svg", ".pdf"):
        with pytest.raises(
            TargetError, match=r"2,176 arrows and an extent of [\d,]+; `dot` is given 9,000 at most: `genocc draw`"
        ):
            draw(crowded(), tmp_path / f"cells{suffix}")
    draw(crowded(), tmp_path / "cells.dot")
    zero: list[dict[str, object]] = [{"op": "none", "from": 0}]  # no arrows, but vertices
    kinds = {f"k{number}": {"inputs": 64, "nodes": [zero] * 64, "concat": [64]} for number in range(64)}
    cells = Genotype.from_dict({"name": "zeros", "cells": kinds})
    assert genotype_diagram(cells).extent == 64 * (64 + 64 + 1 + 1)


@needs_dot
def test_many_long_arrows_are_drawn(tmp_path: Path) -> None:
    """Took minutes: 63 nodes in a row, and 100 arrows from all of them to a last one."""
    nodes = [[{"op": "skip_connect", "from": node + 1}] for node in range(63)]
    nodes.append([{"op": "skip_connect", "from": number % 64} for number in range(100)])
    cell = {"nodes": nodes, "concat": [65]}
    draw(Genotype.from_dict({"name": "long", "cells": {"normal": cell}}), tmp_path / "cells.svg")


@needs_dot
def test_a_png_has_an_end(tmp_path: Path) -> None:
    parallel = {"nodes": [[{"op": "conv_1x1", "from": 0}] * 639], "concat": [2]}
    draw(Genotype.from_dict({"name": "tall", "cells": {"normal": parallel}}), tmp_path / "cells.png")
    header = (tmp_path / "cells.png").read_bytes()[16:24]
    width, height = (int.from_bytes(header[at : at + 4], "big") for at in (0, 4))
    assert width < height <= MAX_PIXELS + 1


def test_a_dot_that_cannot_run_is_one_clear_error(
    darts_v2: Genotype, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dot").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TargetError, match="dot"):
        draw(darts_v2, tmp_path / "cells.svg")


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["draw", *arguments], catch_exceptions=False)
    return result.exit_code, result.stderr


def test_missing_dot_is_one_line_with_a_hint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    code, line = run("zoo:darts-v2", "-o", str(tmp_path / "cells.svg"))
    assert code == 2
    assert line.startswith("genocc: error: the program `dot` is missing; install Graphviz (apt install graphviz")
    assert line.count("\n") == 1
    assert not list(tmp_path.iterdir())
    assert run("zoo:darts-v2", "-o", str(tmp_path / "cells.dot")) == (0, "")
    assert (tmp_path / "cells.dot").read_text().startswith("digraph")


@pytest.mark.parametrize("name", ["cells.jpg", "cells", "-", "cells.svg.gz"])
def test_other_suffixes_are_refused(name: str) -> None:
    code, line = run("no such file", "-o", name)
    assert code == 2
    assert line.startswith(f"genocc: error: {name}: cannot tell the format")
    assert line.endswith("expected one of .svg, .pdf, .png, .dot, .gif, .mp4\n")


def test_command_draws_the_chosen_cell(tmp_path: Path) -> None:
    path = str(tmp_path / "CELLS.DOT")
    drawn = CliRunner().invoke(app, ["draw", "zoo:darts-v2", "--cell", "reduction", "-o", path])
    assert (drawn.exit_code, drawn.stdout, drawn.stderr) == (0, f"{path}\n", "")
    assert "dil_conv" not in (tmp_path / "CELLS.DOT").read_text()
    code, line = run("zoo:darts-v2", "--cell", "stem", "-o", str(tmp_path / "stem.dot"))
    assert code == 2
    assert "'darts-v2' has no such cell" in line


def test_unwritable_places_are_one_line(darts_v2: Genotype, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="no such folder"):
        draw(darts_v2, tmp_path / "missing" / "cells.dot")
    (tmp_path / "folder.dot").mkdir()
    with pytest.raises(FileError, match="is a directory"):
        draw(darts_v2, tmp_path / "folder.dot")


def test_drawing_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from genocc.cli import app\n"
        f"try: app(['draw', 'zoo:darts-v2', '-o', {str(tmp_path / 'cells.dot')!r}])\n"
        "except SystemExit as exit: assert not exit.code\n"
        "found = [n for n in ('torch', 'onnx', 'onnxruntime', 'numpy', 'networkx') if n in sys.modules]\n"
        "assert not found, found"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
