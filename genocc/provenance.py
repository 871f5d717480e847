"""Provenance of an exported file, in its own metadata: enough to rebuild the net that it was compiled from.

Text by key, so that every container has a place for it (ONNX's ``metadata_props``, a .pt2 file's extra files).
Nothing in it depends on the machine or the time: the same net gives the same text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Self

from genocc.configuration import LARGEST
from genocc.errors import GenoccError, TargetError, WeightsError, quoted
from genocc.genotype import Cell, Genotype
from genocc.network import NetworkConfig
from genocc.passes import split
from genocc.precision import FLOAT32, PRECISIONS
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
        precision: In which the file computes; see `genocc.precision.PRECISIONS`.
        half_io: Whether input and output are float16 instead of float32.
        training: Of a training run's own weights, its settings and images (`genocc.runs.own_files`); empty elsewhere.
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
    precision: str = FLOAT32
    half_io: bool = False
    training: str = ""

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
            "wiring": wiring(self.genotype, self.config),
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
            "precision": "" if self.precision == FLOAT32 else self.precision,
            "half_io": json.dumps(True) if self.half_io else "",
            "training": self.training,
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
            genotype = Genotype.loads(texts["genotype"])
            if texts.get("hash", genotype.hash) != genotype.hash:
                raise TargetError(f"hash: found {quoted(texts['hash'])}; the genotype beside it has {genotype.hash}")
            config = _network(texts)
            if texts.get("wiring", own := wiring(genotype, config)) != own:
                raise TargetError(f"wiring: found {quoted(texts['wiring'])}; the net beside it has {own}")
            known = _normalization(texts, config)
            return cls(
                genotype,
                config,
                split(texts.get("passes", "")),
                _seed(texts),
                _class_names(texts, config),
                known,
                known if _flag(texts, "normalize", otherwise=True) else None,
                _flag(texts, "uint8_input"),
                _flag(texts, "softmax"),
                texts["genocc_version"],
                _precision(texts),
                _flag(texts, "half_io"),
                texts.get("training", ""),
            )
        except GenoccError as error:
            raise TargetError(f"{where}: damaged metadata: {error}") from None


def wiring(genotype: Genotype, config: NetworkConfig) -> str:
    """Returns a digest that nets share whose tensors of the same names and shapes have the same uses.

    The hash of a genotype is not enough: it is the same for other orders of edges, nodes and concat.
    """
    return sha256(json.dumps(_wired(genotype, config)).encode()).hexdigest()


def check_net(
    texts: Mapping[str, str],
    genotype: Genotype,
    config: NetworkConfig,
    where: str,
    run: Provenance | None = None,
    *,
    any_stem: bool = False,
) -> None:
    """Checks that weights are those of a net, as far as their names and shapes leave open.

    Args:
        texts: Metadata of their file. One that is not genocc's says nothing.
        genotype: Of the net that they are wanted for.
        config: The network around its cells.
        where: The file, for messages.
        run: What a training run says about its own weights, if the net is that of a run.
        any_stem: Whether the stem may have another stride than in training.

    Raises:
        TargetError: The metadata are damaged.
        WeightsError: They are of a net with other connections, or another stride of the stem, or were trained with
            other classes or another normalization than the run's.
    """
    if "genocc_version" not in texts or "genotype" not in texts:
        return
    found = Provenance.from_metadata(texts, where)
    trained, asked = _wired(found.genotype, found.config), _wired(genotype, config)
    for part, wanted in asked.items():
        if (own := trained.get(part)) == wanted or (part == "stem_stride" and any_stem):
            continue
        if part in _WIRED:
            raise WeightsError(f"{where}: its weights are of a net with {part} {own}; this one has {wanted}")
        raise WeightsError(
            f"{where}: its weights are of '{found.genotype.name}', whose {part} cell has the same tensors, and "
            f"other connections (or their order) than that of '{genotype.name}'; name the genotype that was trained"
        )
    for noun, theirs, its in (
        ("classes", found.class_names, run.class_names if run else ()),
        ("normalization", found.normalization, run.normalization if run else None),
    ):
        if theirs and its and theirs != its:
            raise WeightsError(
                f"{where}: {noun} {quoted(theirs)}; the run has {quoted(its)}; name the run of these "
                "weights, or the run's genotype.json"
            )


_WIRED = ("skeleton", "layers", "stem_stride")


def _wired(genotype: Genotype, config: NetworkConfig) -> dict[str, object]:
    """What the names of tensors rely on: fields of the network, and the connections of each kind of cell in it."""
    kinds = sorted({config.kind(number) for number in range(config.layers)})
    cells = {kind: _connections(genotype.cells.get(kind)) for kind in kinds}
    return {**{field: getattr(config, field) for field in _WIRED}, **cells}


def _connections(cell: Cell | None) -> object:
    """The edges in their order, and the order of the concat."""
    return cell and [[[[edge.op, edge.source] for edge in edges] for edges in cell.nodes], list(cell.concat)]


def _network(texts: Mapping[str, str]) -> NetworkConfig:
    found = _json(texts, "network", None)
    if not isinstance(found, dict):
        raise TargetError(f"network: found {quoted(texts.get('network'))}; expected a JSON object")
    return NetworkConfig.make(**found)


def _normalization(texts: Mapping[str, str], config: NetworkConfig) -> Normalization | None:
    if "mean" not in texts and "std" not in texts:
        return None
    mean, std = (_numbers(texts, key, config.input_channels) for key in ("mean", "std"))
    if min(std) <= 0:
        raise TargetError(f"std: found {quoted(texts['std'])}; expected deviations above 0")
    return mean, std


def _numbers(texts: Mapping[str, str], key: str, count: int) -> tuple[float, ...]:
    found = _json(texts, key, None)
    values = found if isinstance(found, list) else []
    numbers = tuple(float(value) for value in values if _is_number(value))
    if len(numbers) != count or len(values) != count:
        raise TargetError(f"{key}: found {quoted(texts.get(key))}; expected {count} finite numbers, one per channel")
    return numbers


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= LARGEST


def _seed(texts: Mapping[str, str]) -> int | None:
    trained = _flag(texts, "trained", otherwise="seed" not in texts)
    if trained == ("seed" in texts):
        raise TargetError(
            f"trained: found {texts['trained']}; the seed of untrained weights is {texts.get('seed', 'none')}"
        )
    if "seed" not in texts:
        return None
    if not re.fullmatch(r"[0-9]{1,20}", texts["seed"]):
        raise TargetError(f"seed: found {quoted(texts['seed'])}; expected a whole number")
    return int(texts["seed"])


def _class_names(texts: Mapping[str, str], config: NetworkConfig) -> tuple[str, ...]:
    found = _json(texts, "class_names", [])
    if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
        raise TargetError(f"class_names: found {quoted(texts['class_names'])}; expected a list of texts")
    if found and len(found) != config.classes:
        raise TargetError(f"class_names: found {len(found):,}; the network has {config.classes:,} classes")
    return tuple(found)


def _precision(texts: Mapping[str, str]) -> str:
    found = texts.get("precision", FLOAT32)
    if found not in PRECISIONS:
        raise TargetError(f"precision: found {quoted(found)}; expected one of {', '.join(PRECISIONS)}")
    return found


def _flag(texts: Mapping[str, str], key: str, *, otherwise: bool = False) -> bool:
    found = texts.get(key, json.dumps(otherwise))
    if found not in ("true", "false"):
        raise TargetError(f"{key}: found {quoted(found)}; expected true or false")
    return found == "true"


def _json(texts: Mapping[str, str], key: str, otherwise: Any) -> Any:
    if key not in texts:
        return otherwise
    try:
        return json.loads(texts[key])
    except (ValueError, RecursionError):
        raise TargetError(f"{key}: found {quoted(texts[key])}; expected JSON") from None
