"""Whether the genotype and the weights in a run folder are the run's own, which another's may have replaced.

Both have shapes that fit many runs: the folder would say of one net what was measured of another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

from genocc import weights
from genocc.errors import RunError
from genocc.genotype import Genotype
from genocc.provenance import Provenance
from genocc.runs.epochs import number_at
from genocc.runs.folder import MOVABLE
from genocc.runs.reading import (
    CONFIG,
    HISTORY,
    RUN_BEST,
    RUN_GENOTYPE,
    SAMPLES,
    SEARCH,
    SEARCH_SEEDS,
    TRAIN,
    best_weights,
    read_command,
    read_config,
    read_epochs,
    read_known_data,
)

_NETWORK = ("skeleton", "channels", "layers", "stem_stride", "auxiliary")


def check_genotype(folder: str | Path, genotype: Genotype) -> None:
    """Checks that a run's genotype.json has the cells that a training trains, or that a search has ended with.

    Of several searches, it is that of one of them. A search says nothing whose history is gone, or was cut.

    Raises:
        RunError: It has other cells.
        GenotypeError: What the run says of its genotype is none.
    """
    folder, own = Path(folder), list[Genotype]()
    command = read_command(folder)
    if command == TRAIN:
        own = _of_training(folder)
    elif command == SEARCH:
        own = _of_search(folder)
    elif command == SEARCH_SEEDS:
        own = [Genotype.load(path) for path in sorted(folder.glob(f"seed-*/{RUN_GENOTYPE}"))]
    if own and all(one.cells != genotype.cells for one in own):
        said = {TRAIN: f"that {CONFIG} trains", SEARCH: f"that {HISTORY} ends with", SEARCH_SEEDS: "of any seed"}
        raise RunError(
            f"{folder / RUN_GENOTYPE}: its cells are not those {said[command]}; put the run's own file back, and give "
            "other cells a file outside of the run"
        )


def own_weights(folder: str | Path, instead: str) -> tuple[Path, Provenance]:
    """Returns the file of a training's best weights, and what it says of their net.

    Args:
        folder: The run folder.
        instead: What messages advise where there are none.

    Raises:
        RunError: There are none, or they are another training's.
        FileError: They cannot be read.
        TargetError: They do not say which net they belong to.
        GenotypeError: What the run says of its genotype is none.
    """
    best = best_weights(folder, instead)
    found = Provenance.from_metadata(weights.metadata(best), str(best))
    check_weights(folder, found)
    return best, found


def check_weights(folder: str | Path, found: Provenance) -> None:
    """Checks that the best weights of a training are of its net and its classes, by what their file says.

    Raises:
        RunError: They are another's; the message names the first difference.
        GenotypeError: What the run says of its genotype is none.
    """
    folder = Path(folder)
    config, known = read_config(folder, TRAIN), read_known_data(folder)
    asked: Any = config.get("network")
    network: Mapping[str, Any] = asked if isinstance(asked, Mapping) else {}
    differences = [
        (name, getattr(found.config, name), network[name])
        for name in _NETWORK
        if network.get(name) not in (None, getattr(found.config, name))
    ]
    if any(own.cells != found.genotype.cells for own in _of_training(folder)):
        differences.insert(0, ("cells", f"those of '{found.genotype.name}'", "others"))
    classes = known.get("classes") if isinstance(known, Mapping) else None
    if isinstance(classes, list) and found.class_names and list(found.class_names) != classes:
        differences.append(("classes", list(found.class_names), classes))
    differences += _in_training(found.training, training_text(config, known))
    if differences:
        name, own, wanted = ((str(one) if isinstance(one, str) else json.dumps(one))[:80] for one in differences[0])
        raise RunError(
            f"{folder / RUN_BEST}: is of another training: its {name} are {own}, the run's {wanted}; put the run's own "
            "file back"
        )


def training_text(config: Mapping[str, Any], images: object) -> str:
    """Returns what the weights of a training say of it: its settings, and a digest of its images; not where they lie.

    Args:
        config: Of the run, plain.
        images: What the run notes of them (`genocc.data.DataSet.identity`), plain.
    """
    settings = {name: value for name, value in _leaves(config) if not name.startswith(("genotype.", *MOVABLE))}
    if isinstance(images, Mapping):  # weights of a run that an older version began say no more than its config.json
        images = {name: value for name, value in images.items() if name != SAMPLES}
    noted = json.dumps(images, sort_keys=True, ensure_ascii=False)
    return json.dumps({**settings, "images": sha256(noted.encode()).hexdigest()[:16] if images else None})


def _in_training(found: str, own: str) -> list[tuple[str, Any, Any]]:
    """The settings in which two texts of `training_text` differ; what one does not state, as older ones, is none."""
    if not found:
        return []
    try:
        theirs: Any = json.loads(found)
    except (ValueError, RecursionError):
        theirs = None
    if not isinstance(theirs, dict):
        return [("settings", "damaged", "whole")]
    return [
        (name, theirs[name], value)
        for name, value in json.loads(own).items()
        if name in theirs and theirs[name] != value and None not in ((theirs[name], value) if name == "images" else ())
    ]


def _leaves(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def _of_search(folder: Path) -> list[Genotype]:
    """What the last epoch of a search has derived; empty where its history does not say it."""
    history, epochs = read_epochs(folder), number_at(read_config(folder, SEARCH), "schedule.epochs")
    last = history[-1] if history else {}
    if "genotype" not in last or ("draws" not in last and epochs != len(history)):  # a search that trains nothing: one
        return []
    return [Genotype.from_dict(last["genotype"], where=f"{folder / HISTORY}: line {len(history)}: genotype")]


def _of_training(folder: Path) -> list[Genotype]:
    """What a training trains; empty where its config.json does not say it."""
    config = read_config(folder, TRAIN)
    return (
        [Genotype.from_dict(config["genotype"], where=f"{folder / CONFIG}: genotype")] if "genotype" in config else []
    )
