"""share-common-subexpressions: what is computed twice is computed once."""

from genocc.passes import PASSES
from tests.passes.rewriting import lines, rewrite, unchanged

PASS = PASSES["share-common-subexpressions"]


def test_relus_pools_shifts_and_sums() -> None:
    text = """
        %x = input() channels=2 height=3 width=3
        %a.relu = relu(%x)
        %b.relu = relu(%x)
        %a.pool = avg_pool(%a.relu) kernel=3 padding=1
        %b.pool = avg_pool(%b.relu) kernel=3 padding=1
        %c.pool = max_pool(%b.relu) kernel=3 padding=1
        %a.add = add(%a.pool, %c.pool)
        %b.add = add(%c.pool, %b.pool)
        %a.shift = shift_pad(%a.add)
        %b.shift = shift_pad(%b.add)
        %concat = concat(%a.shift, %b.shift, %a.pool)
        return y = %concat
    """
    assert rewrite(PASS, text) == lines(
        """
        %x = input() channels=2 height=3 width=3 : (N, 2, 3, 3)
        %a.relu = relu(%x) : (N, 2, 3, 3)
        %a.pool = avg_pool(%a.relu) kernel=3 padding=1 : (N, 2, 3, 3)
        %c.pool = max_pool(%a.relu) kernel=3 padding=1 : (N, 2, 3, 3)
        %a.add = add(%a.pool, %c.pool) : (N, 2, 3, 3)
        %a.shift = shift_pad(%a.add) : (N, 2, 3, 3)
        %concat = concat(%a.shift, %a.shift, %a.pool) : (N, 6, 3, 3)
        return y = %concat
        """
    )


def test_operations_with_weights_of_their_own_and_drop_path_are_not_shared() -> None:
    text = """
        %x = input() channels=2 height=3 width=3
        %a.conv = conv2d(%x) channels=2 kernel=1x1
        %b.conv = conv2d(%x) channels=2 kernel=1x1
        %a.bn = batch_norm(%x) affine=False
        %b.bn = batch_norm(%x) affine=False
        %a.drop_path = drop_path(%x)
        %b.drop_path = drop_path(%x)
        %add = add(%a.conv, %b.conv, %a.bn, %b.bn, %a.drop_path, %b.drop_path)
        return y = %add
    """
    assert unchanged(PASS, text)


def test_a_concat_in_another_order_is_another_concat() -> None:
    text = """
        %x = input() channels=2 height=3 width=3
        %relu = relu(%x)
        %a.concat = concat(%x, %relu)
        %b.concat = concat(%relu, %x)
        %add = add(%a.concat, %b.concat)
        return y = %add
    """
    assert unchanged(PASS, text)
