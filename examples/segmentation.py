"""A derived net as the backbone of DeepLabV3 (EnTranNAS, Table 5, has them on Pascal VOC at output stride 16).

An ImageNet net ends with maps of stride 32, too coarse for pixels. Here the stem strides less (4 instead of 8): all
maps become denser, the last has stride 16, and the weights are still those of the same net, so a trained one can be
given. The price is four times the work per cell. The other way, which the paper does not say it took, strides less in
the last reduction and dilates what follows.
"""

from __future__ import annotations

import torch
from torch.nn.functional import cross_entropy
from torchvision.models.segmentation.deeplabv3 import DeepLabHead, DeepLabV3
from torchvision.models.segmentation.fcn import FCNHead

import genocc
from genocc.nn.backbone import Backbone


def main(
    size: int = 257, output_stride: int = 16, channels: int = 48, layers: int = 14, weights: str | None = None
) -> None:
    """Builds the net, trains it for a step on random images, and segments one.

    Args:
        size: Of the images; the paper's are 513, which takes several GiB.
        output_stride: Of the last map: 8, 16 or 32.
        channels: C of the net.
        layers: Its cells.
        weights: Of a net trained on ImageNet (safetensors, from ``genocc train`` or ``genocc import-weights``).
    """
    torch.manual_seed(0)
    config = genocc.NetworkConfig(skeleton="imagenet", channels=channels, layers=layers, stem_stride=output_stride // 4)
    ends = {"aux": 2 * layers // 3 - 1, "out": layers - 1}  # before the last halving, and the last cell
    backbone = Backbone(genocc.load("zoo:darts-v2"), config, features=ends, weights=weights)
    aux, out = backbone.out_channels
    net = DeepLabV3(backbone, DeepLabHead(out, 21), FCNHead(aux, 21))
    print(f"cells {list(ends.values())}, strides {backbone.strides}, channels {backbone.out_channels}")

    images, labels = torch.randn(2, 3, size, size), torch.randint(0, 21, (2, size, size))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.9)
    backbone.drop_path_rate = 0.1
    scores = net(images)
    loss = cross_entropy(scores["out"], labels) + 0.4 * cross_entropy(scores["aux"], labels)
    torch.autograd.backward(loss)
    optimizer.step()
    print(f"loss: {loss.item():.2f}")

    with torch.no_grad():
        classes = net.eval()(images[:1])["out"].argmax(1)
    print(f"segmented: {tuple(classes.shape)}")


if __name__ == "__main__":
    main()
