"""Provenance of an exported file, in its own metadata: enough to rebuild the net that it was compiled from.

Text by key, so that every container has a place for it (ONNX's ``metadata_props``, a .pt2 file's extra files).
Nothing in it depends on the machine or the time: the same net gives the same text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from genocc.errors import GenoccError, TargetError
from genocc.genotype import Genotype
from genocc.network import NetworkConfig
from genocc.passes import split
from genocc.version import __version__

Normalization = tuple[tuple[float, ...], tuple[float, ...]]
"""Mean and standard deviation of each input channel, of images in 0..1."""


@dataclass(frozen=True)
class Provenance:
    """Where a file comes from.

    Attributes:
        genotype: What was compiled.
        config: The network around the cells.
        passes: Names of the passes that ran.
        seed: Of untrained weights; None where the weights were given.
        class_names: In the order of the outputs; empty where they are not known.
        normalization: Mean and deviation by which images were normalized in training; None where not known.
        normalize: Mean and deviation that the net itself applies to its input.
        uint8_input: Whether the input is uint8 0..255 instead of float32.
        softmax: Whether the output is probabilities instead of logits.
        version: Of the genocc that wrote the file.
    """

    genotype: Genotype
    config: NetworkConfig
    passes: tuple[str, ...] = ()
    seed: int | None = None
    class_names: tuple[str, ...] = ()
    normalization: Normalization | None = None
    normalize: Normalization | None = None
    uint8_input: bool = False
    softmax: bool = False
    version: str = __version__

    def __post_init__(self) -> None:
        object.__setattr__(self, "normalization", self.normalization or self.normalize)

    @property
    def weights(self) -> str:
        """Trained, or untrained with their seed; for people."""
        return "trained weights" if self.seed is None else f"untrained weights, seed {self.seed}"

    def to_metadata(self) -> dict[str, str]:
        """Returns the texts by key, in a fixed order."""
        found = {
            "genotype": self.genotype.dumps(),
            "hash": self.genotype.hash,
            "network": json.dumps(self.config.model_dump(mode="json")),
            "weights": self.weights,
            "trained": json.dumps(self.seed is None),
            "seed": "" if self.seed is None else str(self.seed),
            "passes": ",".join(self.passes),
            "class_names": json.dumps(self.class_names, ensure_ascii=False) if self.class_names else "",
            "mean": json.dumps(self.normalization[0]) if self.normalization else "",
            "std": json.dumps(self.normalization[1]) if self.normalization else "",
            "normalize": json.dumps(self.normalize is not None) if self.normalization else "",
            "uint8_input": json.dumps(self.uint8_input),
            "softmax": json.dumps(self.softmax),
            "genocc_version": self.version,
        }
        return {key: text for key, text in found.items() if text}

    @classmethod
    def from_metadata(cls, texts: Mapping[str, str], where: str) -> Self:
        """Returns what the texts of a file say.

        Args:
            texts: The file's metadata.
            where: The file, for messages.

        Raises:
            TargetError: The file is not genocc's, or a text in it is damaged.
        """
        if "genocc_version" not in texts or "genotype" not in texts:
            raise TargetError(f"{where}: no genotype in its metadata; expected a file that `genocc compile` wrote")
        try:
            mean, std = (tuple(map(float, json.loads(texts.get(key, "[]")))) for key in ("mean", "std"))
            known = (mean, std) if mean else None
            inside = json.loads(texts.get("normalize", "true")) is True
            return cls(
                Genotype.loads(texts["genotype"], where),
                NetworkConfig.make(**json.loads(texts["network"])),
                split(texts.get("passes", "")),
                int(texts["seed"]) if "seed" in texts else None,
                tuple(map(str, json.loads(texts.get("class_names", "[]")))),
                known,
                known if inside else None,
                json.loads(texts.get("uint8_input", "false")) is True,
                json.loads(texts.get("softmax", "false")) is True,
                texts["genocc_version"],
            )
        except GenoccError as error:
            raise TargetError(f"{where}: damaged metadata: {error}") from None
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise TargetError(f"{where}: damaged metadata: {type(error).__name__}: {error}") from None
