"""The compact tuples of RandomNAS and BANANAS, which look like NASLib's and number the operations otherwise."""

from __future__ import annotations

from genocc.formats.limits import Limits
from genocc.formats.naslib import NasLib
from genocc.formats.vocabulary import SEVEN
from genocc.operations import NONE


class RandomNas(NasLib):
    """Two lists (normal, reduction) of eight ``(from, op)``, ``op`` an index into ``none`` and the seven operations.

    Each number is one more than NASLib's, and a text without the number 7 does not say which is meant. Both programs
    build the net from the genotype of the DARTS program, so that two operations may lead from one state to one node.
    """

    name = "random-nas"
    origin = "liamcli/randomNAS_release scripts/parse_cnn_arch.py; naszilla/naszilla darts/arch.py (BANANAS)"
    expected = "([(0, 4), (1, 4), ...], [(0, 1), (1, 1), ...]), eight (from, op) a cell, op 0 for none"
    limits = Limits(nodes=4, edges=2, output="all")
    operations = (NONE, *SEVEN)
