"""Training of derived nets from scratch, and the accuracy of trained ones.

`request` turns a request into a run, `training` runs it, `trainer` takes its steps; `evaluation` measures whatever
`trained_net` opens. What searches share of the optimization is in `optimization`.
"""
