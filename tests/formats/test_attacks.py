"""Texts that are broken on purpose: an error of one line or a valid genotype, soon, and nothing is evaluated."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import genocc
from genocc import Genotype
from genocc.errors import FormatError
from genocc.formats import DIALECTS

FRAGMENTS = [
    *"()[]{}'\"\\\0\n\t #,:|+~-*!\u2028\u00a0\u202e\ud800\u0663é",
    *("&a ", "*a", "---\n", "? ", "- ", "<<: ", "!!python/object/apply:os.system "),
    *("None", "none", "noise", "True", "nan", "1e999", "-1", "0.5", "99999999999999999999", "1j", "...", "b''"),
    *("range(10**9)", "range(1000000000)", "range(2, 6)", "lambda: 0", "x := 1", "**{}", "if 1:\n", "import os\n"),
    *("__import__('os')", "open('/etc/passwd')", "f'{1/0}'", "'a' 'b'", "'\\ud800'", "Genotype("),
    *("normal", "reduce", "_concat", "chosen", "sep_conv_3x3", "skip_connect"),
]


def samples() -> dict[str, str]:
    """A good text of each dialect."""
    darts_v2 = genocc.load("zoo:darts-v2")
    cell = DIALECTS["nas-bench-201"].read(
        "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|avg_pool_3x3~2|"
    )
    return {
        name: dialect.write(cell.genotype if name == "nas-bench-201" else darts_v2)
        for name, dialect in DIALECTS.items()
    }


SAMPLES = samples()


@st.composite
def mutated(draw: st.DrawFn, text: str) -> str:
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        kind = draw(st.sampled_from(["insert", "replace", "delete", "repeat", "cut", "move"]))
        piece = draw(st.sampled_from(FRAGMENTS) | st.text(max_size=3))
        if kind == "insert":
            text = text[:start] + piece + text[start:]
        elif kind == "replace":
            text = text[:start] + piece + text[end:]
        elif kind == "delete":
            text = text[:start] + text[end:]
        elif kind == "repeat":
            text = text[:end] + text[start:end] * draw(st.integers(1, 50)) + text[end:]
        elif kind == "cut":
            text = text[:start] if draw(st.booleans()) else text[start:]
        else:
            target = draw(st.integers(0, len(text)))
            text = text[:target] + text[start:end] + text[target:]
    return text


def attack(name: str, text: str, seconds: float) -> None:
    """Reads a text in a dialect; a pause of the garbage collector is not the reader's, so slow ones get three tries."""
    if seconds_to_read(name, text) >= seconds:
        assert min(seconds_to_read(name, text) for _ in range(3)) < seconds


def seconds_to_read(name: str, text: str) -> float:
    started = time.process_time()
    try:
        genotype = DIALECTS[name].read(text).genotype
    except FormatError as error:
        message = str(error)
        assert len(message.splitlines()) == 1
        assert len(message) < 1000
        assert message.isprintable()
    else:
        assert Genotype.loads(genotype.dumps()) == genotype
    return time.process_time() - started


@pytest.mark.parametrize("name", DIALECTS)
@given(data=st.data())
def test_mutated_texts(name: str, data: st.DataObject) -> None:
    attack(name, data.draw(mutated(SAMPLES[name])), seconds=0.1)


@pytest.mark.parametrize("name", DIALECTS)
@given(text=st.text() | st.lists(st.sampled_from(FRAGMENTS)).map("".join))
def test_any_text(name: str, text: str) -> None:
    attack(name, text, seconds=0.1)


SIZE = 100_000
LARGE = {
    "parentheses": "(" * SIZE,
    "brackets": "[" * SIZE,
    "braces": "{" * SIZE,
    "balanced": "[" * SIZE + "]" * SIZE,
    "signs": "-" * SIZE + "1",
    "attributes": "a" + ".a" * SIZE,
    "sum": "1+" * SIZE + "1",
    "json": '{"a:/":' + "[" * SIZE + "]" * SIZE + "}",
    "digits": '{"a:/":' + "9" * SIZE + "}",
    "question marks": "? " * SIZE,
    "items": "- " * SIZE,
    "anchors": "&a " * SIZE,
    "pipes": "|" * SIZE,
    "nodes": "|skip_connect~0|+" * (SIZE // 10),
    "edges": "|" + "skip_connect~0|" * (SIZE // 10),
    "genotypes": "Genotype()\n" * (SIZE // 10),
    "indent": " " * SIZE + "x",
    "ranges": f"X = Genotype(normal=[], normal_concat=[{'range(1000000000),' * (SIZE // 10)}])",
}


@pytest.mark.parametrize("kind", LARGE)
def test_large_texts(kind: str) -> None:
    for name in DIALECTS:
        attack(name, LARGE[kind], seconds=2)


def test_yaml_cannot_grow() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 30)]
    for name in ("mmrazor", "robust-darts"):
        attack(name, "\n".join(lines), seconds=0.1)


def test_nothing_is_evaluated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Code in many places of a text: were any of it run, there would be a file."""
    monkeypatch.chdir(tmp_path)
    code = "open('evaluated', 'w')"
    tag = "!!python/object/apply:builtins.open ['evaluated', 'w'] "
    for name, text in SAMPLES.items():
        attack(name, f"{code}\n{text}", seconds=0.1)
        attack(name, f"{tag}\n{text}", seconds=0.1)
        for old in ("'sep_conv_3x3'", "sep_conv_3x3", "[2, 3, 4, 5]", "0"):
            for new in (code, tag + old, f"{{{{{code}}}}}", f"f'{{{code}}}'"):
                attack(name, text.replace(old, new, 1), seconds=0.1)
    assert list(tmp_path.iterdir()) == []
