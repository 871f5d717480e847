"""Whether a GPU computes what the CPU does: compiled nets, and the losses and gradients of every method's super-net.

    python benchmarks/gpu_check.py                   # exit code 1 if anything differs
    python benchmarks/gpu_check.py --device cpu      # compares the CPU with itself, to see that it runs

Super-nets are compared in float64, compiled nets in float32 without TF32: relative errors in the 2-norm, the largest of
a loss, or a net's logits, and of the gradients of weights and architecture.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import torch
import typer
from running import run
from torch import Tensor
from torch.nn.functional import cross_entropy

import genocc
from genocc import NetworkConfig
from genocc.compiler import compile_net
from genocc.nn.inference_net import PASSES, InferenceNet
from genocc.runtimes.torch import torch_device
from genocc.searchers.config import SearchConfig
from genocc.searchers.interface import DataShape, Group
from genocc.searchers.method import methods
from genocc.searchers.supernet.net import SuperNet

GROUPS: tuple[Group, Group] = ("architecture", "weights")
SIZE = 16
NETS = ("darts-v2", "nasnet")


def main(device: Annotated[str, typer.Option(help="cuda, or cpu to try the script.")] = "cuda") -> None:
    """Prints a line for each check; exit code 1 if something differs."""
    torch.set_num_threads(1)  # the tensors are small
    place, cpu = torch_device(device), torch.device("cpu")
    print(f"{device} against cpu, PyTorch {torch.__version__}")
    searching = [name for name in methods() if SearchConfig.make(name).schedule.trains]
    checks = [(f"super-net of {name}, float64", partial(_supernet_results, name), 1e-9) for name in searching]
    checks += [(f"{name}, compiled, float32", partial(_compiled_results, name), 1e-4) for name in NETS]
    same = True
    for name, results, most in checks:
        error = _largest_error(results(place), results(cpu))
        print(f"{name:<40} error {error:.1e}, tolerance {most:.0e}: {'same' if error < most else 'DIFFERENT'}")
        same &= error < most  # NaN is no match either
    sys.exit(not same)


def _supernet_results(method: str, device: torch.device) -> list[Tensor]:
    """Losses and gradients of both groups on one batch."""
    spread = {"temperature": 1, "alpha_noise": 1}  # where a relaxation has them
    fields = type(SearchConfig.make(method).relaxation).model_fields
    settings = [f"relaxation.{name}={value}" for name, value in spread.items() if name in fields]
    # C is a multiple of every method's bottleneck and number of partial channels
    config = SearchConfig.make(method, "cifar", ["supernet.channels=12", "supernet.layers=4", *settings])
    net = SuperNet(config, DataShape(10, 3, (SIZE, SIZE))).double().to(device)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(8, 3, SIZE, SIZE, generator=generator, dtype=torch.float64).to(device)
    labels = torch.randint(10, (8,), generator=generator).to(device)
    found = []
    for group in GROUPS:
        net.zero_grad(set_to_none=True)
        with net.training_only(group):
            loss = cross_entropy(net(images), labels)
            loss = sum(net.penalties().values(), start=loss)
            torch.autograd.backward(loss)
        gradients = [p.grad.flatten() for p in net.parameters() if p.grad is not None]
        found += [loss.detach().flatten().cpu(), torch.cat(gradients).cpu()]
    return found


def _compiled_results(name: str, device: torch.device) -> list[Tensor]:
    """Logits of a batch."""
    net = compile_net(genocc.load(f"zoo:{name}"), NetworkConfig(channels=16, layers=8), passes=PASSES)
    image = torch.randn(4, *net.graph.input.shape, generator=torch.Generator().manual_seed(0))
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return [InferenceNet(net, device)(image.to(device)).cpu()]


def _largest_error(found: list[Tensor], expected: list[Tensor]) -> float:
    pairs = zip(found, expected, strict=True)
    return max(float((a - b).norm() / b.norm()) for a, b in pairs)


if __name__ == "__main__":
    run(main)
