"""``genocc diff``."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from genocc.cli.console import note, print_json, refuse_mixing
from genocc.cli.options import JsonOption
from genocc.differences import CellDifference
from genocc.runs.outputs import refuse_overwriting
from genocc.source import Source, open


def diff(
    a: Annotated[
        Source,
        typer.Argument(metavar="A", parser=open, help="A genotype file, a run folder, RUN@EPOCH, '-', or zoo:NAME."),
    ],
    b: Annotated[Source, typer.Argument(metavar="B", parser=open, help="The genotype to compare with.")],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Draw both as one diagram: .svg, .pdf, .png or .dot."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Print what differs between two genotypes; exit code 1 if anything does.

    Nodes are matched first (5→3: node 5 of A is node 3 of B): their numbers, the order of edges, dead nodes, names and
    weights do not count.
    """
    import genocc

    refuse_mixing(output)
    refuse_overwriting(output, a.where, b.where)
    if output is not None:
        from genocc.exporters.drawing.rendering import suffix_of

        suffix_of(output)
    difference = genocc.diff(a.genotype, b.genotype)
    if output is not None:
        from genocc.exporters.drawing import graphviz

        graphviz.draw_difference(difference, output)
    if json:
        print_json(difference.to_dict())
    elif difference.same:
        print("same")
    else:
        print(f"A: {difference.a.name}\nB: {difference.b.name}")
        for cell in difference.cells:
            print("\n".join(_lines(cell)))
            if not cell.minimal:
                note(f"the {cell.kind} cells are too different for a proof that nothing smaller tells them apart")
    if not difference.same:
        raise typer.Exit(1)


def _lines(cell: CellDifference) -> Iterator[str]:
    if cell.same:
        yield f"{cell.kind} cell: same"
        return
    if cell.a is None or cell.b is None:
        yield f"{cell.kind} cell: only in {'A' if cell.b is None else 'B'}"
    else:
        yield (
            f"{cell.kind} cell: {len(cell.only_a)} edges only in A, {len(cell.only_b)} only in B, "
            f"{len(cell.kept)} in both"
        )
        if cell.a.inputs != cell.b.inputs:
            yield f"  inputs\n    - {cell.a.inputs}\n    + {cell.b.inputs}"
    names_a = {here: str(here) if here == there else f"{here}→{there}" for here, there in cell.matching.items()}
    names_b = {there: names_a[here] for here, there in cell.matching.items()}
    changes = defaultdict(list)
    for sign, edges, names in (("-", cell.only_a, names_a), ("+", cell.only_b, names_b)):
        for edge in edges:
            target = names.get(edge.target, f"{edge.target} (only in {'A' if sign == '-' else 'B'})")
            changes[target].append(f"    {sign} {edge.op} from {names.get(edge.source, edge.source)}")
    for here, there in cell.matching.items():
        signs = ("-", cell.a, here), ("+", cell.b, there)
        zero = [sign for sign, side, state in signs if side is not None and state in side.zeros]
        if len(zero) == 1:
            changes[names_a[here]].append(f"    {zero[0]} zero")
    for target, lines in changes.items():
        yield "\n".join([f"  node {target}", *lines])
    if cell.concat_only_a or cell.concat_only_b:
        yield "  concat"
        yield from (f"    - {names_a.get(state, state)}" for state in cell.concat_only_a)
        yield from (f"    + {names_b.get(state, state)}" for state in cell.concat_only_b)
