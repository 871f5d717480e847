"""``genocc compile``."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from genocc.cli.console import beside, note, print_json, print_table, refuse_mixing
from genocc.cli.deployment import class_names_option, normalize_option
from genocc.cli.options import GenotypeArgument, JsonOption, OutputOption, ProviderOption, network_options
from genocc.errors import GenoccError
from genocc.network import NetworkConfig
from genocc.runs.outputs import refuse_overwriting

if TYPE_CHECKING:
    from genocc.compiler import Compilation
    from genocc.graph import Graph
    from genocc.passes import Parameters, Pass
    from genocc.precision import Tradeoff
    from genocc.source import Source
    from genocc.targets import Exporter


def _option(panel: str, *names: str, help: str, metavar: str | None = None) -> Any:
    return typer.Option(*names, help=help, metavar=metavar, rich_help_panel=panel, show_default=False)


@network_options
def compile(
    source: GenotypeArgument,
    to: Annotated[str, typer.Option("--to", metavar="TARGET", help="onnx, openvino, torch, pt2 or python.")],
    output: OutputOption,
    network: NetworkConfig,
    weights: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Trained weights (.safetensors) instead of --seed.")
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="Of the initialization, where there are no trained weights [0].", show_default=False),
    ] = None,
    verify: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Load the new file and compare it with PyTorch.")
    ] = True,
    provider: ProviderOption = None,
    json: JsonOption = False,
    optimize: Annotated[
        int | None,
        _option(
            "Passes", "--optimize", help="0: none. 1: none that adds parameters. 2: all that help [2].", metavar="N"
        ),
    ] = None,
    passes: Annotated[
        str | None, _option("Passes", "--passes", help="Exactly these, in this order.", metavar="A,B(X=1),C")
    ] = None,
    print_after: Annotated[
        list[str] | None,
        _option("Passes", "--print-after", help="Print the graph after a pass ('all': each); repeatable."),
    ] = None,
    bisect: Annotated[
        bool, _option("Passes", "--bisect", help="Write nothing; find the first pass that changes the results.")
    ] = False,
    opset: Annotated[int | None, _option("Target", "--opset", help="ONNX operator set, 17 or newer [18].")] = None,
    batch: Annotated[
        int | None, _option("Target", "--batch", help="Take exactly N images at a time [any].", metavar="N")
    ] = None,
    precision: Annotated[
        str | None,
        _option(
            "Precision",
            "--precision",
            help="Compute in a lower precision [float32].",
            metavar="float32|bfloat16|float16|int8",
        ),
    ] = None,
    half_io: Annotated[
        bool | None, _option("Precision", "--half-io", help="float16: images and outputs in float16 as well.")
    ] = None,
    calibrate: Annotated[
        str | None,
        _option(
            "Precision",
            "--calibrate",
            help="int8: images, as for --data, or a training run [a training run's own].",
            metavar="DATA",
        ),
    ] = None,
    calibration_images: Annotated[
        int | None,
        _option("Precision", "--calibration-images", help="Training images to calibrate on [300].", metavar="N"),
    ] = None,
    max_drop: Annotated[
        float | None,
        _option(
            "Precision",
            "--max-drop",
            help="Largest drop of top-1 on the test images, in points; beyond it no file is written [0.5].",
            metavar="P",
        ),
    ] = None,
    normalize: Annotated[
        str | None,
        _option(
            "Target",
            "--normalize",
            help="Normalize inside: means, then deviations, or those of a training run.",
            metavar="M,M,M,S,S,S|run",
        ),
    ] = None,
    uint8_input: Annotated[
        bool | None, _option("Target", "--uint8-input", help="Take uint8 images and divide them by 255.")
    ] = None,
    softmax: Annotated[
        bool | None, _option("Target", "--softmax", help="Return probabilities instead of logits.")
    ] = None,
    class_names: Annotated[
        str | None,
        _option("Target", "--class-names", help="A file with one name per line, or a list.", metavar="FILE|A,B,C"),
    ] = None,
) -> None:
    """Compile a genotype: to ONNX, OpenVINO, PyTorch weights, a torch.export program or Python source.

    The file appears only if it is complete and computes what the net does in PyTorch, and in int8 only if it loses no
    more accuracy than --max-drop allows (exit code 1 if not).
    """
    from genocc.compiler import choose_passes, compile, make_exporter, trained_by
    from genocc.passes import PASSES, parse
    from genocc.precision import DropError
    from genocc.verification import MismatchError

    refuse_overwriting(output, source.where, weights, class_names)
    if json:
        refuse_mixing(output)
    known = weights if seed is None else None  # with both, compile refuses them
    options = {
        "opset": opset,
        "batch": batch,
        "precision": precision,
        "half_io": half_io,
        "calibrate": calibrate,
        "calibration_images": calibration_images,
        "max_drop": max_drop,
        "normalize": normalize and normalize_option(normalize, network.input_channels, trained_by(source, known)),
        "uint8_input": uint8_input,
        "softmax": softmax,
        "class_names": class_names and class_names_option(class_names),
    }
    given = {name: value for name, value in options.items() if value is not None}
    target = make_exporter(to, source, known, **given)
    chosen = choose_passes(target, None if passes is None else parse(passes, PASSES), optimize)
    if bisect:
        _bisect(source, network, chosen, weights, seed, json)
        return
    say = note if json else beside(output)
    try:
        compilation = compile(
            source,
            network,
            to=target,
            output=output,
            weights=weights,
            seed=seed,
            passes=chosen,
            verify=verify,
            provider=provider,
            after=_printer(print_after or [], chosen, say),
        )
    except (MismatchError, DropError) as error:
        note(f"genocc: {error}")
        raise typer.Exit(1) from None
    if json:
        print_json({"output": str(output), **compilation.to_dict()})
    else:
        _print(compilation, output, say)


def _bisect(
    source: "Source",
    network: NetworkConfig,
    passes: tuple[str, ...],
    weights: Path | None,
    seed: int | None,
    json: bool,
) -> None:
    from genocc.exporters.bisection import bisect_passes

    found = bisect_passes(source, network, passes=passes, weights=weights, seed=seed)
    if json:
        print_json({"errors": found.errors, "culprit": found.culprit})
    else:
        rows = [
            (name, f"{error:.1e}", "changes the logits" if name == found.culprit else "")
            for name, error in found.errors.items()
        ]
        verdict = (
            f"{found.culprit} is the first to change what is computed"
            if found.culprit
            else "no pass changes what is computed"
        )
        print_table("logits after each pass, in float64", ["pass", ">max rel", ""], rows, caption=verdict)
    if found.culprit:
        raise typer.Exit(1)


def _printer(
    names: list[str], chosen: tuple[str, ...], say: Callable[[str], None]
) -> "Callable[[Pass, Graph, Parameters], None]":
    """Prints the graph after the passes that were asked for, by name or with the arguments that they were given."""
    from genocc.passes import PASSES, select

    running = {text for step in select(chosen, PASSES) for text in (step.name, str(step))}
    for name in names:
        if name not in (*running, "all"):
            raise GenoccError(f"--print-after {name}: this pass does not run; those that do: {', '.join(chosen)}")

    def after(step: "Pass", graph: "Graph", parameters: "Parameters") -> None:
        if not {"all", step.name, str(step)}.isdisjoint(names):
            say(f"# after {step}\n{graph}")

    return after


def _print(compilation: "Compilation", output: Path, say: Callable[[str], None]) -> None:
    net, found = compilation.net, compilation.to_dict()
    say(
        f"{output}: {net.genotype.name} for target {compilation.target.name}, {found['bytes'] / 2**20:.2f} MiB, "
        f"{found['operators']:,} operators, {found['parameters']:,} parameters"
    )
    rows = {
        "passes": ", ".join(net.passes) or "none",
        "weights": found["weights"],
        "images": _images(compilation.target),
        "checked": ", ".join(found["checks"]),
    }
    if found["growth"] > 1:
        rows["growth"] = f"{found['growth']:.3f}x the parameters of the genotype's net, to be faster"
    if tradeoff := compilation.tradeoff:
        rows |= _tradeoff(tradeoff)
    if verification := compilation.verification:
        batches = ", ".join(str(comparison.batch) for comparison in verification.comparisons)
        figures = f"max abs {verification.max_abs:.1e}, max rel {verification.max_rel:.1e}"
        if verification.depth:
            worst = max(verification.depth, key=lambda one: one.error)
            figures = f"relative error of the values at most {worst.error:.1e} ({worst.place})"
        rows["verified"] = (
            f"{figures}, top-1 agreement {verification.top1_agreement:.0%} with PyTorch on noise, batch {batches}"
            if verification.depth
            else f"{figures}, top-1 agreement {verification.top1_agreement:.0%} with PyTorch, batch {batches}"
        )
        rows["provider"] = verification.provider
    else:
        rows["verified"] = "no (--no-verify)"
    for name, text in rows.items():
        if text:
            say(f"  {name:9} {text}")


def _tradeoff(found: "Tradeoff") -> dict[str, str]:
    """Rows about a file of lower precision."""
    speed = ", ".join(f"{ratio:.2f}x at batch {batch}" for batch, ratio in found.speed.items())
    rows = {"precision": f"{found.precision}; of float32: {found.size:.2f}x the bytes, speed {speed} ({found.runtime})"}
    if a := found.accuracies:
        rows["accuracy"] = (
            f"top-1 {a.lower:.2%}, float32 {a.float32:.2%} (drop {a.drop:.2f} points, limit {a.max_drop:g}), agreement "
            f"{a.agreement:.2%}, on {a.images:,} test images of {a.data}; calibrated on {a.calibrated:,} others"
            + (f"; {a.remark}" if a.remark else "")
        )
    if found.kept:
        rows["in float"] = ", ".join(found.kept)
    if found.slower:
        rows["warning"] = f"slower than float32 here at batch {', '.join(map(str, found.slower))}"
    return rows


def _images(target: "Exporter") -> str:
    """Images that the file takes, where that is known of a trained net."""
    if (found := getattr(target, "normalization", None)) is None:
        return ""
    mean, std = (", ".join(f"{value:g}" for value in values) for values in found)
    if getattr(target, "normalize", None) is None:
        return f"minus mean {mean}, over deviation {std}; --normalize run does it inside"
    scale = "uint8 0..255" if getattr(target, "uint8_input", False) else "0..1"
    return f"{scale}, normalized inside: mean {mean}, deviation {std}"
