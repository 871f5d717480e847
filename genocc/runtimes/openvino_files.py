"""OpenVINO's files: a net.xml with its net.bin, read as untrusted data before OpenVINO sees them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Self
from xml.parsers import expat

from genocc.errors import TargetError
from genocc.files import explained, read_bytes
from genocc.runtimes.compiled_file import Built, CompiledFile, Port

MAX_XML = 1 << 28
"""The most bytes of an .xml file."""
MAX_BYTES = 2**31 - 1
"""The most bytes of a .bin file: as many as the ONNX file that it is converted from may have."""
MAX_LAYERS = 1 << 17
"""The most layers of a file."""
MAX_VALUES = 1 << 31
"""The most numbers of a layer's output, and of a constant."""

METADATA = "genocc"
"""Section of the file's ``rt_info`` that says where the net comes from."""

WEIGHTS_DIGEST = "weights_sha256"
"""Key there of the digest of the .bin file: one of another net of the same size would give wrong results."""

_CONVERTING = ("Convert", "FakeQuantize")
"""Types of layers between a graph's input or output and what computes."""
_ARITHMETIC = ("Subtract", "Divide", "Add", "Multiply")
_TYPES = {"FP32": "float", "U8": "uint8"}
"""OpenVINO's name of a type -> ONNX's."""
_LOOPS = ("Loop", "TensorIterator", "If")


def weights_path(path: str | Path) -> Path:
    """Returns where the weights of an .xml file lie."""
    return Path(path).with_suffix(".bin")


@dataclass(frozen=True)
class OpenVinoFile(CompiledFile):
    """An .xml file and its .bin file: their contents."""

    suffix: ClassVar[str] = ".xml"
    runtimes: ClassVar[tuple[str, ...]] = ("openvino",)

    where: str
    xml: bytes
    weights: bytes

    @classmethod
    def read(cls, path: str | Path, where: str) -> Self:
        beside = weights_path(path)
        xml = read_bytes(path, limit=MAX_XML)
        if not beside.exists():
            raise TargetError(f"{where}: its weights, {beside.name}, do not lie beside it; put both into one folder")
        with explained(beside, "read"):
            weights = read_bytes(beside, limit=MAX_BYTES)
        return cls(where, xml, weights)

    @property
    def metadata(self) -> Mapping[str, str]:
        texts = self._scanned.texts
        if texts.get(WEIGHTS_DIGEST, digest(self.weights)) != digest(self.weights):
            raise TargetError(
                f"{self.where}: the .bin file beside it is not the one that was written with it; put the two files of "
                "one compilation together"
            )
        return {name: text for name, text in texts.items() if name != WEIGHTS_DIGEST}

    def built(self) -> Built:
        return self._scanned.built()

    @cached_property
    def _scanned(self) -> Scanner:
        return scan(self.xml, len(self.weights), self.where)


def digest(weights: bytes) -> str:
    """Returns what says which .bin file an .xml file was written with."""
    return sha256(weights).hexdigest()


def scan(xml: bytes, weights: int, where: str) -> Scanner:
    """Returns what has passed over an .xml file, with a look at everything that could harm who loads it.

    Entities, other documents and loops are refused, as are more layers than ``MAX_LAYERS``, sizes beyond
    ``MAX_VALUES``, and constants that reach beyond the weights.

    Args:
        xml: Content of the file.
        weights: Bytes of the .bin file.
        where: The file, for messages.

    Raises:
        TargetError: It is no such file, a damaged one, or one that must not be loaded.
    """
    if b"\0" in xml:
        raise TargetError(f"{where}: not an .xml file of OpenVINO: found bytes that are no UTF-8 text")
    scanner = Scanner(weights, where)
    try:
        scanner.parser.Parse(xml, True)
    except expat.ExpatError as error:
        raise TargetError(f"{where}: not an .xml file of OpenVINO, or a damaged one: {error}") from None
    if not scanner.layers:
        raise TargetError(f"{where}: not an .xml file of OpenVINO: it has no layers")
    return scanner


class Scanner:
    """A pass over the elements of a file, of which little is kept.

    Attributes:
        texts: Those of genocc.
        layers: Number of layers.
    """

    def __init__(self, weights: int, where: str) -> None:
        self.texts: dict[str, str] = {}
        self.layers = 0
        self._types: dict[str, str] = {}
        self._edges: list[tuple[str, str]] = []
        self._ends: dict[str, Port] = {}
        self._layer = ""
        self._weights, self._where = weights, where
        self._path: list[str] = []
        self._values, self._text = 1, ""
        self.parser = expat.ParserCreate("utf-8")  # as OpenVINO reads it, whatever the file says
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def built(self) -> Built:
        """Returns the features of the graph; raises TargetError where it has not one input and one output."""
        inputs, outputs = ([i for i, kind in self._types.items() if kind == end] for end in ("Parameter", "Result"))
        if len(inputs) != 1 or len(outputs) != 1:
            raise self._refuse(f"{len(inputs)} inputs and {len(outputs)} outputs; expected one of each")
        after, before = defaultdict[str, list[str]](list), dict[str, str]()
        for source, target in self._edges:
            after[source].append(target)
            before.setdefault(target, source)
        last, seen = before.get(outputs[0], ""), {outputs[0]}
        while self._types.get(last) in _CONVERTING and last not in seen:  # a circle would have no end
            seen.add(last)
            last = before.get(last, "")
        first, found = after[inputs[0]], set[str]()
        while new := set(first) - found:
            found |= new
            first = [j for i in new if self._types.get(i) in _CONVERTING for j in after[i]]
        return Built(
            self._ends.get(inputs[0], Port("image", (), "")),
            self._ends.get(outputs[0], Port("output", (), "")),
            any(self._types.get(i) in _ARITHMETIC for i in found),
            self._types.get(last) == "SoftMax",
        )

    def _refuse(self, reason: str) -> TargetError:
        return TargetError(f"{self._where}: {reason}")

    def _doctype(self, *_: object) -> None:
        raise self._refuse("has a DOCTYPE, which could name other files; OpenVINO writes none")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._path and name != "net":
            raise self._refuse(f"not an .xml file of OpenVINO: found element '{name[:60]}', expected 'net'")
        self._path.append(name)
        if len(self._path) > 64:
            raise self._refuse("has elements more than 64 deep; OpenVINO writes fewer")
        if name == "layer":
            self.layers += 1
            if self.layers > MAX_LAYERS:
                raise self._refuse(f"more than {MAX_LAYERS:,} layers; a net that genocc can run has fewer")
            self._layer = attributes.get("id", "")
            self._types[self._layer] = attributes.get("type", "")
            if attributes.get("type") in _LOOPS:
                raise self._refuse(f"has a layer of type {attributes['type']}, which may run for ever; expected a net")
        elif name == "data":
            self._check_data(attributes)
        elif name == "port":
            self._values = 1
            if self._types.get(self._layer) in ("Parameter", "Result"):
                kind = _TYPES.get(attributes.get("precision", ""), attributes.get("precision", "")[:20])
                self._ends[self._layer] = Port(attributes.get("names", "")[:60], (), f"tensor({kind})")
        elif name == "edge":
            self._edges.append((attributes.get("from-layer", ""), attributes.get("to-layer", "")))
        elif self._path[:3] == ["net", "rt_info", METADATA] and len(self._path) == 4:
            self.texts[name] = attributes.get("value", "")
        self._text = ""

    def _end(self, name: str) -> None:
        self._path.pop()
        if name != "dim":
            return
        size = self._whole(self._text.strip(), "dim")
        if (port := self._ends.get(self._layer)) is not None:
            self._ends[self._layer] = replace(port, shape=(*port.shape[:8], size if size > 0 else None))
        if size > 0:  # -1 where any is possible
            self._values *= size
            if self._values > MAX_VALUES:
                raise self._refuse(f"a layer has more than {MAX_VALUES:,} values; a net that genocc can run has fewer")

    def _characters(self, text: str) -> None:
        if self._path[-1:] == ["dim"]:
            self._text += text[:32]

    def _check_data(self, attributes: Mapping[str, str]) -> None:
        if "offset" in attributes and "size" in attributes:
            offset, size = (self._whole(attributes[key], key) for key in ("offset", "size"))
            if offset < 0 or size < 0 or offset + size > self._weights:
                raise self._refuse(
                    f"a constant ends at byte {offset + size:,} of the weights, which have {self._weights:,}; "
                    "they are those of another file, or damaged"
                )

    def _whole(self, text: str, what: str) -> int:
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 20):
            raise self._refuse(f"damaged: {what} is '{text[:30]}'; expected a whole number")
        return int(text)
