"""The passes: exact rewrites of the primitive graph, one file each.

To add one, write a subclass of `Pass` in a file of its own and add it to ``PASSES``; tests, `genocc passes`,
`--passes` and the fuzzer pick it up from there.
"""

from genocc.passes.base import Parameters, Pass, Rewriter, run_passes, select
from genocc.passes.common_subexpressions import ShareCommonSubexpressions
from genocc.passes.dead_code import RemoveDeadCode

PASSES: dict[str, Pass] = {
    step.name: step
    for step in (
        RemoveDeadCode(),
        ShareCommonSubexpressions(),
    )
}
"""All passes by name, in the order in which they are run."""

COUNTED = ("remove-dead-code", "share-common-subexpressions")
"""The passes behind "compiled" counts: those that every target runs."""

__all__ = ["COUNTED", "PASSES", "Parameters", "Pass", "Rewriter", "run_passes", "select"]
