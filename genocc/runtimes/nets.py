"""Nets as PyTorch's runtimes take them: the graph that a file of weights describes, and its arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

from genocc import weights as weight_files
from genocc.graph import Graph
from genocc.lowering import lower
from genocc.provenance import Provenance
from genocc.runtimes.compiled_file import CompiledFile


@dataclass(frozen=True)
class NetFile(CompiledFile):
    """A .safetensors file of a net: the graph that its metadata describe, and its arrays."""

    suffix: ClassVar[str] = ".safetensors"
    runtimes: ClassVar[tuple[str, ...]] = ("eager",)

    where: str
    graph: Graph
    arrays: Mapping[str, Any]
    texts: Mapping[str, str]

    @classmethod
    def read(cls, path: str | Path, where: str) -> Self:
        texts = weight_files.metadata(path)
        described = Provenance.from_metadata(texts, where)
        graph = lower(described.genotype, described.config)
        arrays = weight_files.load(path)
        weight_files.check(arrays, graph, where)
        return cls(where, graph, arrays, texts)

    @property
    def metadata(self) -> Mapping[str, str]:
        return self.texts

    def built(self) -> None:
        return None
