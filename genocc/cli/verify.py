"""``genocc verify``."""

import re
from pathlib import Path
from typing import Annotated

import typer

from genocc.cli.console import note, print_json, print_table
from genocc.cli.options import JsonOption, ProviderOption, RuntimesOption
from genocc.errors import TargetError, quoted
from genocc.runtimes import MAX_BATCH


def verify(
    model: Annotated[Path, typer.Argument(metavar="MODEL", help="A file that `genocc compile` wrote.")],
    weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The weights it was compiled from; untrained ones follow from its seed."),
    ] = None,
    provider: ProviderOption = None,
    runtime: RuntimesOption = None,
    batch: Annotated[str, typer.Option("--batch", metavar="N,N,N", help="Numbers of images.")] = "1,2,7",
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Slow runtimes, such as ONNX's reference evaluator, at the first batch only."),
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the random images.")] = 0,
    tolerance: Annotated[
        float | None,
        typer.Option(
            help="The largest relative difference to accept \\[1e-4; float16 0.02, bfloat16 0.15, int8 0.5].",
            show_default=False,
        ),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare a compiled file with its genotype's net in PyTorch; exit code 1 if they differ.

    ONNX Runtime and ONNX's reference evaluator run an .onnx file, OpenVINO an .xml file, PyTorch a .safetensors file,
    unless --runtime names others (`genocc runtimes`). The reference evaluator takes a second or more per image. A file
    of lower precision is compared value by value, from the stem to the logits, with wider limits.
    """
    from genocc.exporters.verification import verify

    batches = _batches(batch)
    if tolerance is not None and not tolerance > 0:
        raise TargetError(f"--tolerance: found {tolerance}; expected a positive number such as 1e-4")
    verification = verify(
        model,
        weights=weights,
        provider=provider or "cpu",
        runtimes=runtime or (),
        batches=batches,
        reference_batches=batches[:1] if quick else batches,
        seed=seed,
        note=note,
        tolerance=tolerance,
    )
    if json:
        print_json({"model": str(model), **verification.to_dict()})
    else:
        rows = [
            (c.runtime, c.batch, f"{c.max_abs:.1e}", f"{c.max_rel:.1e}", f"{c.top1_agreement:.0%}")
            for c in verification.comparisons
        ]
        verdict = "same" if verification.ok else "DIFFERENT"
        measured = "max rel" if not verification.depth else f"{verification.precision}, relative error of the values"
        caption = (
            f"{verdict}: {measured} {verification.error:.1e}, tolerance {verification.tolerance:.0e}; "
            f"{verification.weights}; {verification.comparisons[0].runtime} on {verification.provider}"
        )
        columns = ["runtime", ">batch", ">max abs", ">max rel", ">top-1 agreement"]
        print_table(f"{model} against PyTorch", columns, rows, caption=caption)
        if verification.depth:
            by_depth = [(one.place, f"{one.error:.1e}") for one in verification.depth]
            print_table("relative error of the last value of each", ["place", ">error"], by_depth)
    if not verification.ok:
        raise typer.Exit(1)


def _batches(text: str) -> list[int]:
    numbers = [number.strip() for number in text.split(",")]
    if not all(re.fullmatch("[0-9]{1,9}", number) and 0 < int(number) <= MAX_BATCH for number in numbers):
        raise TargetError(
            f"--batch: found {quoted(text)}; expected numbers of images, 1 to {MAX_BATCH:,}, such as 1,2,7"
        )
    return [int(number) for number in numbers]
