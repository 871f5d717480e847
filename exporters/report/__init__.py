"""The page of a run: one HTML file that works offline, with the evolution of the cells, curves and costs."""
