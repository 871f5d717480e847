"""Mutation testing: small faults put into a module, one by one, each of which its tests should notice.

    python -m tests.mutate                                   # 60 mutants of each part (make mutation)
    python -m tests.mutate counting lowering --number 100
    python -m tests.mutate passes --only "zeros.py:81"       # the mutants of one line

A mutant is the module with one comparison, operator, constant, condition or returned value exchanged, or one statement
left out; annotations, docstrings and the texts of errors stay as they are. It is killed by the first test that fails,
or by ten times the CPU time of all tests. A sample is that of the seed. What survives is printed: a line that could be
wrong without a test that says so, or a change that changes nothing.

Each mutant is a fork of this process, which has imported what takes long, but nothing of genocc: a hook gives it the
changed module. Not to be seen by a mutant are commands that tests start as processes of their own. Hypothesis tries
fewer examples than in `make test` and does not shrink what it finds: the score is one that the tests have at least.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).parent.parent
SEARCHES = ("tests/searchers/parts/test_relaxation.py", "tests/searchers/test_config.py")
PARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "counting": {
        "genocc/counting.py": ("tests/test_counting.py", "tests/cli/test_count.py"),
    },
    "lowering": {"genocc/lowering.py": ("tests/test_lowering.py", "tests/test_nas_bench_201.py")},
    "passes": {
        f"genocc/passes/{path.stem}.py": (f"tests/passes/test_{path.stem}.py", "tests/passes/test_all.py")
        for path in sorted((ROOT / "genocc" / "passes").glob("[!_]*.py"))
    },
    "relaxation": {"searchers/parts/relaxation.py": SEARCHES},
}
"""Part -> its modules -> the tests that should notice a fault, the fastest first."""

COMPARISONS = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
OPERATORS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.FloorDiv, ast.FloorDiv: ast.Mult, ast.Div: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
    ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
HOUR, NO_TESTS = 3600, 5
"""Seconds; and the exit code of pytest where it found none."""
EXAMPLES = 15
"""The most that Hypothesis tries for a test."""
SETTINGS = "_hypothesis_internal_use_settings"
"""Where Hypothesis keeps the settings of a test."""
TEXTS = {"annotation", "returns", "decorator_list", "type_params"}
"""Fields of a syntax tree that are not run."""


@dataclass(frozen=True)
class Mutation:
    """A change of a syntax tree: replaces what one field of a node holds, or one item of it."""

    node: ast.AST
    field: str
    index: int | None
    new: Any

    @property
    def old(self) -> Any:
        """What is replaced."""
        held = getattr(self.node, self.field)
        return held if self.index is None else held[self.index]

    def apply(self) -> None:
        """Changes the tree."""
        if self.index is None:
            setattr(self.node, self.field, self.new)
        else:
            getattr(self.node, self.field)[self.index] = self.new

    def describe(self) -> str:
        """Returns the line, and what it was and is; undoes nothing that was applied before."""
        shown = self.node if isinstance(self.old, (ast.cmpop, ast.operator, ast.boolop)) else None
        at, old = getattr(self.old, "lineno", getattr(self.node, "lineno", 0)), ast.unparse(shown or self.old)
        before = self.old
        self.apply()
        new = ast.unparse(shown or self.new)
        Mutation(self.node, self.field, self.index, before).apply()
        return f"{at}: {old}  ->  {new}"


def mutations(tree: ast.AST) -> Iterator[Mutation]:
    """Yields every mutation of a tree, in the order of its text."""
    for field, held in ast.iter_fields(tree):
        if field in TEXTS or isinstance(tree, (ast.JoinedStr, ast.Raise)):
            continue
        for index, child in enumerate(held) if isinstance(held, list) else [(None, held)]:
            if isinstance(child, ast.If) and ast.unparse(child.test) == "TYPE_CHECKING":
                continue
            if isinstance(child, ast.AST):
                yield from (Mutation(tree, field, index, new) for new in replacements(tree, field, child))
                yield from mutations(child)


def replacements(parent: ast.AST, field: str, child: ast.AST) -> Iterator[ast.AST]:
    """Yields what may stand in the place of a child of a node."""
    for table in (COMPARISONS, OPERATORS):
        if type(child) in table:
            yield table[type(child)]()  # type: ignore[index]
    if isinstance(child, ast.Constant) and type(child.value) in (int, float, bool):
        yield ast.Constant(not child.value if isinstance(child.value, bool) else child.value + 1)
    if isinstance(child, ast.UnaryOp) and isinstance(child.op, (ast.Not, ast.USub)):
        yield child.operand
    elif field in ("test", "ifs") and not isinstance(child, (ast.Compare, ast.Constant)):
        yield ast.UnaryOp(ast.Not(), child)  # type: ignore[arg-type]
    if isinstance(parent, ast.Return) and not (isinstance(child, ast.Constant) and child.value is None):
        yield ast.Constant(None)
    is_call = isinstance(child, ast.Expr) and not isinstance(child.value, ast.Constant)  # neither docstring nor ...
    if is_call or isinstance(child, (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Assert)):
        yield ast.Pass()


@dataclass(frozen=True)
class Mutant:
    """The number-th mutation of a file."""

    path: str
    number: int

    @property
    def module(self) -> str:
        """The name that the file is imported by."""
        name = self.path.removesuffix(".py").replace("/", ".")
        return name if name.startswith("genocc.") else f"genocc.{name}"

    def tree(self) -> tuple[ast.Module, str]:
        """Returns the changed syntax tree and where it differs."""
        tree = ast.parse((ROOT / self.path).read_text(encoding="utf-8"))
        mutation = list(mutations(tree))[self.number]
        where = f"{self.path}:{mutation.describe()}"
        mutation.apply()
        return ast.fix_missing_locations(tree), where


class Hook(MetaPathFinder):
    """Imports one module from a syntax tree."""

    def __init__(self, module: str, path: Path, tree: ast.Module) -> None:
        self.module, self.path, self.tree = module, path, tree

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name != self.module:
            return None
        code = compile(self.tree, str(self.path), "exec", dont_inherit=True)

        class Loader(SourceFileLoader):
            def get_code(self, fullname: str) -> CodeType:
                return code

        return spec_from_file_location(name, self.path, loader=Loader(name, str(self.path)))


def in_child(test: Callable[[], int], seconds: float) -> tuple[int, float]:
    """Runs a function in a child, which ends after some seconds of CPU time; returns its exit code and its seconds."""
    import resource  # not on Windows, where nothing forks either

    child = os.fork()
    if not child:
        code = 3
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (round(seconds), round(seconds) + 5))
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
            code = test()
        finally:
            os._exit(code)
    _, status, used = os.wait4(child, 0)
    return os.waitstatus_to_exitcode(status), used.ru_utime + used.ru_stime


def run_tests(files: tuple[str, ...], mutant: Mutant | None) -> int:
    """Runs tests, with a mutant if there is one; returns pytest's exit code."""
    import pytest

    class Hurried:
        @staticmethod
        def pytest_configure() -> None:
            from hypothesis import Phase, settings

            usual = settings.get_profile("default")
            settings.register_profile("mutants", usual, phases=[Phase.explicit, Phase.generate], database=None)
            settings.load_profile("mutants")

        @staticmethod
        def pytest_collection_modifyitems(items: list[Any]) -> None:
            from hypothesis import settings

            for item in items:
                own = getattr(item.obj, SETTINGS, None)
                if own is not None and own.max_examples > EXAMPLES:
                    setattr(item.obj, SETTINGS, settings(own, max_examples=EXAMPLES))

    if mutant is not None:
        sys.meta_path.insert(0, Hook(mutant.module, ROOT / mutant.path, mutant.tree()[0]))
    there = [file for file in files if (ROOT / file).exists()]
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--assert=plain", *there], plugins=[Hurried()]))


def survivors(part: str, number: int, seed: int, only: str) -> tuple[int, int, list[str]]:
    """Tests a sample of a part's mutants; returns how many there are, how many were tested, and those that survived.

    Ctrl-C ends the sample early; it is in random order.
    """
    every = [
        Mutant(path, position)
        for path in PARTS[part]
        for position in range(len(list(mutations(ast.parse((ROOT / path).read_text(encoding="utf-8"))))))
    ]
    if only:
        chosen = [mutant for mutant in every if only in mutant.tree()[1]]
    else:
        chosen = random.Random(f"{seed} {part}").sample(every, min(number, len(every)))
    files = tuple(dict.fromkeys(file for of_module in PARTS[part].values() for file in of_module))
    code, seconds = in_child(partial(run_tests, files, None), HOUR)
    assert code == 0, f"{' '.join(files)}: fail without any mutant"
    tested, alive = 0, []
    with suppress(KeyboardInterrupt):
        for mutant in chosen:
            code, _ = in_child(partial(run_tests, PARTS[part][mutant.path], mutant), 10 * seconds + 10)
            assert code != NO_TESTS, f"{' '.join(PARTS[part][mutant.path])}: no tests"
            tested += 1
            if code == 0:
                alive.append(mutant.tree()[1])
            print("." if code else f"\nsurvived {alive[-1]}\n", end="", flush=True)
    print()
    return len(every), tested, alive


def main() -> int:
    """Prints survivors and scores; returns 1 if one is below the least."""
    parser = argparse.ArgumentParser(description="Mutation testing of genocc's modules.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)} [all]")
    parser.add_argument("--number", type=int, default=60, help="mutants of each part [60]")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="those with this in file, line or text")
    parser.add_argument("--least", type=float, default=85, help="per cent to be killed [85]")
    asked = parser.parse_args()
    if unknown := set(asked.parts) - PARTS.keys():
        parser.error(f"no such part: {', '.join(unknown)}; expected {', '.join(PARTS)}")
    os.environ["OMP_NUM_THREADS"] = "1"
    os.chdir(ROOT)
    sys.path.insert(0, str(ROOT))
    for slow in ("networkx", "numpy", "pydantic", "rich.table", "torch", "typer.testing"):
        import_module(slow)  # once, and not in each child
    low = False
    for part in asked.parts or PARTS:
        every, tested, alive = survivors(part, asked.number, asked.seed, asked.only)
        score = 100 * (tested - len(alive)) / max(tested, 1)
        low |= score < asked.least
        killed = tested - len(alive)
        print(f"{part}: {killed} of {tested} killed ({score:.0f}%), sampled from {every} by seed {asked.seed}")
    return int(low)


if __name__ == "__main__":
    sys.exit(main())
