"""TorchInductor: what ``torch.compile`` makes of a net, in C++ or Triton."""

from __future__ import annotations

import importlib.util
import os
import shutil
from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar

from genocc.errors import TargetError
from genocc.runtimes.base import LoadedNet, Runtime
from genocc.runtimes.compiled_file import CompiledFile
from genocc.runtimes.nets import NetFile
from genocc.runtimes.onnx_files import first_line
from genocc.runtimes.torch_eager import EAGER, loaded

if TYPE_CHECKING:
    from torch import Tensor, fx

_COMPILERS = ("g++", "clang++", "c++", "cl")


class Inductor(Runtime):
    """`torch.compile`; a net of full size takes a minute to compile, once for a batch of 1 and once for others."""

    name: ClassVar[str] = "inductor"
    title: ClassVar[str] = "TorchInductor"
    reads: ClassVar[tuple[str, ...]] = (".safetensors",)
    providers: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    slow: ClassVar[str] = "a minute or more to compile"

    def version(self) -> str | None:
        return version("torch")

    def lacks(self, provider: str = "cpu") -> str | None:
        if provider == "cpu" and not any(map(shutil.which, (os.environ.get("CXX", ""), *_COMPILERS))):
            return f"TorchInductor needs a C++ compiler, and none of {', '.join(_COMPILERS)} is here; install one"
        if provider == "cuda" and importlib.util.find_spec("triton") is None:
            return "provider cuda: TorchInductor needs the package triton, which is missing; install it"
        return EAGER.lacks(provider)

    def load(self, file: CompiledFile, provider: str = "cpu", threads: int | None = None) -> LoadedNet:
        self.check(file, provider)
        assert isinstance(file, NetFile)
        return loaded(file, provider, threads, lambda module: _Compiled(module, file.where))


INDUCTOR = Inductor()


class _Compiled:
    """A module through `torch.compile`, whose failures are one line."""

    def __init__(self, module: fx.GraphModule, where: str) -> None:
        import torch

        self._module, self._where = torch.compile(module), where

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        from torch._dynamo.exc import TorchDynamoException

        try:
            logits, features = self._module(images)
        except TorchDynamoException as error:
            raise TargetError(f"{self._where}: TorchInductor cannot compile it: {first_line(error)}") from None
        return logits, features
