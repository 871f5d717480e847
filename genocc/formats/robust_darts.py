"""The result files of RobustDARTS: YAML whose leaves are genotypes in the DARTS dialect."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from genocc.errors import FormatError
from genocc.formats.cells import ForeignCell
from genocc.formats.darts import Darts
from genocc.formats.sightings import Sighting
from genocc.genotype import Genotype


class RobustDarts(Darts):
    """A genotype is named by the keys that lead to it, joined by ``/``: ``s1_cifar10/0.0_0.0003/1``."""

    name = "robust-darts"
    origin = "automl/RobustDARTS experiments/search_logs/results_arch.yaml"
    expected = "YAML with a leaf Genotype(normal=[...], normal_concat=..., reduce=[...], reduce_concat=...)"

    def entries(self, text: str) -> Sequence[Sighting]:
        from genocc.formats import plain_yaml

        found: dict[str, str] = {}
        for path, value in _leaves(plain_yaml.load(text) if "Genotype" in text else {}):
            if path in found:
                raise FormatError(f"two genotypes are named {path}; expected keys without '/'")
            found[path] = value
        return [Sighting(path, value) for path, value in found.items()]

    def cells(self, entry: Any) -> Mapping[str, ForeignCell]:
        if (number := len(re.findall(r"Genotype\s*\(", entry))) != 1:
            raise FormatError(f"found {number} genotypes in one leaf; expected {self.expected}")
        calls = super().entries(entry)
        return super().cells(calls[0].parsed())

    def text(self, genotype: Genotype) -> str:
        import yaml

        return yaml.safe_dump({genotype.name: self.call(genotype)}, allow_unicode=True)


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        if re.match(r"Genotype\s*\(", value):
            yield path, value
        return
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for key, item in items:
        yield from _leaves(item, f"{path}/{key}" if path else str(key))
