"""Digests of the files that commands write, to compare two commits byte for byte.

    python tests/written_files.py FOLDER > digests.txt     # with each commit's own environment; then diff the two

Seconds and speeds are taken out of histories and reports, times and versions out of logs; nothing else is.
"""

from __future__ import annotations

import re
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

GENOTYPES = ("darts-v1", "darts-v2", "pc-darts-cifar", "pdarts", "nasnet", "amoebanet")
SMALL = ("--channels", "8", "--layers", "5")
TINY = ("--epochs", "2", "--set", "supernet.channels=8", "--set", "supernet.layers=3", "--set", "data.size=8",
        "--set", "data.training=128", "--set", "data.validation=64", "--set", "schedule.batch_size=32")  # fmt: skip
METHODS = ("darts", "pc-darts", "ec-darts", "edarts", "entrannas", "entrannas-dst")


def main(folder: Path) -> None:
    """Runs the commands in an empty folder and prints a line per file."""
    folder.mkdir(parents=True)
    for name in GENOTYPES:
        genotype = f"zoo:{name}"
        printed(folder, f"count-{name}.json", "count", genotype, "--json", *SMALL, "--auxiliary")
        printed(folder, f"show-{name}.json", "show", genotype, "--json")
        for suffix in ("dot", "svg"):
            genocc(folder, "draw", genotype, "-o", f"{name}.{suffix}")
        for level in ("0", "1", "2"):
            compiled(folder, genotype, f"{name}-{level}.onnx", "onnx", "--optimize", level)
        compiled(folder, genotype, f"{name}.safetensors", "torch")
        compiled(folder, genotype, f"{name}.py", "python")
        for dialect in ("darts", "naslib", "nni", "aw_nas", "robust-darts", "mmrazor"):
            genocc(folder, "export-text", genotype, "--to", dialect, "-o", f"{name}-{dialect}.txt", check=False)
    compiled(folder, "zoo:darts-v2", "darts-v2.pt2", "pt2")
    compiled(folder, "zoo:darts-v2", "deployed.onnx", "onnx", "--uint8-input", "--normalize", "0.5,0.25", "--softmax")
    for command in ("schema", "ops", "passes", "methods", "zoo list"):
        flags = () if command == "schema" else ("--json",)
        printed(folder, f"{command.replace(' ', '-')}.json", *command.split(), *flags)
    for method in METHODS:
        genocc(folder, "search", "--method", method, "--out", f"search-{method}", "--device", "cpu", *TINY)
    genocc(folder, "draw", "search-darts", "-o", "darts.gif")
    genocc(folder, "report", "search-darts", "-o", "search.html")
    small = ("--set", "data.training=96", "--set", "schedule.batch_size=32", *SMALL, "--input-size", "8")
    genocc(folder, "train", "search-darts", "--out", "train", "--epochs", "2", "--device", "cpu", *small)
    genocc(folder, "report", "train", "-o", "train.html")
    for target, suffix in (("onnx", "onnx"), ("python", "py"), ("torch", "safetensors")):
        genocc(folder, "compile", "train", "--to", target, "-o", f"trained.{suffix}")
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"):
        content = path.read_bytes()
        if path.suffix in (".jsonl", ".html", ".txt"):
            content = timeless(content)
        print(sha256(content).hexdigest()[:16], path.relative_to(folder))


def genocc(folder: Path, *arguments: str, check: bool = True) -> str:
    """Runs a command and returns what it prints."""
    command = [sys.executable, "-m", "genocc", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if check and done.returncode:
        sys.exit(f"{' '.join(arguments)}: {done.returncode}\n{done.stderr}")
    return done.stdout


def printed(folder: Path, name: str, *arguments: str) -> None:
    """Keeps what a command prints."""
    (folder / name).write_text(genocc(folder, *arguments), encoding="utf-8")


def compiled(folder: Path, genotype: str, name: str, target: str, *options: str) -> None:
    """Compiles a small net."""
    genocc(folder, "compile", genotype, "--to", target, "-o", name, "--no-verify", *SMALL, *options)


def timeless(content: bytes) -> bytes:
    """A text without what differs from run to run."""
    text = content.decode()
    text = re.sub(r'("?(?:seconds|images_per_second)"?: ?)[\d.]+', r"\1-", text)
    text = re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "-", text)
    return re.sub(r"[\d,.]+ (s|min|images/s)\b", r"- \1", text).encode()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
