"""Search, train and deploy from Python: handwritten digits, from nothing to a file that ONNX Runtime runs."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

import genocc
from genocc.data import DataRequest, load


def main(
    out: str | Path = "runs/examples/digits", method: str = "entrannas-dst", search_epochs: int = 12, epochs: int = 12
) -> None:
    """Does all of it in a folder; what is there already is not done again."""
    run = Path(out)
    found = genocc.search(run / "search", method=method, data="digits", epochs=search_epochs, resume=run.exists())
    print(f"{found.genotype.name}: {sum(1 for cell in found.genotype.cells.values() for _ in cell.edges())} edges")

    trained = genocc.train(found.genotype, run / "train", data="digits", epochs=epochs, resume=(run / "train").exists())
    total = genocc.count(trained.genotype, trained.network).total
    print(f"trained net: {total.parameters:,} parameters, {total.macs:,} MACs, {trained.best_top1:.2%} in PyTorch")

    compiled = genocc.compile(
        trained.genotype, trained.network, to="onnx", output=run / "net.onnx", weights=trained.weights,
        uint8_input=True, normalize=(trained.mean, trained.std), class_names=trained.class_names,
    )  # fmt: skip
    assert compiled.verification is not None
    print(f"net.onnx: {compiled.size:,} bytes, {compiled.verification.max_rel:.0e} from PyTorch")

    session = onnxruntime.InferenceSession(run / "net.onnx", providers=["CPUExecutionProvider"])
    test = load(DataRequest("digits", size=trained.network.input_size)).test
    images, labels = test.pixels.permute(0, 3, 1, 2).contiguous().numpy(), test.labels.numpy()
    (logits,) = session.run(None, {"image": images})
    print(f"ONNX Runtime: {(logits.argmax(1) == labels).mean():.2%} of {len(labels)} test images")


if __name__ == "__main__":
    main()
