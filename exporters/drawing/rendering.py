"""DOT source to the bytes of a picture: runs Graphviz's ``dot`` and makes its output repeatable and accessible."""

from __future__ import annotations

import os
import re
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import graphviz

from genocc.errors import TargetError

from .diagram import Diagram

TIMEOUT = 60
"""Seconds after which ``dot`` is stopped."""
MAX_EXTENT = 9_000
"""The largest extent that ``dot`` is asked to lay out: beyond, it takes minutes. Published cells are below 200."""
DPI = 200
"""Of .png files."""
MAX_PIXELS = 8_000
"""The most pixels of a .png in each direction; what is larger is scaled down to them."""

_SVG = "http://www.w3.org/2000/svg"
_XLINK = "http://www.w3.org/1999/xlink"


def suffix_of(path: str | Path, *others: str) -> str:
    """Returns the format of a file name.

    Args:
        path: The file.
        others: Suffixes that the caller handles itself, for the message.

    Raises:
        TargetError: The suffix is none of the formats.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in FORMATS:
        raise TargetError(
            f"{path}: cannot tell the format from '{suffix}'; expected one of {', '.join([*FORMATS, *others])}"
        )
    return suffix


def render(diagram: Diagram, suffix: str) -> bytes:
    """Returns the picture as a file's content: the same bytes for the same diagram and the same Graphviz.

    Args:
        diagram: What to draw.
        suffix: A key of ``FORMATS``.

    Raises:
        TargetError: ``dot`` is missing, fails, or takes too long, or the diagram is larger than ``MAX_EXTENT``
            (``.dot`` needs no program).
    """
    return FORMATS[suffix](diagram)


def _dot(diagram: Diagram) -> bytes:
    return diagram.dot().encode()


def _svg(diagram: Diagram) -> bytes:
    """Text stays text; tooltips become the ``title`` of each part, which browsers show on hover."""
    ET.register_namespace("", _SVG)
    root = ET.fromstring(run_dot(diagram, "svg"))  # noqa: S314 (written by `dot`, without entities)
    root.attrib.update({"role": "img", "aria-labelledby": "title description"})
    for group in root.iter(f"{{{_SVG}}}g"):
        _move_tooltip(group)
    for part in root.iter():
        if part.get("stroke") == "transparent":  # not a colour of SVG 1.1
            part.set("stroke", "none")
    texts = {"title": diagram.title.replace("\n", ". "), "description": diagram.description}
    for position, (name, text) in enumerate(texts.items()):
        element = ET.Element(f"{{{_SVG}}}{'title' if name == 'title' else 'desc'}", {"id": name})
        element.text, element.tail = text, "\n"
        root.insert(position, element)
    written: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{written}\n'.encode()


def _pdf(diagram: Diagram) -> bytes:
    """Fonts are embedded and text can be selected. Newer Graphviz heeds SOURCE_DATE_EPOCH, older does not."""
    return re.sub(rb"(?<=/CreationDate \(D:)\d{14}(?=Z\))", b"19700101000000", run_dot(diagram, "pdf"))


def _png(diagram: Diagram) -> bytes:
    inches = MAX_PIXELS / DPI
    return run_dot(diagram, "png", f"-Gdpi={DPI}", f"-Gsize={inches:g},{inches:g}")


FORMATS: dict[str, Callable[[Diagram], bytes]] = {".svg": _svg, ".pdf": _pdf, ".png": _png, ".dot": _dot}
"""File suffix -> function that renders it."""


def _move_tooltip(group: ET.Element) -> None:
    """Removes the link that Graphviz wraps around a part with a tooltip, and makes the tooltip the group's title."""
    title = group.find(f"{{{_SVG}}}title")
    wrapper = group.find(f"{{{_SVG}}}g")
    link = wrapper.find(f"{{{_SVG}}}a") if wrapper is not None else None
    if title is None or group.get("class") == "graph":
        group[:] = [part for part in group if part is not title]
    elif wrapper is not None and link is not None:
        title.text = link.get(f"{{{_XLINK}}}title")
        position = list(group).index(wrapper)
        group[position : position + 1] = list(link)


def run_dot(diagram: Diagram, kind: str, *options: str) -> bytes:
    """Returns the output of ``dot -Tkind`` for a diagram; raises TargetError as `render`."""
    if (extent := diagram.extent) > MAX_EXTENT:
        arrows = sum(len(panel.arrows) for panel in diagram.panels)
        raise TargetError(
            f"the diagram has {arrows:,} arrows and an extent of {extent:,}; `dot` is given {MAX_EXTENT:,} at most: "
            "`genocc draw` draws one cell at a time with --cell, and writes .dot for other programs"
        )
    command = [str(graphviz.DOT_BINARY), f"-T{kind}", *options]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": "0", "TZ": "UTC"}
    try:
        done = subprocess.run(
            command, input=_dot(diagram), capture_output=True, timeout=TIMEOUT, env=environment, check=False
        )
    except FileNotFoundError:
        raise TargetError(
            "the program `dot` is missing; install Graphviz (apt install graphviz, brew install graphviz, "
            "conda install graphviz); only .dot files need no program"
        ) from None
    except subprocess.TimeoutExpired:
        raise TargetError(f"`dot` took longer than {TIMEOUT} seconds; draw one cell at a time with --cell") from None
    except OSError as error:
        raise TargetError(f"the program `dot` cannot be run: {error.strerror}; reinstall Graphviz") from None
    messages = done.stderr.decode(errors="replace").split("\n")
    if done.returncode or not done.stdout:
        raise TargetError(f"`dot` failed with status {done.returncode}: {messages[0] or 'no message'}")
    if any("too large" in message for message in messages):
        raise TargetError(f"the diagram is too large for .{kind}; write .svg or .pdf, or draw one cell with --cell")
    return done.stdout
