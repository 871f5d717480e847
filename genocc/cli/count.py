"""``genocc count``."""

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from genocc.cli.console import print_json, print_table
from genocc.cli.options import ForceOption, GenotypeArgument, JsonOption, LatencyOption, network_options
from genocc.counting import Cost, Counts
from genocc.network import SKELETONS, NetworkConfig

if TYPE_CHECKING:
    from genocc.latency.prediction import Latency


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
    latency: LatencyOption = None,
    force: ForceOption = False,
    json: JsonOption = False,
) -> None:
    """Print exact parameters, MACs, FLOPs and activation memory of a genotype's net; its predicted latency."""
    import genocc

    counts, genotype = genocc.count(source, network), source.genotype
    predicted = None
    if latency is not None:
        from genocc.latency.prediction import predict
        from genocc.latency.profile import Profile

        predicted = predict(source, Profile.load(latency, force=force), network)
    if json:
        measured = {} if predicted is None else {"latency": predicted.to_dict()}
        print_json({"name": genotype.name, "hash": genotype.hash, **counts.to_dict(), **measured})
        return
    _print_totals(genotype.name, counts)
    for item in by or [By.kind]:
        _print_items(item, counts)
    if predicted is not None:
        _print_latency(predicted, By.edge if by and By.edge in by else By.cell)


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


def _print_latency(found: "Latency", by: By) -> None:
    if by is By.edge:
        items = [(f"{e.cell}  {e.source} -> {e.target}  {e.op}", e.seconds) for e in found.by_edge]
        items.append(("around the edges", found.seconds - sum(seconds for _, seconds in items)))
    else:
        items = list(found.by_cell.items())
    rows = [(name, _ms(seconds), f"{seconds / found.seconds:.1%}") for name, seconds in items]
    profile = found.profile
    residuals = profile.residuals
    caption = (
        f"Predicted: {_ms(found.seconds)} at batch {profile.batch}, in {profile.runtime} {profile.version} on "
        f"{profile.threads} threads of {profile.machine}.\n"
        f"The profile of {profile.time} predicts its own nets with a median error of {residuals.median_error:.1%}, "
        f"90% of them within {residuals.error_90:.1%}."
    )
    if found.unmeasured >= 0.005:
        caption += f"\n{found.unmeasured:.0%} of the time is of shapes that it did not measure, and interpolated."
    print_table(f"predicted latency by {by.value}", [by.value, ">latency", ">share"], rows, caption=caption)


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.3f} ms"


_COLUMNS = [">parameters", ">MACs", ">FLOPs", ">other ops"]


def _figures(cost: Cost) -> tuple[int, int, int, int]:
    return cost.parameters, cost.macs, cost.flops, cost.elementwise


def _mib(size: int) -> str:
    return f"{size / 2**20:.2f} MiB"
