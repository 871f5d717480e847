"""``genocc show``."""

from typing import Annotated

import typer

from genocc.cli.console import print_json, print_table
from genocc.cli.options import GenotypeArgument, JsonOption
from genocc.genotype import Cell


def show(
    source: GenotypeArgument,
    hash: Annotated[
        bool, typer.Option("--hash", help="Print the identity alone: a SHA-256 of what is computed.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show a genotype: its edges, what is dead in it, and its identity."""
    genotype = source.genotype
    if hash:
        print_json({"hash": genotype.hash}) if json else print(genotype.hash)
    elif json:
        dead = {kind: list(cell.dead) for kind, cell in genotype.cells.items()}
        print_json({**genotype.model_dump(mode="json", exclude_none=True), "hash": genotype.hash, "dead": dead})
    else:
        for kind, cell in genotype.cells.items():
            remarks = _remarks(cell)
            rows = [
                (state, "" if edge.is_none else edge.source, edge.op, edge.weight, remarks.get(state, ""))
                for state, edges in enumerate(cell.nodes, start=cell.inputs)
                for edge in edges
            ]
            concat = ", ".join(map(str, cell.concat))
            number = len(list(cell.edges()))
            title = f"{genotype.name}: {kind} cell, {cell.inputs} inputs, {len(cell.nodes)} nodes, {number} edges"
            print_table(title, [">node", ">from", "op", ">weight", ""], rows, caption=f"concat {concat}")
        print(f"hash {genotype.hash}")


def _remarks(cell: Cell) -> dict[int, str]:
    """State -> what is special about it."""
    zeros, dead = set(cell.zeros), set(cell.dead)
    return {state: ", ".join(["zero"] * (state in zeros) + ["dead"] * (state in dead)) for state in zeros | dead}
