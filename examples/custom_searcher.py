"""A searcher made of existing parts: PC-DARTS whose thresholds learn how many edges each node has.

Partial channels and edge weights are PC-DARTS', thresholds and derivation EnTranNAS-DST's; no paper has the two
together. On the command line it is ``genocc search --method pc-darts --set relaxation.dst=true ...``; as a class it
has a name. Registered in a package's pyproject.toml, ``--method pc-dst`` and ``genocc methods`` know it as well::

    [project.entry-points."genocc.searchers"]
    pc-dst = "my_package:PcDst"
"""

from __future__ import annotations

from pathlib import Path

import genocc
from genocc.searchers.methods import PcDarts
from genocc.searchers.parts import NonZero, Softmax, SpaceConfig, Sparsity


class PcDst(PcDarts):
    """PC-DARTS with a learned threshold per node: what is left of its edges is the architecture."""

    name = "pc-dst"
    paper = "this example"
    space = SpaceConfig(name="darts-no-zero")
    relaxation = Softmax(edge_normalization=True, dst=True)
    derivation = NonZero()
    penalties = (Sparsity(factor=1.0),)


def main(out: str | Path = "runs/examples/pc-dst", epochs: int = 6) -> None:
    """Searches on handwritten digits and prints how the cells became sparse."""
    found = genocc.search(out, method=PcDst, data="digits", epochs=epochs, resume=Path(out).exists())
    for line in found.history:
        edges = {kind: sum(counts) for kind, counts in line["edges_per_node"].items()}
        print(f"epoch {line['epoch']:2}: {edges['normal']:3} + {edges['reduction']:3} edges, "
              f"super-net {line['validation_accuracy']:.1%}, derived {line['child_accuracy']:.1%}")  # fmt: skip
    print(f"{found.genotype.name}: {found.macs:,} MACs in the target net")


if __name__ == "__main__":
    main()
