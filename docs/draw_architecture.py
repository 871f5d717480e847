"""Draws the house as it is: rooms, what they say of themselves, and which imports which, read off the code.

    python docs/draw_architecture.py            # docs/images/architecture.dot and .svg
    python docs/draw_architecture.py --check    # exit code 1 if the committed .dot is not what the code says

A room is a folder of the package; the modules directly in genocc/ are the waist. An arrow means "imports", lazily or
not; one that follows from others (a -> b -> c says a -> c) is left out. grimp reads the imports, networkx reduces them,
Graphviz places the boxes.
"""

from __future__ import annotations

import ast
import shutil
import sys
import tempfile
from html import escape
from pathlib import Path
from textwrap import wrap

import graphviz
import grimp
import networkx

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "images" / "architecture"
FOLDERS = {"genocc": "genocc", "searchers": "genocc/searchers", "exporters": "genocc/exporters"}
"""Folder in the repository -> folder in the package."""
WAIST = "genocc"
IN_THE_WAIST = ("formats", "zoo", "checkpoints", "passes")
"""Folders of the waist: what becomes a genotype, and what rewrites a graph."""
ABOVE = "compiler"
"""The modules of the waist that stand above the run folders, since a GENOTYPE may be one."""
COLORS = {"cli": "#fdebd0", "searchers": "#d6eaf8", "exporters": "#d6eaf8", WAIST: "#d5f5e3", ABOVE: "#d5f5e3"}
GROUND = "#f4f6f6"


def main() -> None:
    """Writes the picture, or checks it."""
    source = picture(imports()).source
    committed = PICTURE.with_suffix(".dot")
    if "--check" in sys.argv[1:]:
        if not committed.exists() or committed.read_text(encoding="utf-8") != source:
            sys.exit(f"{committed.relative_to(ROOT)} is not what the code says; run python docs/draw_architecture.py")
        return
    committed.write_text(source, encoding="utf-8")
    PICTURE.with_suffix(".svg").write_bytes(graphviz.Source(source).pipe("svg"))


def imports() -> networkx.DiGraph[str]:
    """Returns the rooms with an edge for each that imports another."""
    with tempfile.TemporaryDirectory() as folder:
        for here, there in FOLDERS.items():  # one tree, as an installation has it
            shutil.copytree(ROOT / here, Path(folder, there), ignore=shutil.ignore_patterns("__pycache__"))
        sys.path.insert(0, folder)
        found = grimp.build_graph("genocc", cache_dir=None)
    runs = found.find_descendants("genocc.runs")
    room_of = {module: room(module) for module in sorted(found.modules - {"genocc", "genocc.__main__"})}
    for module in [module for module, name in room_of.items() if name == WAIST]:
        if not runs.isdisjoint(found.find_upstream_modules(module)):
            room_of[module] = ABOVE
    rooms: networkx.DiGraph[str] = networkx.DiGraph()
    for module, name in room_of.items():
        rooms.add_node(name)
        rooms.nodes[name].setdefault("modules", []).append(module.rpartition(".")[2])
        for imported in sorted(found.find_modules_directly_imported_by(module) - {"genocc"}):
            if room_of[imported] != name:
                rooms.add_edge(name, room_of[imported])
    return rooms


def room(module: str) -> str:
    """Returns the room of a module: the folder below genocc/, or the waist."""
    _, name, *_ = module.split(".")
    is_folder = name in FOLDERS or (ROOT / "genocc" / name).is_dir()
    return name if is_folder and name not in IN_THE_WAIST else WAIST


def picture(rooms: networkx.DiGraph[str]) -> graphviz.Digraph:
    """Returns the picture; raises NetworkXError where rooms import each other in a circle."""
    drawn = graphviz.Digraph("house", node_attr={"shape": "plain", "fontname": "Helvetica"})
    drawn.attr(ranksep="0.45", nodesep="0.3", bgcolor="white")
    for name in sorted(rooms):
        drawn.node(name, f"<{box(name, rooms.nodes[name]['modules'])}>", tooltip=name)
    with drawn.subgraph() as wings:
        wings.attr(rank="same")
        wings.node("searchers")
        wings.node("exporters")
    for here, there in sorted(networkx.transitive_reduction(rooms).edges):
        drawn.edge(here, there, color="#707b7c", arrowsize="0.7")
    return drawn


def box(name: str, modules: list[str]) -> str:
    """Returns a room's box: its name, what it says of itself, and what is in it."""
    folder = ROOT / name if name in FOLDERS else ROOT / "genocc" / name
    title, says = TITLES.get(name) or (f"{name}/", sentence(folder))
    rows = [f'<tr><td align="left"><b>{title}</b></td></tr>', *lines(says)]
    inner = sorted(path.parent for path in folder.glob("*/__init__.py"))
    if name in TITLES:
        inner = [folder / part for part in IN_THE_WAIST if name == WAIST]
        rows += lines(", ".join(sorted({path.stem for path in (ROOT / "genocc").glob("*.py")} & {*modules})), 10)
    for part in inner:
        rows += lines(f"{part.name}/  {sentence(part)}", 10)
    color = COLORS.get(name, GROUND)
    look = (
        f'border="1" cellborder="0" cellspacing="1" cellpadding="2" color="#aab7b8" bgcolor="{color}" style="rounded"'
    )
    return f"<table {look}>{''.join(rows)}</table>"


TITLES = {
    WAIST: (
        "genocc/*.py",
        "The waist: what a genotype is, and the graph that it lowers to. No file here imports torch.",
    ),
    ABOVE: ("genocc/*.py, above runs", "A GENOTYPE, wherever it is: looked up, counted, compiled."),
}
"""What the boxes of modules directly in genocc/ say."""


def lines(text: str, size: int = 12, width: int = 58) -> list[str]:
    """Returns a text as rows of a table."""
    return [
        f'<tr><td align="left"><font point-size="{size}">{escape(line)}</font></td></tr>'
        for line in wrap(text, width if size > 10 else width + 12)
    ]


def sentence(folder: Path) -> str:
    """Returns the first sentence of a room's docstring."""
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split()).partition(". ")[0].rstrip(".").replace("`", "")


if __name__ == "__main__":
    main()
