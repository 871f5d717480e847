"""What an experiment's runs found, small enough to be kept in a repository, as a folder of which tables are made.

    python benchmarks/keep_results.py runs/e1 --out docs/results/runs/entrannas-table-1
    genocc experiment docs/results/runs/entrannas-table-1 --table

Kept are the settings, the history and the genotype of each run that has ended; left out are checkpoints, logs and
weights: ``last.safetensors`` is empty, and only says that its training has ended. An experiment can go on in a copy of
such a folder, on another machine too: what is kept is not run again.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer
from running import run

from genocc.cli.console import note
from genocc.errors import GenoccError
from genocc.experiments.comparable import check_comparable
from genocc.experiments.sources import EXPERIMENT_FILE, own_plan
from genocc.files import explained
from genocc.runs.reading import CONFIG, HISTORY, LOCK, RUN_GENOTYPE, RUN_LAST, RUN_TEST


def main(
    experiment: Annotated[Path, typer.Argument(help="Folder of an experiment.")],
    out: Annotated[Path, typer.Option(help="Where to keep it; what an earlier call kept there is replaced.")],
) -> None:
    """Copies what tables are made of."""
    found = own_plan(experiment)
    check_comparable(found)
    # An experiment that has run there, or goes on there, has a lock: its checkpoints are not ours to remove.
    if out.resolve() == experiment.resolve():
        raise GenoccError(f"{out}: is what is to be kept; name another folder")
    if out.exists() and ((out / LOCK).exists() or not (out / EXPERIMENT_FILE).exists()):
        raise GenoccError(f"{out}: is no kept experiment; name a new folder")
    ended = [step for step in found.steps if step.done]
    with explained(out, "keep"):
        shutil.rmtree(out, ignore_errors=True)
        _copy(experiment, out, CONFIG, EXPERIMENT_FILE, HISTORY)
        for step in ended:
            folder = out / step.folder.relative_to(experiment)
            _copy(step.folder, folder, CONFIG, RUN_GENOTYPE, HISTORY, RUN_TEST)
            if step.kind == "train":
                (folder / RUN_LAST).touch()
    note(f"{out}: {len(ended)} of {len(found.steps)} jobs")


def _copy(source: Path, destination: Path, *names: str) -> None:
    destination.mkdir(parents=True, exist_ok=True)
    for name in names:
        if (source / name).is_file():
            shutil.copyfile(source / name, destination / name)


if __name__ == "__main__":
    run(main)
