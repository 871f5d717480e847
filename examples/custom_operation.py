"""An operation of your own: registered once, then counted, compiled, verified, and searched with.

The inverted bottleneck of MobileNetV2: 1x1 to 2C, depthwise 3x3, 1x1 back to C. A package registers its operations
when it is imported, as this file does.
"""

from __future__ import annotations

from pathlib import Path

import genocc
from genocc.operations import Block, Operation, register


def inverted_bottleneck(b: Block, x: str, stride: int) -> str:
    """ReLU, 1x1 conv to 2C, BN, ReLU, depthwise 3x3, BN, ReLU, 1x1 conv, BN."""
    wide = 2 * b.channels
    x = b.norm(b.conv(b.relu(x, "relu1"), "expand", 1, channels=wide), "bn1")
    x = b.norm(b.conv(b.relu(x, "relu2"), "dw", 3, stride, channels=wide, groups=wide), "bn2")
    return b.norm(b.conv(b.relu(x, "relu3"), "project", 1), "bn3")


register(Operation("mbconv_3x3", inverted_bottleneck, color="#6a3d9a", dash="bold", arrow="vee"))


def main(out: str | Path = "runs/examples/mbconv", epochs: int = 4) -> None:
    """Puts the operation into a published cell, compiles that, and searches for a cell that may use it."""
    published = genocc.load("zoo:darts-v2")
    ours = genocc.Genotype.loads(published.dumps().replace("sep_conv_3x3", "mbconv_3x3"))
    config = genocc.NetworkConfig(channels=16, layers=8)
    for name, genotype in (("sep_conv_3x3", published), ("mbconv_3x3", ours)):
        total = genocc.count(genotype, config).total
        print(f"{name}: {total.parameters:,} parameters, {total.macs:,} MACs")

    found = genocc.search(
        out,
        data="digits",
        epochs=epochs,
        overrides=['space=["skip_connect", "max_pool_3x3", "sep_conv_3x3", "mbconv_3x3"]'],
        resume=Path(out).exists(),
    )
    edges = [edge.op for cell in found.genotype.cells.values() for _, _, edge in cell.edges()]
    print(f"{found.genotype.name}: {edges.count('mbconv_3x3')} of {len(edges)} edges are mbconv_3x3")

    compiled = genocc.compile(ours, config, to="onnx", output=Path(out) / "mbconv.onnx")
    assert compiled.verification is not None
    print(f"mbconv.onnx: {compiled.verification.max_rel:.0e} from PyTorch")


if __name__ == "__main__":
    main()
