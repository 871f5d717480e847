"""A run as one page: how its cells formed, its curves, its genotype with costs, everything in a single HTML file.

The page asks the network for nothing. What comes from the run reaches it through a template engine that escapes, or
as JSON in which no markup can end the element that holds it.
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
from genocc.runs.epochs import kept_top1, number_at
from genocc.version import __version__

from ..drawing.diagram import readable, readable_on_dark
from ..drawing.evolution import Formation, Strand, beside, form, lane_name, shown
from ..drawing.layout import Point
from .charts import Chart, charts, draw
from .charts import shown as written
from .genotype import genotype_part

LARGEST = 5_000_000
"""Bytes that a page may have."""
DASHES = {"solid": "none", "bold": "none", "dashed": "13 2.5", "dotted": "4 2"}
"""Dash of an operation -> that of its strand."""


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
    write_atomically(path, page(RunData.read(run)))


def page(run: RunData) -> bytes:
    """Returns the page of a run; raises TargetError or RunError as `write_report`."""
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    formations = form(run.reported, run.history)
    strands = sum(len(cell.lanes) * len(cell.operations) for cell in formations)
    positions = shown(strands, len(run.history))
    numbers = [int(number_at(line, "epoch") or position) for position, line in enumerate(run.history, start=1)]
    operations = list(dict.fromkeys(name for cell in formations for name in cell.operations))
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
        formations=[_cell(cell, operations) for cell in formations],
        operations=operations,
        compared=_compared(run),
        charts=_charts(drawn, numbers),
        genotype=genotype_part(run) if run.genotype else None,
        seeds=list(_seeds(run)),
        seeds_note=_seeds_note(run),
        config=json.dumps(run.config, indent=2, ensure_ascii=False),
        data=_data(formations, operations, drawn, numbers, positions),
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
    seconds = f" in {_duration(run.seconds)}" if run.seconds is not None else ""
    return f"{what} on {data}, preset {config.get('preset')}, seed {seed}: {epochs}{seconds}"


def _facts(run: RunData) -> list[dict[str, str]]:
    last, found = run.history[-1], []
    if run.command == "search":
        for name, place in {"Validation accuracy": "validation_accuracy", "Child net": "child_accuracy"}.items():
            found.append((name, written(number_at(last, place), percent=True)))
    else:
        tops = [kept_top1(line) for line in run.history]
        best = max((top for top in tops if top is not None), default=None)
        found.append(("Best test top-1", written(best, percent=True)))
        found.append(("Last test top-1", written(tops[-1], percent=True)))
    if run.counts:
        net = run.counts.config
        found.append(("MACs", f"{run.counts.total.macs:,}"))
        found.append(("Parameters", f"{run.counts.total.parameters:,}"))
        height, width = net.input_size
        found.append(("Counted for", f"{net.skeleton} {net.channels}x{net.layers}, {height}x{width}"))
    if run.seconds is not None:
        found.append(("Time", _duration(run.seconds)))
    return [{"name": name, "value": value} for name, value in found]


def _duration(seconds: float | None) -> str:
    minutes, rest = divmod(round(seconds or 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _download(genotype: Genotype) -> dict[str, str]:
    name = re.sub(r"[^\w.-]+", "-", genotype.name, flags=re.ASCII).strip("-.") or "genotype"
    content = base64.b64encode(genotype.dumps().encode()).decode()
    return {"name": f"{name}.json", "url": f"data:application/json;base64,{content}"}


def _thinned(shown_epochs: int, epochs: int) -> str:
    if shown_epochs == epochs:
        return ""
    return f"The slider stops at {shown_epochs} of {epochs} epochs, evenly spaced; the curves have all."


def _compared(run: RunData) -> str:
    relaxation = run.config.get("relaxation")
    dst = isinstance(relaxation, dict) and relaxation.get("dst")
    return "importance: a share of the node's strongest candidate" if dst else "importance: edge weight times share"


def _cell(cell: Formation, operations: Sequence[str]) -> dict[str, Any]:
    """A cell as it is in its last epoch, for the template; the script changes it from there."""
    layout, frame = cell.layout, cell.frames[-1]
    highest = max((s.importance for strands in frame.strands for s in strands), default=0.0) or 1.0
    lanes = []
    for lane, strands, label in zip(cell.lanes, frame.strands, frame.labels, strict=True):
        points, box = layout.lines[lane_name(lane)], layout.labels[lane_name(lane)]
        lanes.append(
            {
                "name": _lane_title(cell, lane),
                "first": lane[0] == min(source for source, target in cell.lanes if target == lane[1]),
                "middle": _d(points),
                "strands": [
                    {
                        "op": operations.index(name),
                        "d": _d(beside(points, strand.offset)),
                        "width": f"{strand.width:.2f}",
                        "opacity": f"{strand.opacity:.3f}",
                        "derived": strand.derived,
                        "shade": f"{strand.importance / highest if strand.width else 0:.3f}",
                        "text": f"{round(strand.importance, 3):.2f}" if strand.width else "·",
                    }
                    for name, strand in zip(cell.operations, strands, strict=True)
                ],
                "label": label,
                "op": operations.index(label.split(" ")[0]) if label else 0,
                "box": {
                    "x": f"{box.x - box.width / 2:.1f}",
                    "y": f"{box.y - box.height / 2:.1f}",
                    "width": f"{box.width:.1f}",
                    "height": f"{box.height:.1f}",
                    "cx": f"{box.x:.1f}",
                    "cy": f"{box.y:.1f}",
                },
            }
        )
    return {
        "kind": cell.kind,
        "caption": "1 edge" if frame.derived == 1 else f"{frame.derived} edges",
        "width": f"{layout.width:g}",
        "height": f"{layout.height:g}",
        "operations": cell.operations,
        "lanes": lanes,
        "concat": [_d(points) for name, points in layout.lines.items() if name.startswith("concat.")],
        "states": list(_states(cell)),
    }


def _states(cell: Formation) -> Iterator[dict[str, str]]:
    for state in cell.states:
        box = cell.layout.states[state.name]
        yield {
            "shape": state.shape.value,
            "label": state.label.replace("-", "−"),
            "x": f"{box.x:.1f}",
            "y": f"{box.y:.1f}",
            "r": f"{box.height / 2:.1f}",
            "left": f"{box.x - box.width / 2:.1f}",
            "top": f"{box.y - box.height / 2:.1f}",
            "width": f"{box.width:.1f}",
            "height": f"{box.height:.1f}",
        }


def _lane_title(cell: Formation, lane: tuple[int, int]) -> str:
    """``k-2 → 3``: the states of a lane as the drawing labels them."""
    source, target = (cell.states[state].label.replace("-", "−") for state in lane)
    return f"{source} → {target}"


def _d(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _charts(drawn: Sequence[Chart], numbers: Sequence[int]) -> list[dict[str, Any]]:
    from markupsafe import Markup

    described, number = [], 0
    for chart in drawn:
        series = []
        for place, curve in enumerate(chart.series):
            value = written(curve.values[-1], percent=chart.percent)
            color, dash = place % 6 + 1, ("none", "6 3", "6 2 2 2", "2 2", "5 2 2 2 2 2", "8 3")[place % 6]
            series.append({"label": curve.label, "number": number, "value": value, "color": color, "dash": dash})
            number += 1
        svg = Markup(draw(chart, numbers))  # noqa: S704 (matplotlib escapes)
        described.append({"title": chart.title, "series": series, "svg": svg})
    return described


def _seeds(run: RunData) -> Iterator[dict[str, Any]]:
    for seed in run.seeds:
        yield {
            "name": seed.name,
            "epochs": seed.epochs,
            "validation": written(seed.validation_accuracy, percent=True),
            "child": written(seed.child_accuracy, percent=True),
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


def _data(
    formations: Sequence[Formation],
    operations: Sequence[str],
    drawn: Sequence[Chart],
    numbers: Sequence[int],
    positions: Sequence[int],
) -> dict[str, Any]:
    """What the script needs to show any other epoch; numbers are rounded to what can be seen."""
    return {
        "epochs": [numbers[position] for position in positions],
        "operations": list(operations),
        "series": [
            [written(curve.values[position], percent=chart.percent) for position in positions]
            for chart in drawn
            for curve in chart.series
        ],
        "cells": [
            {
                "operations": [operations.index(name) for name in cell.operations],
                "lanes": [
                    {"name": _lane_title(cell, lane), "points": _with_normals(cell.layout.lines[lane_name(lane)])}
                    for lane in cell.lanes
                ],
                "frames": [_numbers(cell.frames[position].strands) for position in positions],
                "labels": [
                    [[operations.index(label.split(" ")[0]) if label else 0, label] for label in frame.labels]
                    for frame in (cell.frames[position] for position in positions)
                ],
            }
            for cell in formations
        ],
    }


def _with_normals(points: Sequence[Point]) -> list[float]:
    normals = beside(points, 1.0)
    return [
        round(value, digits)
        for (x, y), (nx, ny) in zip(points, normals, strict=True)
        for value, digits in ((x, 1), (y, 1), (nx - x, 3), (ny - y, 3))
    ]


def _numbers(lanes: Sequence[Sequence[Strand]]) -> list[float]:
    return [
        number
        for strands in lanes
        for s in strands
        for number in (
            round(s.offset, 1),
            round(s.width, 2),
            round(s.opacity, 2),
            int(s.derived),
            round(s.importance, 3),
        )
    ]
