"""The passes: exact rewrites of the primitive graph, one file each.

To add one, write a subclass of `Pass` in a file of its own and add it to ``PASSES``; tests, `genocc passes`,
`--passes` and the fuzzer pick it up from there.
"""

from genocc.passes.base import Parameters, Pass, Rewriter, run_passes
from genocc.passes.dense_factorized_reduce import DenseFactorizedReduce
from genocc.passes.depthwise_shift import DepthwiseShift
from genocc.passes.fold_batch_norm import FoldBatchNorm
from genocc.passes.merge_sibling_convs import MergeSiblingConvs
from genocc.passes.merge_summed_chains import MergeSummedChains
from genocc.passes.merge_summed_convs import MergeSummedConvs
from genocc.passes.pad_channels import PadChannels
from genocc.passes.relu_before_concat import MoveReluBeforeConcat
from genocc.passes.remove_dead_code import RemoveDeadCode
from genocc.passes.selection import parse, select, split
from genocc.passes.share_common_subexpressions import ShareCommonSubexpressions
from genocc.passes.split_concat import SplitConcat

PASSES: dict[str, Pass] = {
    step.name: step
    for step in (
        RemoveDeadCode(),
        ShareCommonSubexpressions(),
        FoldBatchNorm(),
        DenseFactorizedReduce(),
        MoveReluBeforeConcat(),
        SplitConcat(),
        DepthwiseShift(),
        MergeSiblingConvs(),
        MergeSummedConvs(),
        MergeSummedChains(),
        PadChannels(),
    )
}
"""All passes by name, in an order in which they can be run; targets and `--passes` choose their own."""

COUNTED = ("remove-dead-code", "share-common-subexpressions")
"""The passes behind "compiled" counts: those that do nothing but leave work out."""

__all__ = ["COUNTED", "PASSES", "Parameters", "Pass", "Rewriter", "parse", "run_passes", "select", "split"]
