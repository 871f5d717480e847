"""The tests' own mutations: what is changed, what is left alone, and whose tests notice it."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests import mutate

MODULE = '''\
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    import a
class C:
    """1 < 2."""
    limit: Literal[3] = 3
    @cache(4)
    def f(self, x: int | None) -> A | B:
        if not x and x < self.limit:
            raise ValueError(f"{x + 1}")
        self.log()
        x += 1
        return x * 2 if x else None
'''


def test_each_kind_of_fault_and_nothing_that_is_not_run() -> None:
    found = [mutation.describe() for mutation in mutate.mutations(ast.parse(MODULE))]
    assert found == [
        "6: 3  ->  4",
        "9: not x and x < self.limit  ->  not (not x and x < self.limit)",
        "9: not x and x < self.limit  ->  not x or x < self.limit",
        "9: not x  ->  x",
        "9: x < self.limit  ->  x <= self.limit",
        "10: raise ValueError(f'{x + 1}')  ->  pass",
        "11: self.log()  ->  pass",
        "12: x += 1  ->  pass",
        "12: x += 1  ->  x -= 1",
        "12: 1  ->  2",
        "13: x * 2 if x else None  ->  None",
        "13: x  ->  not x",
        "13: x * 2  ->  x // 2",
        "13: 2  ->  3",
    ]


def test_describing_changes_nothing() -> None:
    tree = ast.parse(MODULE)
    list(map(mutate.Mutation.describe, mutate.mutations(tree)))
    assert ast.dump(tree) == ast.dump(ast.parse(MODULE))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="mutants are forks")
@pytest.mark.parametrize(("bound", "survives"), [("x > 2", True), ("x > 2 and not f(1)", False)])
def test_what_survives_is_what_no_test_notices(
    bound: str, survives: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A whole run, on a module of one line and its test, in children of this process."""
    name = f"mutated_{survives}"
    (tmp_path / "genocc").mkdir()
    (tmp_path / "genocc" / f"{name}.py").write_text("def f(x):\n    return x > 1\n")
    (tmp_path / "test_it.py").write_text(
        dedent(f"""\
            import pytest
            from genocc.{name} import f
            @pytest.mark.parametrize("x", [3])
            def test_it(x):
                assert f(x) and ({bound})
        """)
    )
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "conftest.py").write_text(
        f"import genocc\ngenocc.__path__ = [*genocc.__path__, {str(tmp_path / 'genocc')!r}]\n"
    )
    monkeypatch.setattr(mutate, "ROOT", tmp_path)
    monkeypatch.setattr(mutate, "PARTS", {"it": {f"genocc/{name}.py": ("test_it.py",)}})
    monkeypatch.chdir(tmp_path)
    every, tested, alive = mutate.survivors("it", number=9, seed=0, only="")
    assert (every, tested) == (3, 3)  # no value is returned; 1 is 2; > is >=
    assert (f"genocc/{name}.py:2: x > 1  ->  x >= 1" in alive) == survives
    assert not any("None" in line for line in alive)
    assert f"genocc.{name}" not in sys.modules
