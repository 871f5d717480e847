"""Inference with ONNX Runtime and NumPy alone: neither genocc nor PyTorch is needed where the file runs.

The file says about itself what its user has to know: the names of the classes, the type of image that it takes, mean
and deviation, and whether they are applied inside. Make one of a training run, and classify images with it::

    genocc compile RUN --to onnx -o net.onnx
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
    try:
        session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime has an exception for each of its status codes, and no common one
        sys.exit(f"{model}: {error}")
    about = session.get_modelmeta().custom_metadata_map
    names = json.loads(about.get("class_names", "[]"))
    mean, std = (json.loads(about.get(key, "[]")) for key in ("mean", "std"))
    inside = about.get("normalize") == "true"
    print(f"{about['weights']}, {len(names)} class names, mean {mean}, deviation {std}")

    _, channels, height, width = session.get_inputs()[0].shape
    if images is None:
        pixels = np.random.default_rng(0).integers(0, 256, (2, height, width, channels), dtype=np.uint8)
    else:
        pixels = np.load(images, allow_pickle=False)
    batch = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2))  # NCHW
    if about.get("uint8_input") != "true":
        batch = batch.astype(np.float32) / 255
        if mean and not inside:
            batch = (batch - np.float32(mean)[:, None, None]) / np.float32(std)[:, None, None]
    (scores,) = session.run(None, {"image": batch})
    for number, best in enumerate(scores.argmax(1)):
        print(f"image {number}: {names[best] if names else f'class {best}'} ({scores[number, best]:.3f})")


if __name__ == "__main__":
    main(*sys.argv[1:])
