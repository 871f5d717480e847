"""A derived net as the backbone of an SSD detector (PC-DARTS, Section 4.5, has one on MS-COCO).

SSD predicts boxes on maps of falling size: the last cell before each halving of an ImageNet net (strides 8, 16 and
32), and three blocks of convolutions behind them. Images and boxes are random here: a step of training, and a
detection.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator
from torchvision.models.detection.ssd import SSD

import genocc
from genocc.nn.backbone import Backbone


class Pyramid(nn.Module):
    """Maps of a backbone, and smaller ones behind them.

    Attributes:
        out_channels: Of each map; SSD sizes its heads by them.
    """

    def __init__(self, backbone: Backbone, extra: int = 3, channels: int = 256) -> None:
        super().__init__()
        self.backbone = backbone
        self.out_channels = [*backbone.out_channels, *[channels] * extra]
        inputs = self.out_channels[len(backbone.out_channels) - 1 : -1]
        self.extra = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(width, channels // 2, 1),
                nn.ReLU(),
                nn.Conv2d(channels // 2, channels, 3, stride=2, padding=1),
                nn.ReLU(),
            )
            for width in inputs
        )

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """Returns the maps by name, from large to small."""
        maps = self.backbone(images)
        for number, block in enumerate(self.extra):
            maps[f"extra {number}"] = block(list(maps.values())[-1])
        return maps


def main(size: int = 300, channels: int = 48, layers: int = 14, weights: str | None = None) -> None:
    """Builds the detector, trains it for a step and lets it detect.

    Args:
        size: Of the images.
        channels: C of the net.
        layers: Its cells.
        weights: Of a net trained on ImageNet (safetensors, from ``genocc train`` or ``genocc import-weights``).
    """
    torch.manual_seed(0)
    config = genocc.NetworkConfig(skeleton="imagenet", channels=channels, layers=layers)
    ends = {f"stride {8 * 2**n}": end - 1 for n, end in enumerate((layers // 3, 2 * layers // 3, layers))}
    backbone = Backbone(genocc.load("zoo:pc-darts-image"), config, features=ends, weights=weights)
    pyramid = Pyramid(backbone)
    boxes = DefaultBoxGenerator([[2], [2, 3], [2, 3], [2, 3], [2], [2]], min_ratio=15, max_ratio=90)
    detector = SSD(pyramid, boxes, (size, size), num_classes=91)
    print(f"cells {list(ends.values())}, strides {backbone.strides}, channels {pyramid.out_channels}")

    images = list(torch.rand(2, 3, size, size))
    corner, extent = torch.rand(2, 3, 2) * size / 2, torch.rand(2, 3, 2) * size / 2 + 1
    targets = [
        {"boxes": torch.cat([at, at + wide], 1), "labels": torch.randint(1, 91, (3,))}
        for at, wide in zip(corner, extent, strict=True)
    ]
    optimizer = torch.optim.SGD(detector.parameters(), lr=1e-3, momentum=0.9)
    losses = detector(images, targets)
    torch.autograd.backward(sum(losses.values()))
    optimizer.step()
    print("losses: " + ", ".join(f"{name} {loss.item():.2f}" for name, loss in losses.items()))

    with torch.no_grad():
        found = detector.eval()(images)
    print(f"detections: {[len(one['boxes']) for one in found]}")


if __name__ == "__main__":
    main()
