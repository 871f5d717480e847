"""Whether the runs of an experiment can stand in one table: on the same images, and of a row's one genotype.

Days may lie between two jobs: meanwhile images may have been added, or a genotype's file edited.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from genocc.data.settings import data_fields
from genocc.errors import RunError
from genocc.experiments.plan import Plan, RowPlan, Step
from genocc.runs.reading import CONFIG, read_config, read_known_data
from genocc.source import load


def check_comparable(plan: Plan) -> None:
    """Checks the jobs that have begun against each other, and against what the next ones would take.

    Raises:
        RunError: Two of them have other images, or one has those of another data set than ``plan.data``; or a row's
            trainings have other cells than its genotype.
        GenoccError: A run folder or a genotype cannot be read.
    """
    images: dict[object, tuple[Step, Any]] = {}
    for row in plan.rows:
        for step in dict.fromkeys(step for point in row.points for step in (point.search, point.training) if step):
            if not (step.folder / CONFIG).is_file():
                continue
            config = read_config(step.folder, step.kind)
            _check_images(plan, step, config, images)
            if step.kind == "train" and row.row.genotype is not None:
                _check_genotype(row, step, config)


def _check_images(plan: Plan, step: Step, config: Mapping[str, Any], images: dict[object, tuple[Step, Any]]) -> None:
    """Compares what a run has noted of its images with the first run on the same ones."""
    data: Any = config.get("data")
    named = data if isinstance(data, Mapping) else {}
    if plan.data is not None and (asked := data_fields(plan.data)["name"]) != named.get("name"):
        raise RunError(
            f"{step.name}: was run on data set '{named.get('name')}', and --data names '{asked}': one table cannot "
            "have both; name the place of the same images, or choose another --out"
        )
    place = None if plan.data is not None else named.get("folder")  # of all jobs the same images, wherever they lay
    known = read_known_data(step.folder)
    first, noted = images.setdefault((named.get("name"), place), (step, known))
    if known is not None and noted is not None and known != noted:
        raise RunError(
            f"{step.name}: was run on other images than {first.name}, both of data set '{named.get('name')}': they "
            "have changed in between; begin the experiment anew in another --out"
        )


def _check_genotype(row: RowPlan, step: Step, config: Mapping[str, Any]) -> None:
    genotype: Any = config.get("genotype")
    own = load(str(row.row.genotype)).model_dump(mode="json", exclude_none=True)
    if isinstance(genotype, Mapping) and genotype.get("cells") != own["cells"]:
        raise RunError(
            f"{step.name}: has trained other cells than {row.row.genotype} has now; put the genotype back, or begin "
            "the experiment anew in another --out"
        )
