"""A table of an experiment as Markdown, as CSV, and what stands under it: claim, jobs, machine, settings."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path

from genocc.errors import ConfigError
from genocc.experiments.figure import SUFFIXES, write_figure
from genocc.experiments.plan import RowPlan, Step
from genocc.experiments.table import Table
from genocc.files import write_atomically
from genocc.runs.costs import format_duration
from genocc.runs.outputs import refuse_overwriting


def write(table: Table, output: Path, folder: Path) -> None:
    """Writes the table as Markdown or CSV, or the experiment's figure, by the file's suffix.

    Args:
        table: What there is so far.
        output: The file; ``-`` is standard output, in Markdown.
        folder: The experiment's, whose own files are never written over.

    Raises:
        ConfigError: The suffix is another, or the experiment has no figure.
        FileError: The file cannot be written, or is one of the experiment's.
    """
    refuse_overwriting(output, folder)
    suffix = output.suffix.lower()
    if suffix == ".csv":
        write_atomically(output, comma_separated(table))
    elif suffix == ".md" or str(output) == "-":
        write_atomically(output, markdown(table))
    elif suffix in SUFFIXES:
        write_figure(table, output)
    else:
        raise ConfigError(f"{output}: expected a .md or .csv file, or a figure: {', '.join(SUFFIXES)}")


def headings(table: Table) -> list[str]:
    """Returns the heading of every column that is written; a paper's figures stand behind ours."""
    found = [table.plan.experiment.heading]
    for column in table.columns:
        found += [column.heading, *(["paper"] if table.has_paper(column) else [])]
    return found


def lines(table: Table) -> list[list[str]]:
    """Returns the rows as texts."""
    found = []
    for row in table.plan.rows:
        texts = [row.row.name]
        for column in table.columns:
            cell = table.cells[row.row.name][column.name]
            texts += [cell.text(), *([cell.paper_text()] if table.has_paper(column) else [])]
        found.append(texts)
    return found


def state(table: Table) -> str:
    """Returns how far the experiment is, and where it ran, in a few sentences."""
    experiment = table.plan.experiment
    over = {column.over for column in table.columns if column.kendall is None}
    found = f"Scale {table.plan.scale}; {table.done} of {len(table.plan.steps)} jobs done"
    if table.failed:
        found += f", {len(table.failed)} failed"
    found += f"; {format_duration(table.seconds)} in all runs together"
    found += f" on {'; '.join(table.devices)}." if table.devices else "."
    if "mean" in over:
        found += " Mean ± deviation of the sample, and the number of values."
    if any(column.kendall for column in experiment.columns):
        found += " Kendall's tau-b."
    return found


def commands(table: Table) -> list[str]:
    """Returns the commands of the first seed of each row, without their folders."""
    found = []
    for row in table.plan.rows:
        found.append(f"# {row.row.name}: seeds {_seeds(row)}")
        point = row.points[0]
        found += [_command(step) for step in (point.search, point.training) if step is not None]
    return found


def _seeds(row: RowPlan) -> str:
    seeds = list(row.seeds)
    whole = len(seeds) > 2 and seeds == list(range(seeds[0], seeds[-1] + 1))
    return f"{seeds[0]} to {seeds[-1]}" if whole else ", ".join(map(str, seeds))


def _command(step: Step) -> str:
    """A command with folders as `runs/...`, as in the experiment's folder."""
    root = str(step.folder)[: -len(step.name)]
    return "genocc " + shlex.join(word.replace(root, "runs/", 1) for word in step.arguments)


def markdown(table: Table) -> str:
    """Returns a page with the table and all that stands under it."""
    experiment = table.plan.experiment
    heads = headings(table)
    page = [f"# {experiment.title}", ""]
    if experiment.source:
        page += [f"{experiment.source}.", ""]
    if experiment.claim:
        page += [f"**Claim:** {experiment.claim}", ""]
    page += [_row(heads), "|" + "|".join(["---"] + ["---:"] * (len(heads) - 1)) + "|"]
    page += [_row(texts) for texts in lines(table)]
    page += ["", state(table), ""]
    page += [f"- {note}" for note in experiment.notes]
    page += [f"- Failed: `{name}`: {message}" for name, message in table.failed.items()]
    if experiment.notes or table.failed:
        page.append("")
    page += ["```", *commands(table), "```"]
    return "\n".join(page) + "\n"


def comma_separated(table: Table) -> str:
    """Returns one line per row: of each column the figure shown, its deviation, the number of values, the paper's."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    names = [column.name for column in table.columns]
    parts = ("", "_deviation", "_n", "_paper", "_paper_deviation")
    writer.writerow(["row", *(f"{name}{part}" for name in names for part in parts)])
    for row, cells in table.cells.items():
        figures: list[object] = []
        for name in names:
            cell = cells[name]
            figures += [cell.shown, cell.deviation, len(cell.values), *(cell.paper or (None, None))]
        writer.writerow([row, *("" if figure is None else figure for figure in figures)])
    return stream.getvalue()


def _row(texts: list[str]) -> str:
    return "| " + " | ".join(text.replace("|", r"\|").replace("\n", " ") for text in texts) + " |"
