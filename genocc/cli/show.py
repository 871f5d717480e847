"""``genocc show``."""

from typing import Annotated

import typer

from genocc.cli.console import print_json, print_table
from genocc.cli.options import GenotypeArgument, JsonOption


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
        print(genotype.hash)
    elif json:
        dead = {kind: list(cell.dead) for kind, cell in genotype.cells.items()}
        print_json({**genotype.model_dump(mode="json", exclude_none=True), "hash": genotype.hash, "dead": dead})
    else:
        for kind, cell in genotype.cells.items():
            dead_states = cell.dead
            rows = [
                (state, edge.source, edge.op, edge.weight, "dead" if state in dead_states else "")
                for state, _, edge in cell.edges()
            ]
            concat = ", ".join(map(str, cell.concat))
            title = f"{genotype.name}: {kind} cell, {cell.inputs} inputs, {len(cell.nodes)} nodes, {len(rows)} edges"
            print_table(title, [">node", ">from", "op", ">weight", ""], rows, caption=f"concat {concat}")
        print(f"hash {genotype.hash}")
