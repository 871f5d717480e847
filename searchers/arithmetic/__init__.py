"""Arithmetic: how a super-net computes its candidates, fast on a CPU and lean in memory; `lazy` is the way in.

A node is one sum of matrix products (`maps`); what a candidate hands to it is a `features.Feature`, whose last 1x1
convolution and BN are never computed; `factory` makes modules of recipes.
"""
