"""``genocc count``."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

import typer

from genocc.cli.console import print_json, print_table
from genocc.cli.options import GenotypeArgument, JsonOption, network_options
from genocc.counting import Cost, Counts
from genocc.network import SKELETONS, NetworkConfig


class By(StrEnum):
    """How figures are itemised."""

    kind = "kind"
    cell = "cell"
    edge = "edge"


@network_options
def count(
    source: GenotypeArgument,
    network: NetworkConfig,
    by: Annotated[list[By] | None, typer.Option("--by", help="Itemise by kind, cell or edge; repeatable.")] = None,
    json: JsonOption = False,
) -> None:
    """Print exact parameters, MACs, FLOPs and activation memory of a genotype's net."""
    import genocc

    counts, genotype = genocc.count(source, network), source.genotype
    if json:
        print_json({"name": genotype.name, "hash": genotype.hash, **counts.to_dict()})
        return
    _print_totals(genotype.name, counts)
    for item in by or [By.kind]:
        _print_items(item, counts)


def _print_totals(name: str, counts: Counts) -> None:
    config = counts.config
    height, width = config.input_size
    title = (
        f"{name}: {config.skeleton}, C={config.channels}, L={config.layers}, "
        f"{config.input_channels}x{height}x{width}, {config.classes} classes"
    )
    rows = [
        ("as in the genotype", *_figures(counts.total), _mib(counts.activation_peak)),
        ("compiled", *_figures(counts.compiled), _mib(counts.compiled_activation_peak)),
    ]
    if counts.training:
        rows.append(("training, auxiliary head", *_figures(counts.training), "-"))
    auxiliary = counts.auxiliary_parameters
    missing = (
        "This skeleton has no auxiliary head."
        if SKELETONS[config.skeleton].auxiliary_stride is None
        else "The maps are too small for an auxiliary head."
    )
    caption = (
        "MACs: conv and linear, one image. FLOPs: 2 x MACs. Other ops: BN, pools, adds, activations.\n"
        "Compiled: without dead states and zeros, each ReLU and pool of a state once; a target may fold BN on top.\n"
    ) + (f"The auxiliary head would add {auxiliary:,} parameters in training." if auxiliary is not None else missing)
    print_table(title, ["net", *_COLUMNS, ">activation peak"], rows, caption=caption)


def _print_items(by: By, counts: Counts) -> None:
    items: Iterable[tuple[str, Cost]]
    if by is By.edge:
        items = [(f"{e.cell}  {e.source} -> {e.target}  {e.op}", e.cost) for e in counts.by_edge]
    else:
        items = (counts.by_kind if by is By.kind else counts.by_cell).items()
    rows = [(name, *_figures(cost), f"{cost.macs / max(counts.total.macs, 1):.1%}") for name, cost in items]
    print_table(f"by {by.value}", [by.value, *_COLUMNS, ">MACs share"], rows)


_COLUMNS = [">parameters", ">MACs", ">FLOPs", ">other ops"]


def _figures(cost: Cost) -> tuple[int, int, int, int]:
    return cost.parameters, cost.macs, cost.flops, cost.elementwise


def _mib(size: int) -> str:
    return f"{size / 2**20:.2f} MiB"
