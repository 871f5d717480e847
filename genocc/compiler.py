"""The compiler: genotype and weights through lowering and passes to a target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from genocc import arguments
from genocc import weights as weight_files
from genocc.configuration import MAX_SEED
from genocc.errors import FileError, GenoccError, TargetError, quoted
from genocc.files import is_stdout, write_atomically
from genocc.genotype import Genotype
from genocc.graph import Graph
from genocc.lowering import lower
from genocc.network import NetworkConfig
from genocc.passes import PASSES, Parameters, Pass, run_passes, select
from genocc.precision import Tradeoff
from genocc.provenance import Provenance, check_net
from genocc.runs.outputs import refuse_overwriting
from genocc.source import Source
from genocc.targets import CompiledNet, Exporter, exporter, level
from genocc.verification import MismatchError, Verification


@dataclass(frozen=True)
class Compilation:
    """A file that was written.

    Attributes:
        net: What is in it.
        target: What wrote it.
        size: Of the file in bytes, its companions included.
        operators: Their number in the file.
        verification: How far it is from the net in PyTorch; None where that was not asked for.
        tradeoff: What its precision costs and gains; None in float32, and where nothing was to be measured.
    """

    net: CompiledNet
    target: Exporter
    size: int
    operators: int
    verification: Verification | None
    tradeoff: Tradeoff | None = None

    def to_dict(self) -> dict[str, Any]:
        """Returns plain data for ``--json``."""
        net = self.net
        return {
            "name": net.genotype.name,
            "hash": net.genotype.hash,
            "target": self.target.name,
            "bytes": self.size,
            "operators": self.operators,
            "parameters": net.parameter_count,
            "growth": net.growth,
            "passes": list(net.passes),
            "weights": net.provenance().weights if self.target.holds_weights else "none in the file",
            "checks": list(self.target.checks),
            "verification": self.verification and self.verification.to_dict(),
            "tradeoff": self.tradeoff and self.tradeoff.to_dict(),
        }


def compile(  # named as the command; the built-in is not needed here
    genotype: Genotype | Source,
    config: NetworkConfig | None = None,
    *,
    to: str | Exporter,
    output: str | Path,
    weights: Mapping[str, Any] | str | Path | None = None,
    seed: int | None = None,
    passes: Sequence[str] | None = None,
    optimize: int | None = None,
    verify: bool = True,
    provider: str | None = None,
    after: Callable[[Pass, Graph, Parameters], None] | None = None,
    **options: Any,
) -> Compilation:
    """Compiles a genotype, or the net of a training run, to a file.

    Args:
        genotype: The cells, or what `genocc.open` returns. A training run has its own network, weights, class names,
            mean and deviation, which need not be given.
        config: The network around them; the CIFAR defaults where it is not given.
        to: Name of a target (``onnx``, ``openvino``, ``torch``, ``pt2``, ``python``), or the target itself.
        output: The file; it appears only if it is complete and, where that is asked for, verified.
        weights: Arrays or tensors by name, or a safetensors file; initialised from ``seed`` where not given.
        seed: Of the initialization [0].
        passes: Names of passes, in order, instead of a level.
        optimize: 0: no passes. 1: the target's passes, without those that may add parameters. 2: all of them [2].
        verify: Whether to load the file again and compare it with the net in PyTorch.
        provider: Where the verification runs it: ``cpu`` or ``cuda`` [cpu].
        after: Called after each pass.
        **options: Of the target, if ``to`` is a name.

    Raises:
        MismatchError: The file does not compute what the net does; it is not written.
        DropError: A file of lower precision loses more accuracy than is allowed; it is not written.
        TargetError: The target, one of its options or the provider does not exist, or the net does not fit it.
        FileError: The file cannot be written, has another target's suffix, or is one of those that are read.
        GenoccError: As `compile_net`, or two arguments exclude each other.
    """
    arguments.path(output, "output")
    source = Source.of(genotype)
    target = to if isinstance(to, Exporter) else make_exporter(to, source, weights, **options)
    if provider is not None and not verify:
        raise GenoccError("--provider says where the verification runs, and --no-verify leaves it out; give one")
    _check_output(output, target, source, weights)
    chosen = choose_passes(target, passes, optimize)
    net = compile_net(source, config, weights=weights, seed=seed, passes=chosen, after=after)
    target.check_size(net)
    done: list[Compilation] = []

    def write(path: Path) -> None:
        if verify or target.gated:
            operators, tradeoff = target.write_measured(net, path, str(output))
        else:
            operators, tradeoff = target.write(net, path), None
        verification = target.verify(net, path, provider or "cpu") if verify else None
        if verification and not verification.ok:
            raise MismatchError(f"{output}", verification)
        size = sum(part.stat().st_size for part in (path, *map(path.with_suffix, target.companions)))
        done.append(Compilation(net, target, size, operators, verification, tradeoff))

    write_atomically(output, write, target.companions)
    return done[0]


def compile_net(
    genotype: Genotype | Source,
    config: NetworkConfig | None = None,
    *,
    weights: Mapping[str, Any] | str | Path | None = None,
    seed: int | None = None,
    passes: Sequence[str] = (),
    after: Callable[[Pass, Graph, Parameters], None] | None = None,
) -> CompiledNet:
    """Returns the optimized inference net of a genotype; imports no PyTorch.

    Args:
        genotype: As for `compile`.
        config: The network around the cells.
        weights: Arrays by name or a safetensors file; initialised from ``seed`` where not given.
        seed: Of the initialization [0].
        passes: Names of passes, in order.
        after: Called after each pass.

    Raises:
        NetworkError: The skeleton has no place for the genotype's cells, or the run trained another network.
        WeightsError: The weights do not fit the net, or their file says that they are another's.
        RunError: The training is not finished.
        GenoccError: A pass is unknown, or there are weights and a seed.
    """
    source = Source.of(genotype)
    config = source.network(config)
    seed = None if seed is None else arguments.whole(seed, "--seed", 0, MAX_SEED)
    if source.provenance:
        config = config.model_copy(update={"auxiliary": False})  # which files of inference nets do not hold
    weights = source.weights if weights is None else weights
    if seed is not None and weights is not None:
        raise GenoccError("--seed is of an initialization, and the weights are given; leave it out")
    logical = lower(source.genotype, config)
    before = _parameters(logical, weights, seed or 0)
    trained = weights is not None
    if isinstance(weights, (str, Path)):
        texts = weight_files.metadata(weights)
        check_net(texts, source.genotype, config, str(weights), source.provenance)
        if (found := _initial_seed(_described(texts, str(weights)), before, logical)) is not None:
            trained, seed = False, found
    graph, parameters = run_passes(logical, before, select(passes, PASSES), after=after)
    return CompiledNet(
        source.genotype, config, graph, parameters, tuple(passes), trained, seed or 0, logical, before
    )  # fmt: skip


def choose_passes(target: Exporter, passes: Sequence[str | Pass] | None, optimize: int | None) -> tuple[str, ...]:
    """Returns the names (and arguments) of the passes that `compile` runs, given its own; raises GenoccError."""
    if passes is None:
        return level(target, 2 if optimize is None else optimize)
    if optimize is not None:
        raise GenoccError("--passes and --optimize exclude each other; give one of them")
    if isinstance(passes, str):
        raise GenoccError(f"passes: found {quoted(passes)}; expected a list of names, such as [{quoted(passes)}]")
    return tuple(map(str, passes))


def trained_by(source: Source, weights: object = None) -> Provenance | None:
    """Returns what is known of the training of a net: by its run, or by the file of its weights; None for nothing.

    Raises:
        FileError: The file cannot be read.
        TargetError: Its metadata are damaged.
    """
    if source.provenance or not isinstance(weights, (str, Path)):
        return source.provenance
    return _described(weight_files.metadata(weights), str(weights))


def make_exporter(name: str, source: Source | None = None, weights: object = None, **options: Any) -> Exporter:
    """Returns a target with options.

    Args:
        name: Of the target.
        source: What will be compiled: options that are not given follow from its training, as `trained_by`.
        weights: A file of its weights, as `compile` takes it.
        **options: Of the target.

    Raises:
        TargetError: There is no such target, it has no such option, or the option's value is not possible.
    """
    target = exporter(name)
    known = [field.name for field in fields(target)]  # type: ignore[arg-type]
    if unknown := [option for option in options if option not in known]:
        has = f"its options are {', '.join(known)}" if known else "it has no options"
        raise TargetError(f"target '{name}' has no option {unknown[0]}; {has}".replace("_", "-"))
    if source and (training := trained_by(source, weights)):
        own = _options_of_training(training, options)
        if source.provenance and options.get("precision") == "int8":
            own["calibrate"] = own["run"] = source.where  # its own images
        options = {**{option: value for option, value in own.items() if option in known}, **options}
    return target(**options)


def _options_of_training(provenance: Provenance, given: Mapping[str, Any]) -> dict[str, Any]:
    """Deployment options as a training run has them; see `genocc.exporters.deployment.Deployment`."""
    trained = provenance.normalization
    if trained and given.get("normalize") not in (None, trained):
        raise TargetError(
            f"--normalize: found {given['normalize']}; the net was trained with {trained}: give --normalize run"
        )
    known: Mapping[str, int] = {name: number for number, name in enumerate(provenance.class_names)}
    for number, name in enumerate(given.get("class_names") or ()):
        if known.get(name, number) != number:
            raise TargetError(
                f"--class-names: class {number} is {quoted(name)}, which is class {known[name]} of the training; keep "
                "its order, or leave --class-names out"
            )
    own: dict[str, Any] = {"class_names": provenance.class_names, "normalization": trained}
    if given.get("uint8_input"):  # pixels as they are in a file: the net needs its normalization before it
        own["normalize"] = trained
    return own


def _check_output(output: str | Path, target: Exporter, source: Source, weights: object) -> None:
    """Refuses an output that is read, or has a suffix that its content does not have; raises FileError."""
    path = Path(output)
    read = (source.where or None, weights if isinstance(weights, (str, Path)) else None)
    for written in (output, *map(path.with_suffix, target.companions if path.suffix else ())):
        refuse_overwriting(written, *read)
    is_stream = is_stdout(output) or (path.exists() and not path.is_file())  # standard output, a pipe, a device
    if is_stream and target.companions:
        raise FileError(f"{output}: target '{target.name}' writes two files; name the {target.suffix} file")
    if not is_stream and path.suffix != target.suffix:
        raise FileError(f"{output}: target '{target.name}' writes {target.suffix} files; found suffix '{path.suffix}'")


def _parameters(graph: Graph, weights: Mapping[str, Any] | str | Path | None, seed: int) -> Parameters:
    if weights is None:
        from genocc.initialization import initialize

        return initialize(graph, seed)
    if isinstance(weights, (str, Path)):
        arrays, where = weight_files.load(weights), str(weights)
    elif isinstance(weights, Mapping):
        arrays, where = weight_files.as_arrays(weights), "weights"
    else:
        kind = type(weights).__name__
        raise GenoccError(f"weights: found {quoted(weights)} ({kind}); expected a safetensors file, or arrays by name")
    weight_files.check(arrays, graph, where)
    return Parameters.of(arrays)


def _described(metadata: Mapping[str, str], where: str) -> Provenance | None:
    """What a file of weights says of itself; None for one of another program."""
    return Provenance.from_metadata(metadata, where) if "genocc_version" in metadata else None


def _initial_seed(described: Provenance | None, arrays: Parameters, graph: Graph) -> int | None:
    """The seed of a file whose weights are an initialization, as it says itself; None for any other."""
    from genocc.initialization import initialize

    if described is None or described.seed is None:
        return None
    initial = initialize(graph, described.seed)
    return described.seed if all((initial[name] == arrays[name]).all() for name in initial) else None
