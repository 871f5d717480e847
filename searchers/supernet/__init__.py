"""The super-net: `net` has the skeleton and the views of its cells, `cell` the cell with every candidate operation."""
