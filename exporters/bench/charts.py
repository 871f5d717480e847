"""Bar charts of benchmarks."""

from __future__ import annotations

from pathlib import Path

from genocc.errors import TargetError
from genocc.files import write_atomically

from ..drawing.style import figure_style
from .benchmark import Benchmark

SUFFIXES = (".svg", ".pdf", ".png")
_COLORS = ("#0060a8", "#c48a00", "#009e73", "#8a1c5c", "#6e6e6e")
_HATCHES = ("", "///", "...", "xxx", "\\\\\\")


def check_suffix(path: Path) -> None:
    """Refuses files that are not drawn; raises TargetError."""
    if path.suffix not in SUFFIXES:
        raise TargetError(f"{path}: charts are drawn as {', '.join(SUFFIXES)}; found suffix '{path.suffix}'")


def draw_benchmark(result: Benchmark, path: Path) -> None:
    """Draws the latencies as bars, a group per backend and a bar per batch size.

    Raises:
        TargetError: The suffix is none of ``SUFFIXES``.
        FileError: The file cannot be written.
    """
    from matplotlib.figure import Figure

    check_suffix(path)
    names = [backend.name for backend in result.backends]
    batches = list(dict.fromkeys(timing.batch for timing in result.timings))
    with figure_style({"svg.fonttype": "none", "svg.hashsalt": "genocc", "pdf.fonttype": 42, "font.size": 9}):
        figure = Figure(figsize=(7, 0.8 + 0.28 * len(names) * len(batches) + 0.12 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        thickness = 0.84 / len(batches)
        for number, batch in enumerate(batches):
            latencies = [
                t.latency / batch * 1e3
                for name in names
                for t in result.timings
                if (t.backend, t.batch) == (name, batch)
            ]
            places = [position + (number - (len(batches) - 1) / 2) * thickness for position in range(len(names))]
            color, hatch = _COLORS[number % len(_COLORS)], _HATCHES[number % len(_HATCHES)]
            bars = axes.barh(
                places, latencies, thickness * 0.92, label=f"batch {batch}", color=color, hatch=hatch, edgecolor="white"
            )
            axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=8)
        axes.set_yticks(range(len(names)), names)
        axes.invert_yaxis()
        axes.set_xlabel("milliseconds per image")
        axes.margins(x=0.1)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False)
        axes.set_title(
            f"{result.genotype}, {result.config.skeleton} {result.config.channels}x{result.config.layers}; "
            f"{result.machine}, {result.threads} threads",
            fontsize=9,
            loc="left",
        )
        metadata = {"Date": None} if path.suffix == ".svg" else {"CreationDate": None} if path.suffix == ".pdf" else {}
        write_atomically(path, lambda temporary: figure.savefig(temporary, dpi=150, metadata=metadata))
