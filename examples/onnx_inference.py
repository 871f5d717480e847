"""Inference with ONNX Runtime and NumPy alone: neither genocc nor PyTorch is needed where the file runs.

The file says about itself what its user has to know: the names of the classes, what type of image it takes, and
whether mean and deviation are applied inside. Make one with::

    genocc compile GENOTYPE --to onnx -o net.onnx --weights FILE --uint8-input --softmax \
        --normalize 0.49,0.48,0.45,0.25,0.24,0.26 --class-names airplane,automobile,...

    python examples/onnx_inference.py net.onnx images.npy
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime


def main(model: str | Path = "net.onnx", images: str | Path | None = None) -> None:
    """Classifies images.

    Args:
        model: A file that ``genocc compile --to onnx`` wrote.
        images: A .npy file, uint8 (N, H, W, C); two images of noise where not given.
    """
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    names = json.loads(about.get("class_names", "[]"))
    mean, std = (json.loads(about.get(key, "null")) for key in ("mean", "std"))
    print(f"{about['weights']}, {len(names)} class names, mean {mean}, deviation {std}")

    _, channels, height, width = session.get_inputs()[0].shape
    if images is None:
        pixels = np.random.default_rng(0).integers(0, 256, (2, height, width, channels), dtype=np.uint8)
    else:
        pixels = np.load(images, allow_pickle=False)
    batch = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))  # NCHW
    if about.get("uint8_input") != "true":
        batch = batch.astype(np.float32) / 255  # mean and deviation, where the file has them, come after this
    (scores,) = session.run(None, {"image": batch})
    for number, best in enumerate(scores.argmax(1)):
        print(f"image {number}: {names[best] if names else f'class {best}'} ({scores[number, best]:.3f})")


if __name__ == "__main__":
    main(*sys.argv[1:])
