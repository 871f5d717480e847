"""What searches found, kept: for each run its settings, genotype, cells and curves, and a table of them all.

    python benchmarks/keep_searches.py runs/darts runs/pc-darts --out docs/results/searches

The searches themselves are `genocc search`; docs/results/searches.md says which.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import typer

from genocc.exporters.drawing import graphviz
from genocc.files import write_atomically
from genocc.runs.reading import CONFIG
from genocc.searchers.result import SearchResult

COLUMNS = ("method", "epochs", "images", "validation", "child net", "edges", "skips", "entropy", "MACs", "parameters")


def main(
    runs: Annotated[list[Path], typer.Argument(help="Folders of finished searches.")],
    out: Annotated[Path, typer.Option(help="Where to keep them.")],
) -> None:
    """Writes OUT/METHOD/ for each run, and prints the table in Markdown."""
    print("| " + " | ".join(COLUMNS) + " |")
    print("|" + "---|" * len(COLUMNS))
    for run in runs:
        result = SearchResult.read(run)
        folder = out / result.config.method
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(run / CONFIG, folder / CONFIG)
        write_atomically(folder / "genotype.json", result.genotype.dumps())
        graphviz.draw(result.genotype, folder / "cells.svg")
        _draw_curves(result, folder / "curves.svg")
        print("| " + " | ".join(_row(result)) + " |")


def _row(result: SearchResult) -> tuple[str, ...]:
    last, data = result.history[-1], result.config.data
    return (
        f"[{result.config.method}](searches/{result.config.method})",
        str(len(result.history)),
        f"{data.training:,.0f} + {data.validation:,.0f}",
        f"{result.validation_accuracy:.1%}",
        f"{result.child_accuracy:.1%}",
        " + ".join(str(sum(counts)) for counts in last["edges_per_node"].values()),
        " + ".join(map(str, last["skip_connections"].values())),
        ", ".join(f"{value:.2f}" for value in last["entropy"].values()),
        f"{result.macs:,}",
        f"{result.parameters:,}",
    )


def _draw_curves(result: SearchResult, path: Path) -> None:
    epochs = [line["epoch"] for line in result.history]
    figure, (accuracy, entropy, edges) = plt.subplots(1, 3, figsize=(12, 3.2), layout="constrained")
    accuracy.plot(epochs, [line["validation_accuracy"] for line in result.history], label="super-net, validation")
    accuracy.plot(epochs, [line["child_accuracy"] for line in result.history], "--", label="child net, validation")
    for kind, style in (("normal", "-"), ("reduction", "--")):
        entropy.plot(epochs, [line["entropy"][kind] for line in result.history], style, label=kind)
        edges.plot(epochs, [sum(line["edges_per_node"][kind]) for line in result.history], style, label=kind)
    for axes, title in ((accuracy, "accuracy"), (entropy, "entropy, nats"), (edges, "edges of the derived cell")):
        axes.set(title=title, xlabel="epoch")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.suptitle(f"{result.config.method} on {result.config.data.name}, seed {result.config.seed}")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


if __name__ == "__main__":
    typer.run(main)
