"""Python's parser in several threads."""

from __future__ import annotations

import ast
import gc
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from genocc.parsing import syntax_tree


@pytest.fixture
def taking_turns() -> Iterator[None]:
    """Threads take turns within the parser's work, wherever Python looks for garbage."""

    def turn(*_: object) -> None:
        time.sleep(1e-5)

    before = gc.get_threshold()
    gc.set_threshold(100)
    gc.callbacks.append(turn)
    yield
    gc.callbacks.remove(turn)
    gc.set_threshold(*before)


def test_threads_parse_without_disturbing_each_other(taking_turns: None) -> None:
    text = "x = [1, (2, 3)]\n" * 60
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda _: ast.dump(syntax_tree(text)), range(200)))
    assert set(found) == {ast.dump(ast.parse(text))}


def test_a_system_error_of_the_parser_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    errors = [SystemError("AST constructor recursion depth mismatch (before=33, after=28)")] * 3
    parse = ast.parse

    def failing(text: str, mode: str) -> ast.AST:
        if errors:
            raise errors.pop()
        return parse(text, mode=mode)

    monkeypatch.setattr(ast, "parse", failing)
    assert isinstance(syntax_tree("(1, 2)", "eval"), ast.Expression)
    errors += [SystemError()] * 100
    with pytest.raises(SystemError):
        syntax_tree("(1, 2)", "eval")


def test_its_errors_are_those_of_ast() -> None:
    with pytest.raises(SyntaxError):
        syntax_tree("(")
