"""The film of a search: a frame per epoch and some in between, all in the layout of the report."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genocc.errors import GenotypeError, TargetError
from genocc.files import write_atomically
from genocc.operations import get
from genocc.results.run_data import RunData
from genocc.runs.epochs import number_at
from genocc.runs.outputs import refuse_overwriting

from .diagram import FILLS, Role, readable
from .evolution import CellEvolution, Frame, Ribbon, beside, cell_evolutions, lane_name
from .style import figure_style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

SUFFIXES = (".gif", ".mp4")
DOTS = 84
"""Dots per inch: a cell of four nodes is about 900 wide."""
PER_SECOND = 8
EPOCH = 4
"""Frames per epoch, while all of them are fewer than ``MOST``; more epochs get fewer, then some are left out."""
MOST = 240
HOLD = 24
"""Frames for which the end stands still, and a third of them for the beginning."""
COLORS = 64
"""Of the palette that all frames of a .gif share."""
TIMEOUT = 300
"""Seconds after which ``ffmpeg`` is stopped."""
_DASHES: dict[str, Any] = {"solid": "solid", "bold": "solid", "dashed": (0, (13, 2.5)), "dotted": (0, (4, 2))}
_INK, _QUIET = "#1d1f23", "#5d6068"
_TOP, _BETWEEN, _LEGEND = 44.0, 24.0, 34.0
"""Points above the cells, above each of them for its heading, and below them."""


def draw_film(run: str | Path, path: str | Path, cells: Sequence[str] | None = None) -> None:
    """Films the evolution of a search's cells; of several searches, those of the best seed.

    Args:
        run: The run folder, finished or not.
        path: A file that ends in .gif or .mp4.
        cells: The kinds of cell to show; all if not given.

    Raises:
        TargetError: Another suffix; the run is no search or its history has no coefficients; ``dot``, or ``ffmpeg``
            for .mp4, is missing or fails.
        GenotypeError: The run has no such cell.
        RunError: The folder is no run's, or its history is broken.
        FileError: The file cannot be written.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise TargetError(f"{path}: films end in {' or '.join(SUFFIXES)}")
    if suffix == ".mp4" and not shutil.which("ffmpeg"):
        raise TargetError("the program `ffmpeg` is missing; install it (apt install ffmpeg), or write a .gif file")
    refuse_overwriting(path, run)
    data = RunData.read(run)
    evolutions = cell_evolutions(data.reported, data.history)
    if not evolutions:
        raise TargetError(f"{run}: there are no coefficients in its history that name their edges, so there is no film")
    for kind in cells or ():
        if kind not in [cell.kind for cell in evolutions]:
            expected = " or ".join(cell.kind for cell in evolutions)
            raise GenotypeError(f"{run}: has no cell '{kind}'; expected {expected}")
    chosen = [cell for cell in evolutions if not cells or cell.kind in cells]
    frames = _frames(data, chosen)
    write_atomically(path, lambda target: (_gif if suffix == ".gif" else _mp4)(frames, target))


def last_frame(run: str | Path) -> bytes:
    """Returns the last frame of a search's film as PNG: the coefficients of its last epoch, in its cells.

    Raises:
        GenoccError: As `draw_film`.
    """
    data = RunData.read(run)
    evolutions = cell_evolutions(data.reported, data.history)
    if not evolutions:
        raise TargetError(f"{run}: there are no coefficients in its history that name their edges")
    content = BytesIO()
    _image(data, evolutions, len(data.history) - 1).save(content, "PNG")
    return content.getvalue()


def blend(before: Frame, after: Frame, t: float) -> Frame:
    """Returns the frame between two; labels and derived edges change in the middle."""
    nearer = before if t < 0.5 else after
    ribbons = tuple(
        tuple(
            Ribbon(
                offset=a.offset + (b.offset - a.offset) * t,
                width=a.width + (b.width - a.width) * t,
                opacity=a.opacity + (b.opacity - a.opacity) * t,
                derived=kept.derived,
                importance=a.importance + (b.importance - a.importance) * t,
            )
            for a, b, kept in zip(*rows, strict=True)
        )
        for rows in zip(before.ribbons, after.ribbons, nearer.ribbons, strict=True)
    )
    return Frame(ribbons, nearer.labels)


def positions(epochs: int) -> list[float]:
    """Returns the times of a film's frames, in epochs from 0; the first and the last stand still."""
    steps = max(1, min(EPOCH, MOST // max(epochs - 1, 1)))
    most = min((epochs - 1) * steps, MOST)
    moving = [(epochs - 1) * step / most for step in range(most + 1)] if most else [0.0]
    return [0.0] * (HOLD // 3) + moving + [float(epochs - 1)] * HOLD


def _frames(data: RunData, cells: Sequence[CellEvolution]) -> Iterator[Image]:
    """Images of one size; the same object again while nothing moves."""
    previous, image = -1.0, None
    for position in positions(len(data.history)):
        if image is None or position != previous:
            image = _image(data, cells, position)
        previous = position
        yield image


def _image(data: RunData, cells: Sequence[CellEvolution], position: float) -> Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from PIL import Image

    width = max(cell.geometry.width for cell in cells)
    height = _TOP + sum(_BETWEEN + cell.geometry.height for cell in cells) + _LEGEND
    before = int(position)
    after = min(before + 1, len(data.history) - 1)
    with figure_style({"lines.scale_dashes": False, "font.family": "sans-serif", "font.sans-serif": ["DejaVu Sans"]}):
        # even numbers of dots: video needs them
        size = [2 * round(points * DOTS / 72 / 2) / DOTS for points in (width, height)]
        figure = Figure(figsize=(size[0], size[1]), dpi=DOTS)
        canvas: Any = FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()
        _caption(axes, data, round(position), width)
        top = _TOP
        for cell in cells:
            frame = blend(cell.frames[before], cell.frames[after], position - before)
            axes.text(10, top + 8, f"{cell.kind} cell", fontsize=10, weight="bold", color=_INK, va="center")
            axes.text(width - 10, top + 8, frame.caption, fontsize=10, color=_QUIET, va="center", ha="right")
            _draw_cell(axes, cell, frame, top + _BETWEEN - 6)
            top += _BETWEEN + cell.geometry.height
        _legend(figure, cells)
        canvas.draw()
        return Image.frombuffer("RGBA", canvas.get_width_height(), bytes(canvas.buffer_rgba())).convert("RGB")


def _caption(axes: Axes, data: RunData, epoch: int, width: float) -> None:
    line: Mapping[str, Any] = data.history[epoch]
    number = int(number_at(line, "epoch") or epoch + 1)
    parts = [f"epoch {number:>{len(str(len(data.history)))}} of {data.planned or len(data.history)}"]
    for name, place in {"validation": "validation_accuracy", "child net": "child_accuracy"}.items():
        value = number_at(line, place)
        if value is not None:
            parts.append(f"{name} {value:.1%}")
    name = data.name if len(data.name) <= 48 else f"{data.name[:47]}…"
    quoted = name.replace("$", r"\$")  # no mathematics in names
    axes.text(10, 20, quoted, fontsize=12, weight="bold", color=_INK, va="center")
    axes.text(width - 10, 20, "   ".join(parts), fontsize=11, color=_INK, va="center", ha="right")


def _draw_cell(axes: Axes, cell: CellEvolution, frame: Frame, top: float) -> None:
    geometry = cell.geometry
    for name, points in geometry.curves.items():
        if name.startswith("concat."):
            axes.plot(*_shifted(points, top), color=_QUIET, linewidth=1, alpha=0.6)
    for lane, ribbons in zip(cell.lanes, frame.ribbons, strict=True):
        for name, ribbon in zip(cell.operations, ribbons, strict=True):
            if ribbon.width < 0.05 or ribbon.opacity < 0.01:
                continue
            look = get(name)
            axes.plot(
                *_shifted(beside(geometry.curves[lane_name(lane)], ribbon.offset), top), color=look.color,
                linewidth=ribbon.width, alpha=ribbon.opacity, linestyle=_DASHES[look.dash],
                dash_capstyle="butt", solid_capstyle="butt",
            )  # fmt: skip
    for lane, label in zip(cell.lanes, frame.labels, strict=True):
        if label:
            box, color = geometry.labels[lane_name(lane)], get(label.split(" ")[0]).color
            x, y = box.x, box.y + top
            _box(axes, x, y, box.width, box.height, "white", color, 5)
            axes.text(x, y, label, fontsize=7.6, color=readable(color), ha="center", va="center", zorder=4)
    for vertex in cell.vertices:
        box = geometry.vertices[vertex.name]
        round_ = {Role.NODE: min(box.width, box.height) / 2, Role.INPUT: 8, Role.OUTPUT: 2}[vertex.role]
        _box(axes, box.x, box.y + top, box.width, box.height, FILLS[vertex.role], _INK, round_, zorder=5)
        text = vertex.label if vertex.role is Role.NODE else f"$c_{{{vertex.label}}}$"
        axes.text(box.x, box.y + top, text, fontsize=11, color=_INK, ha="center", va="center", zorder=6)


def _box(
    axes: Axes, x: float, y: float, width: float, height: float, fill: str, edge: str, corner: float, zorder: int = 3
) -> None:
    from matplotlib.patches import FancyBboxPatch

    style = f"round,pad=0,rounding_size={corner}"
    place = (x - width / 2, y - height / 2)
    axes.add_patch(FancyBboxPatch(place, width, height, boxstyle=style, fc=fill, ec=edge, lw=0.9, zorder=zorder))


def _shifted(points: Sequence[tuple[float, float]], top: float) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [y + top for _, y in points]


def _legend(figure: Figure, cells: Sequence[CellEvolution]) -> None:
    from matplotlib.lines import Line2D

    looks = {name: get(name) for cell in cells for name in cell.operations}
    handles = [
        Line2D([], [], color=look.color, linestyle=_DASHES[look.dash], linewidth=4, label=name)
        for name, look in looks.items()
    ]
    figure.legend(
        handles=handles, loc="lower center", ncols=min(len(handles), 7), frameon=False, fontsize=8, handlelength=3,
        columnspacing=1.4, labelcolor=_INK, borderaxespad=0.3,
    )  # fmt: skip


def _gif(frames: Iterator[Image], path: Path) -> None:
    """One palette for all frames, that of a frame in which every operation is there; equal frames become one."""
    from PIL.Image import Dither

    images: list[Image] = []
    durations: list[int] = []
    for image in frames:
        if images and image is images[-1]:
            durations[-1] += 1000 // PER_SECOND
        else:
            images.append(image)
            durations.append(1000 // PER_SECOND)
    palette = images[0].quantize(COLORS)
    reduced = [image.quantize(palette=palette, dither=Dither.NONE) for image in images]
    reduced[0].save(path, save_all=True, append_images=reduced[1:], duration=durations, loop=0, optimize=False)


def _mp4(frames: Iterator[Image], path: Path) -> None:
    first = next(frames)
    width, height = first.size
    command = [
        "ffmpeg", "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}",
        "-r", str(PER_SECOND), "-i", "-", "-c:v", "libx264", "-crf", "20", "-pix_fmt", "yuv420p",
        "-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart", "-f", "mp4", str(path),
    ]  # fmt: skip
    raw = b"".join([first.tobytes(), *(image.tobytes() for image in frames)])
    try:
        done = subprocess.run(command, input=raw, capture_output=True, timeout=TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise TargetError(f"`ffmpeg` took longer than {TIMEOUT} seconds; write a .gif file") from None
    except OSError as error:
        raise TargetError(f"the program `ffmpeg` cannot be run: {error.strerror}; reinstall it") from None
    if done.returncode:
        message = done.stderr.decode(errors="replace").strip().splitlines()
        raise TargetError(f"`ffmpeg` failed with status {done.returncode}: {message[-1] if message else 'no message'}")
