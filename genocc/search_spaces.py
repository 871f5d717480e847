"""Search spaces: named lists of candidate operations."""

from __future__ import annotations

from collections.abc import Sequence

from genocc.errors import GenoccError, quoted
from genocc.operations import Operation, get

_SEPARABLE = ("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5")
_DARTS = ("none", "max_pool_3x3", "avg_pool_3x3", "skip_connect", *_SEPARABLE)
_EXTRA = ("conv_1x1", "conv_3x3", "conv_1x3_3x1", "conv_1x5_5x1", "conv_1x7_7x1")
_FREE = ("none", "skip_connect", "max_pool_3x3")

SEARCH_SPACES: dict[str, tuple[str, ...]] = {
    "darts": _DARTS,
    "darts-no-zero": _DARTS[1:],
    "extended": (*_DARTS, *_EXTRA),
    "ss1": (*_FREE, "sep_conv_3x3", "dil_conv_3x3"),
    "ss2": (*_FREE, "sep_conv_5x5", "dil_conv_5x5"),
    "ss3": (*_FREE, "sep_conv_3x3", "sep_conv_5x5"),
    "ss4": (*_FREE, "dil_conv_3x3", "dil_conv_5x5"),
    "ss5": (*_FREE, "sep_conv_3x3", "dil_conv_5x5"),
    "ss6": (*_FREE, "sep_conv_5x5", "dil_conv_3x3"),
    "ss7": (*_FREE, "sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3"),
    "ss8": (*_FREE, "sep_conv_3x3", "sep_conv_5x5", "dil_conv_5x5"),
    "nas-bench-201": ("none", "skip_connect", "conv_1x1", "conv_3x3", "avg_pool_3x3"),
}
"""Names of operations by search space: DARTS; EnTranNAS Table 8 (extended); eDARTS Table I (ss1 to ss8); NAS-Bench-201,
Section 2.1, in its program's order."""


def search_space(name: str | Sequence[str], pool: str = "max") -> tuple[Operation, ...]:
    """Returns the operations of a search space.

    Args:
        name: A key of ``SEARCH_SPACES``, or one with ``-no-zero`` behind it: the same without ``none``. Or the names
            of the operations themselves.
        pool: ``avg`` gives ss1 to ss8 average instead of max pooling; eDARTS allows either.

    Raises:
        GenoccError: The space, the pool or an operation does not exist.
    """
    if not isinstance(name, str):
        if pool != "max":
            raise GenoccError(f"pool={pool} does not apply to a list of operations; list the pool that you want")
        return tuple(map(get, name))
    whole = name if name in SEARCH_SPACES else name.removesuffix("-no-zero")
    if whole not in SEARCH_SPACES:
        known = ", ".join(SEARCH_SPACES)
        raise GenoccError(
            f"unknown search space {quoted(name)}; expected one of {known}, or one with -no-zero behind it"
        )
    if pool not in ("max", "avg") or (pool == "avg" and not name.startswith("ss")):
        raise GenoccError(f"pool={pool} does not apply to search space '{name}'; pool=avg is for ss1 to ss8")
    names = [op for op in SEARCH_SPACES[whole] if op != "none" or whole == name]
    return tuple(get(op.replace("max_pool", f"{pool}_pool") if name.startswith("ss") else op) for op in names)
