"""Searching: from a method and images to a genotype.

The journey of `genocc search`: `request` (arguments) -> `config`, `method`, `methods` (a method is a composition of
parts, `parts`) -> `search` (the run) -> `result`. Who knows DARTS finds the algorithm in two files: `parts.schedule`
has the alternating step and the schedule of every method, `bilevel` what a step of the weights and of the architecture
does (`second_order` the gradient of order 2). Their loop is `search` over `genocc.runs.loop`. The super-net is in
`supernet`, its arithmetic in `arithmetic`, eDARTS' ranking of topologies in `topologies`.
"""
