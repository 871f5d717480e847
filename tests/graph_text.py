"""Graphs read back from the text they print as, so that tests of passes are text in, text out."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

from genocc.graph import Graph, GraphBuilder
from genocc.primitives import PRIMITIVES, Primitive

_LINE = re.compile(r"%(?P<name>\S+) = (?P<kind>\w+)\((?P<inputs>[^)]*)\)(?P<attributes>[^:]*)(: \((?P<shape>.*)\))?")


def parse(text: str) -> Graph:
    """Returns the graph of a text; a shape may be left out, and is checked where it is given."""
    builder, outputs = GraphBuilder(), {}
    kinds = {primitive.kind: primitive for primitive in PRIMITIVES}
    for line in filter(None, map(str.strip, text.splitlines())):
        if output := re.fullmatch(r"return (\w+) = %(\S+)", line):
            outputs[output[1]] = output[2]
            continue
        node = _LINE.fullmatch(line)
        assert node, f"not a line of a graph: {line}"
        inputs = re.findall(r"%([^,\s]+)", node["inputs"])
        builder.add(node["name"], _primitive(kinds[node["kind"]], node["attributes"]), *inputs)
        found = ", ".join(map(str, ("N", *builder.shape(node["name"]))))
        assert node["shape"] in (None, found), f"{line}: inferred ({found})"
    return builder.build(**outputs)


def _primitive(kind: type[Primitive], attributes: str) -> Primitive:
    texts = dict(part.split("=") for part in attributes.split())
    types = {field.name: str(field.type) for field in fields(kind)}
    return kind(**{name: _value(types[name], text) for name, text in texts.items()})


def _value(kind: str, text: str) -> Any:
    if kind.startswith("tuple[float"):
        return tuple(map(float, text.split(",")))
    if kind.startswith(("tuple", "Pads")):
        return tuple(map(int, text.split("x")))
    return {"int": int, "float": float, "bool": lambda text: text == "True", "str": str}[kind](text)
