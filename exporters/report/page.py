"""The page of a run: the evolution of its cells, its curves and its genotype with costs, in a single HTML file.

The page fetches nothing. Content of the run reaches it through a template engine that escapes, or as JSON in which no
markup can end the element that holds it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from genocc.errors import TargetError
from genocc.files import write_atomically
from genocc.genotype import Genotype
from genocc.operations import get
from genocc.results.run_data import RunData
from genocc.runs.costs import format_duration
from genocc.runs.epochs import kept_top1, number_at
from genocc.runs.history import read_test
from genocc.runs.outputs import refuse_overwriting
from genocc.version import __version__

from ..drawing.diagram import readable, readable_on_dark
from ..drawing.evolution import CellEvolution, cell_evolutions, sampled_epochs
from .cells import every_epoch, last_epoch
from .charts import Chart, chart_svg, charts, format_value
from .genotype import genotype_part

LARGEST = 5_000_000
"""Size limit of a page, in bytes."""
DASHES = {"solid": "none", "bold": "none", "dashed": "13 2.5", "dotted": "4 2"}
"""Dash of an operation -> that of its ribbon."""


def write_report(run: str | Path, path: str | Path) -> None:
    """Writes the page of a run folder, all or nothing.

    Args:
        run: The folder of a search, of several searches with different seeds, or of a training; finished or not.
        path: The HTML file.

    Raises:
        TargetError: The file does not end in .html, would be larger than 5 MB, or ``dot`` is missing or fails.
        RunError: The folder is no run's, has no epoch yet, or something in it is broken.
        FileError: The file cannot be written, or one of the run's cannot be read.
    """
    if Path(path).suffix.lower() not in (".html", ".htm"):
        raise TargetError(f"{path}: a report is a page; expected a name that ends in .html")
    refuse_overwriting(path, run)
    write_atomically(path, page(RunData.read(run)))


def page(run: RunData) -> bytes:
    """Returns the page of a run; raises TargetError or RunError as `write_report`."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    evolutions = cell_evolutions(run.reported, run.history)
    ribbons = sum(len(cell.lanes) * len(cell.operations) for cell in evolutions)
    positions = sampled_epochs(ribbons, len(run.history))
    numbers = [int(number_at(line, "epoch") or position) for position, line in enumerate(run.history, start=1)]
    operations = list(dict.fromkeys(name for cell in evolutions for name in cell.operations))
    drawn = charts(run.history)
    source = files(__package__).joinpath("templates")
    css, js, template = (
        source.joinpath(f"report.{suffix}").read_text(encoding="utf-8") for suffix in ("css", "js", "html.j2")
    )
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    content = environment.from_string(template).render(
        run=run,
        version=__version__,
        policy=_policy(js),
        css=Markup(css),  # noqa: S704 (our own file)
        js=Markup(js),  # noqa: S704 (our own file)
        colors=[_look(name) for name in operations],
        lead=_lead(run),
        facts=_facts(run),
        download=_download(run.genotype) if run.genotype else None,
        epochs=[numbers[position] for position in positions],
        thinned=_thinned(len(positions), len(numbers)),
        evolutions=[last_epoch(cell, operations) for cell in evolutions],
        operations=operations,
        compared=_compared(run),
        charts=_charts(drawn, numbers),
        genotype=genotype_part(run) if run.genotype else None,
        seeds=list(_seeds(run)),
        seeds_note=_seeds_note(run),
        config=json.dumps(run.config, indent=2, ensure_ascii=False),
        data=_data(evolutions, operations, drawn, numbers, positions),
    )
    encoded = content.encode()
    if len(encoded) > LARGEST:
        raise TargetError(
            f"{run.path}: its report has {len(encoded):,} bytes, more than the {LARGEST:,} that a page may have; "
            "its history is too large for one"
        )
    return encoded


def _policy(js: str) -> str:
    """The content security policy: this script and no other; nothing is fetched."""
    digest = base64.b64encode(hashlib.sha256(js.encode()).digest()).decode()
    return f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; img-src data:"


def _look(name: str) -> dict[str, str]:
    operation = get(name)
    return {
        "light": readable(operation.color),
        "dark": readable_on_dark(operation.color),
        "dash": DASHES[operation.dash],
    }


def _lead(run: RunData) -> str:
    config = run.config
    images, seed = config.get("data"), config.get("seed")
    data = images.get("name") if isinstance(images, dict) else None
    what = f"Search with {config.get('method')}" if run.command == "search" else "Training"
    epochs = f"{len(run.history)} of {run.planned or '?'} epochs"
    seconds = f" in {format_duration(run.seconds)}" if run.seconds is not None else ""
    return f"{what} on {data}, preset {config.get('preset')}, seed {seed}: {epochs}{seconds}"


def _facts(run: RunData) -> list[dict[str, str]]:
    last, found = run.history[-1], []
    if run.command == "search":
        shown = {
            "Validation accuracy": "validation_accuracy", "Child net": "child_accuracy",
            "Child net, stale BN": "child_accuracy_stale",
        }  # fmt: skip
        for name, place in shown.items():
            if place in last:
                found.append((name, format_value(number_at(last, place), percent=True)))
    else:
        tops = [kept_top1(line) for line in run.history]
        best = max((top for top in tops if top is not None), default=None)
        part = "validation" if "validation" in last else "test"
        average = ", averaged weights" if last.get("average") else ""  # which are those that are kept
        found.append((f"Best {part} top-1{average}", format_value(best, percent=True)))
        found.append((f"Last {part} top-1{average}", format_value(tops[-1], percent=True)))
        if run.finished and part == "validation":
            tested = float(read_test(run.reported)["top1"])
            found.append((f"Test top-1 of the best{average}", format_value(tested, percent=True)))
    if run.counts:
        net = run.counts.config
        found.append(("MACs", f"{run.counts.total.macs:,}"))
        found.append(("Parameters", f"{run.counts.total.parameters:,}"))
        height, width = net.input_size
        found.append(("Counted for", f"{net.skeleton} {net.channels}x{net.layers}, {height}x{width}"))
    found += run.costs.lines()
    return [{"name": name, "value": value} for name, value in found]


def _download(genotype: Genotype) -> dict[str, str]:
    name = re.sub(r"[^\w.-]+", "-", genotype.name, flags=re.ASCII).strip("-.") or "genotype"
    content = base64.b64encode(genotype.dumps().encode()).decode()
    return {"name": f"{name}.json", "url": f"data:application/json;base64,{content}"}


def _thinned(sampled: int, epochs: int) -> str:
    if sampled == epochs:
        return ""
    return f"The slider stops at {sampled} of {epochs} epochs, evenly spaced; the curves have all."


def _compared(run: RunData) -> str:
    relaxation = run.config.get("relaxation")
    dst = isinstance(relaxation, dict) and relaxation.get("dst")
    return "importance: a share of the node's strongest candidate" if dst else "importance: edge weight times share"


def _charts(drawn: Sequence[Chart], numbers: Sequence[int]) -> list[dict[str, Any]]:
    from markupsafe import Markup

    described, number = [], 0
    for chart in drawn:
        series = []
        for place, curve in enumerate(chart.series):
            value = format_value(curve.values[-1], percent=chart.percent)
            color, dash = place % 6 + 1, ("none", "6 3", "6 2 2 2", "2 2", "5 2 2 2 2 2", "8 3")[place % 6]
            series.append({"label": curve.label, "number": number, "value": value, "color": color, "dash": dash})
            number += 1
        svg = Markup(chart_svg(chart, numbers))  # noqa: S704 (matplotlib escapes)
        described.append({"title": chart.title, "series": series, "svg": svg})
    return described


def _data(
    evolutions: Sequence[CellEvolution],
    operations: Sequence[str],
    drawn: Sequence[Chart],
    numbers: Sequence[int],
    positions: Sequence[int],
) -> dict[str, Any]:
    """Everything that the script needs to show any other epoch."""
    return {
        "epochs": [numbers[position] for position in positions],
        "operations": list(operations),
        "series": [
            [format_value(curve.values[position], percent=chart.percent) for position in positions]
            for chart in drawn
            for curve in chart.series
        ],
        "cells": [every_epoch(cell, operations, positions) for cell in evolutions],
    }


def _seeds(run: RunData) -> Iterator[dict[str, Any]]:
    for seed in run.seeds:
        yield {
            "name": seed.name,
            "epochs": seed.epochs,
            "validation": format_value(seed.validation_accuracy, percent=True),
            "child": format_value(seed.child_accuracy, percent=True),
            "macs": f"{seed.counts.total.macs:,}" if seed.counts else "–",
            "parameters": f"{seed.counts.total.parameters:,}" if seed.counts else "–",
            "reported": seed.reported,
            "remark": ", ".join(
                [*(["this report"] if seed.reported else []), *([] if seed.finished else ["not finished"])]
            ),
        }


def _seeds_note(run: RunData) -> str:
    if run.finished:
        return "The folder's genotype is that of the seed that this report is about."
    return "Not all searches are finished; this report is about the one that is ahead so far."
