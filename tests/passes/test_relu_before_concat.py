"""relu-before-concat: the parts of a concat are rectified, and share that with their other readers."""

import pytest

from genocc.passes import PASSES
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["relu-before-concat"]


def test_parts_keep_the_relus_they_have() -> None:
    text = """
        %x = input() channels=2 height=2 width=2
        %a.pool = max_pool(%x) kernel=3 padding=1
        %a.relu = relu(%x)
        %a.conv = conv2d(%a.relu) channels=2 kernel=1x1
        %concat = concat(%x, %a.pool, %a.conv)
        %b.relu = relu(%concat)
        %c.relu = relu(%a.pool)
        %d.add = add(%c.relu, %a.conv)
        return y = %b.relu
        return z = %d.add
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=2 width=2 : (N, 2, 2, 2)
        %a.pool = max_pool(%x) kernel=3 padding=1 : (N, 2, 2, 2)
        %a.relu = relu(%x) : (N, 2, 2, 2)
        %a.conv = conv2d(%a.relu) channels=2 kernel=1x1 : (N, 2, 2, 2)
        %c.relu = relu(%a.pool) : (N, 2, 2, 2)
        %a.conv.relu = relu(%a.conv) : (N, 2, 2, 2)
        %b.relu = concat(%a.relu, %c.relu, %a.conv.relu) : (N, 6, 2, 2)
        %d.add = add(%c.relu, %a.conv) : (N, 2, 2, 2)
        return y = %b.relu
        return z = %d.add
        """
    )


def test_concats_of_concats() -> None:
    text = """
        %x = input() channels=2 height=2 width=2
        %a.pool = max_pool(%x) kernel=3 padding=1
        %a.concat = concat(%x, %a.pool)
        %b.concat = concat(%a.concat, %x)
        %b.relu = relu(%b.concat)
        return y = %b.relu
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=2 width=2 : (N, 2, 2, 2)
        %a.pool = max_pool(%x) kernel=3 padding=1 : (N, 2, 2, 2)
        %x.relu = relu(%x) : (N, 2, 2, 2)
        %a.pool.relu = relu(%a.pool) : (N, 2, 2, 2)
        %a.concat.relu = concat(%x.relu, %a.pool.relu) : (N, 4, 2, 2)
        %b.relu = concat(%a.concat.relu, %x.relu) : (N, 6, 2, 2)
        return y = %b.relu
        """
    )


@pytest.mark.parametrize("rest", ["return z = %concat", "%mean = global_mean(%concat)\n return z = %mean"])
def test_a_concat_that_is_read_without_relu_stays(rest: str) -> None:
    text = """
        %x = input() channels=2 height=2 width=2
        %concat = concat(%x, %x)
        %relu = relu(%concat)
        return y = %relu
    """
    assert unchanged(PASS, text + rest)
