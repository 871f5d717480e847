"""The Python target: the net of a genotype as one readable source file that depends on PyTorch alone.

The text follows from the net's graph: the network and its cells (`network`), a class for each operation and part
(`classes`), and what all such files have in common, copied from `runtime`. Modules are named as in the
graph, so that the net loads the same weights as every other target.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import count
from pathlib import Path
from typing import ClassVar, NamedTuple, cast

from genocc import origins
from genocc.errors import GenoccError, InternalError, TargetError
from genocc.genotype import Genotype
from genocc.graph import GraphBuilder
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.operations import Block, factorized_reduce, relu_conv_bn
from genocc.parsing import syntax_tree
from genocc.primitives import Input
from genocc.targets import CompiledNet, Exporter
from genocc.verification import Verification
from genocc.version import __version__

from .classes import ModuleClass, Part, described, module_classes, parts
from .layout import docstring, paragraph
from .network import Net, cell_classes, network_class


@dataclass(frozen=True)
class PythonExporter(Exporter):
    """One source file with the net's classes; weights stay in their own file, which its ``load_weights`` reads."""

    name: ClassVar[str] = "python"
    suffix: ClassVar[str] = ".py"
    passes: ClassVar[tuple[str, ...]] = ()
    checks: ClassVar[tuple[str, ...]] = ("Python's parser",)
    holds_weights: ClassVar[bool] = False

    def write(self, net: CompiledNet, path: Path) -> int:
        if net.passes:
            raise TargetError(
                f"target 'python' writes the net before any pass, found passes {', '.join(net.passes)}; "
                "leave them out, or choose target 'pt2' for an optimized net"
            )
        text = source(net.genotype, net.config)
        try:
            syntax_tree(text)
        except SyntaxError as error:
            raise InternalError(f"the Python source that was built is not valid: {error}") from error
        path.write_bytes(text.encode())  # bytes: the same line ends everywhere
        return net.operators

    def verify(self, net: CompiledNet, path: Path, provider: str) -> Verification:
        from .verification import verify

        return verify(net, path, provider)


def source(genotype: Genotype, config: NetworkConfig | None = None) -> str:
    """Returns the source of a genotype's net; the CIFAR defaults where the configuration is not given.

    Raises:
        NetworkError: The skeleton has no place for the genotype's cells, or the maps get too small for it.
        TargetError: A registered operation has names that cannot be written as attributes.
    """
    config = config or NetworkConfig()
    graph = lower(genotype, config, training=True)
    found, fresh = parts(graph), _fresh_names({"Network", *_runtime()})
    net = Net(genotype, config, graph, found, _classes(found, fresh))
    cells = cell_classes(net, fresh)
    wiring = _distinct([network_class(net, cells), *(cell for cell in cells if cell not in net.classes.values())])
    operations = _distinct(net.classes.values())
    copied = _needed("\n".join([*wiring, *operations]))
    text = "\n\n\n".join([*wiring, copied.pop("Node"), *operations, *copied.values()])
    return f"{_heading(genotype, config)}\n\n{_imports(text)}\n\n\n{text}\n"


def _heading(genotype: Genotype, config: NetworkConfig) -> str:
    name = _escaped(" ".join(genotype.name.split()))
    fields = {**config.model_dump(mode="json"), "input_size": "x".join(map(str, config.input_size))}
    network = ", ".join(f"{field} {value}" for field, value in fields.items())
    usage = """\
    net = Network()
    load_weights(net, "weights.safetensors")
    logits = net.eval()(images)"""
    weights = (
        "A new net has PyTorch's default initialization. `genocc import-weights` and "
        "`genocc compile --to torch` write weights that it can load."
    )
    facts = (f"Genotype: {name}", f"Hash: {genotype.hash}", f"Network: {network}", f"Written by genocc {__version__}.")
    lines = [line for fact in facts for line in paragraph(0, fact)]
    summary = f"{name}: a network of learned cells, in plain PyTorch."
    return "\n".join(docstring(0, summary, usage.splitlines(), paragraph(0, weights), lines))


def _escaped(text: str) -> str:
    """A text as it must be written between quotes, whatever is in it.

    Half a surrogate pair becomes a question mark: Python 3.13 compiles no docstring with one.
    """
    whole = text.encode("utf-8", "replace").decode().replace("\\", "\\\\")
    printable = (c if c.isprintable() else c.encode("unicode_escape").decode() for c in whole)
    return "".join(printable).replace('"', '\\"')


_SHARED: Mapping[str, tuple[Callable[[Block, str], str], str]] = {
    "ReLUConvBN": (lambda b, x: relu_conv_bn(1)(b, x, 1), "ReLU, 1x1 conv, BN."),
    "FactorizedReduce": (factorized_reduce, "Halves a map by two 1x1 convs, one of them shifted by a pixel."),
}
"""Preprocessing of the inputs of cells, which may be an operation too: class -> recipe and docstring."""


class _Role(NamedTuple):
    """Role of the parts of one class: how far down in the source they stand, and what they are called there."""

    rank: int
    name: str


_PREPROCESSING, _OPERATION, _END = range(3)
"""Of the first rank are the blocks that stand in the place of cells too."""
_ARGUMENTS = (("c", "c_in"), ("c", "stride"), ())
"""Arguments that a class may take, by rank."""


def _classes(found: Mapping[str, Part], fresh: Callable[[str], str]) -> dict[str, ModuleClass]:
    """Returns the class of each part by origin, in the source's order: preprocessing, operations, stems and heads."""
    roles: dict[_Role, list[Part]] = {}
    for part in found.values():
        roles.setdefault(_role(part), []).append(part)
    members: dict[_Role, list[Part]] = {}
    for role, same in roles.items():
        shared = [_shared(part) if role.rank != _END else None for part in same]
        merges = role.rank == _PREPROCESSING or None not in shared
        for part, name in zip(same, shared, strict=True):
            members.setdefault(_Role(_PREPROCESSING, name) if name and merges else role, []).append(part)
    classes = {}
    for role, same in sorted(members.items(), key=lambda item: item[0].rank):
        for module, group in module_classes(*_title_and_summary(role, same[0]), fresh, same, _ARGUMENTS[role.rank]):
            classes.update({part.origin: module for part in group})
    return classes


def _role(part: Part) -> _Role:
    place = origins.parse(part.origin).place
    if isinstance(place, origins.Section):
        return _Role(_END, place.name)
    if isinstance(place, origins.Edge):
        return _Role(_OPERATION, place.op)
    return _Role(_PREPROCESSING, "preprocess" if isinstance(place, origins.Preprocessing) else "reduction")


def _shared(part: Part) -> str | None:
    sizes = part.sizes["c_in"], part.sizes["c"]
    return next((name for name in _SHARED if _signature(name, *sizes) == part.signature), None)


@cache
def _signature(shared: str, c_in: int, c: int) -> object:
    builder = GraphBuilder()
    x = builder.add("x", Input(c_in, 8, 8))
    try:
        y = _SHARED[shared][0](Block(builder, "part", c), x)
    except GenoccError:  # an odd number of channels cannot be halved
        return None
    return parts(builder.build(y=y))["part"].signature


def _title_and_summary(role: _Role, part: Part) -> tuple[str, str]:
    if role.rank == _PREPROCESSING and role.name in _SHARED:
        return role.name, _SHARED[role.name][1]
    words = described(part)
    if role.rank == _OPERATION:
        return _title(role.name), f"{role.name}: {words}."
    return "AuxiliaryHead" if role.name == origins.AUXILIARY else _title(role.name), f"{words[:1].upper()}{words[1:]}."


def _title(name: str) -> str:
    """The name of the class of an operation or a part: SepConv3x3 for sep_conv_3x3."""
    title = ""
    for word in re.split(r"[_-]", name):
        title += "And" if title[-1:].isdigit() and word[:1].isdigit() else ""
        title += word[:1].upper() + word[1:]
    return title if title.isidentifier() and not keyword.iskeyword(title) else f"Operation{title}"


def _fresh_names(taken: set[str]) -> Callable[[str], str]:
    """Returns a function that gives a name, or the first of name2, name3, ... that was not given before."""

    def fresh(name: str) -> str:
        candidates = (name if number == 1 else f"{name}{number}" for number in count(1))
        free = next(candidate for candidate in candidates if candidate not in taken)
        taken.add(free)
        return free

    return fresh


def _distinct(classes: Iterable[ModuleClass]) -> list[str]:
    return ["\n".join(lines) for lines in dict.fromkeys(module.lines for module in classes) if lines]


@cache
def _runtime_source() -> str:
    return Path(__file__).with_name("runtime.py").read_text(encoding="utf-8")


@cache
def _runtime() -> Mapping[str, str]:
    """The text of each class and function of `runtime`."""
    tree = cast("ast.Module", syntax_tree(_runtime_source()))
    definitions = (d for d in tree.body if isinstance(d, (ast.ClassDef, ast.FunctionDef)))
    return {d.name: ast.get_source_segment(_runtime_source(), d) or "" for d in definitions}


def _needed(text: str) -> dict[str, str]:
    """Returns what a text needs of the runtime, directly or not, and what users call; in the runtime's order."""
    chosen = {"load_weights", "set_drop_path_rate"}
    while True:
        readers = "\n".join([text, *(_runtime()[name] for name in chosen)])
        named = {name for name in _runtime() if _mentions(readers, name)}
        if named <= chosen:
            return {name: code for name, code in _runtime().items() if name in chosen}
        chosen |= named


def _imports(text: str) -> str:
    """Returns the imports of `runtime` that a text needs."""
    block = _runtime_source().partition("\n\n\n")[0].rpartition('"""')[2].strip()
    names = {line: line.rpartition("import ")[2].split(", ") for line in block.splitlines()}
    return "\n".join(line for line in names if not line or any(_mentions(text, name) for name in names[line]))


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"\b{name}\b", text) is not None
