"""Search and deploy from Python: a cell is searched on handwritten digits, compiled to ONNX and run."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

import genocc


def main(out: str | Path = "runs/examples/digits", epochs: int = 12) -> None:
    """Searches in a folder (or reads what it found there before), compiles, and runs the file."""
    found = genocc.search(out, data="digits", epochs=epochs, resume=Path(out).exists())
    config = genocc.NetworkConfig(channels=16, layers=8, input_size=(16, 16))
    total = genocc.count(found.genotype, config).total
    print(f"{found.genotype.name}: {total.parameters:,} parameters, {total.macs:,} MACs")

    model = Path(out) / "net.onnx"
    compiled = genocc.compile(found.genotype, config, to="onnx", output=model)  # weights=FILE for trained ones
    assert compiled.verification is not None
    print(f"{model.name}: {compiled.size:,} bytes, {compiled.verification.max_rel:.0e} from PyTorch")

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    images = np.random.default_rng(0).random((4, 3, 16, 16), dtype=np.float32)
    (logits,) = session.run(None, {"image": images})
    print(f"ONNX Runtime: {images.shape} -> {logits.shape}")


if __name__ == "__main__":
    main()
