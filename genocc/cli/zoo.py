"""``genocc zoo``."""

from typing import Annotated, Any

import typer

from genocc.cli.console import print_json, print_table
from genocc.cli.options import JsonOption
from genocc.cli.show import show as show_genotype
from genocc.genotype import Genotype
from genocc.source import open

zoo = typer.Typer(no_args_is_help=True, help="Published genotypes; zoo:NAME stands for one wherever a genotype does.")


@zoo.command("list")
def list_(json: JsonOption = False) -> None:
    """List all entries with exact parameters and MACs next to the published ones."""
    from genocc.zoo import load, names

    entries = [_figures(load(name)) for name in names()]
    if json:
        print_json(entries)
        return
    rows = []
    for entry in entries:
        cifar, imagenet = entry["cifar"], entry["imagenet"]
        size = f"{imagenet['channels']} x {imagenet['layers']}"
        rows.append(
            (
                *(entry["name"], entry["source"].split()[0], entry["edges"]),
                *(cifar["parameters"], cifar["published_parameters_m"], size),
                *(imagenet["parameters"], imagenet["published_parameters_m"]),
                *(imagenet["macs"], imagenet["published_macs_m"]),
            )
        )
    columns = ["name", "source", ">edges", ">CIFAR params", ">publ.", ">C x L", ">ImageNet params", ">publ."]
    caption = (
        "edges: of both cells. publ.: in millions, as the authors print it, rounded and counted in several ways. "
        "CIFAR: 36 x 20.\nC x L: the ImageNet net's channels and cells, as published where known. "
        "No auxiliary head; MACs of conv and linear."
    )
    print_table("zoo", [*columns, ">MACs", ">publ."], rows, caption=caption)


@zoo.command()
def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="An entry; `genocc zoo list` lists them.")],
    json: JsonOption = False,
) -> None:
    """Show an entry: where it comes from, its published figures, its edges and its identity."""
    from genocc.zoo import load

    if not json:
        metadata = load(name).metadata
        published = metadata.get("published")
        figures = ", ".join(f"{key} {value}" for key, value in published.items()) if isinstance(published, dict) else ""
        print(f"{metadata.get('original_name')} of {metadata.get('source')}, dialect {metadata.get('dialect')}")
        print(f"published: {figures or 'no figures'}")
        notes = metadata.get("notes")
        remarks = [*(notes if isinstance(notes, list) else []), metadata.get("remark")]
        for remark in filter(None, remarks):
            print(f"note: {remark}")
    show_genotype(open(f"zoo:{name}"), json=json)


def _figures(genotype: Genotype) -> dict[str, Any]:
    """The row of a genotype: exact counts at C=36, L=20 for CIFAR and at the published C and L for ImageNet."""
    published: Any = genotype.metadata["published"]
    channels, layers = published.get("imagenet_init_channels"), published.get("imagenet_layers")
    return {
        "name": genotype.name,
        "source": genotype.metadata["source"],
        "edges": sum(1 for cell in genotype.cells.values() for _ in cell.edges()),
        "cifar": {
            **_exact(genotype, skeleton="cifar"),
            "published_parameters_m": published.get("cifar_params_m"),
        },
        "imagenet": {
            **_exact(genotype, skeleton="imagenet", channels=channels, layers=layers),
            "published_parameters_m": published.get("imagenet_params_m"),
            "published_macs_m": published.get("imagenet_madds_m"),
        },
    }


def _exact(genotype: Genotype, **network: Any) -> dict[str, int]:
    from genocc.counting import cost
    from genocc.lowering import lower
    from genocc.network import NetworkConfig

    config = NetworkConfig.make(**network)
    exact = cost(lower(genotype, config).nodes.values())
    return {
        "channels": config.channels,
        "layers": config.layers,
        "parameters": exact.parameters,
        "macs": exact.macs,
    }
