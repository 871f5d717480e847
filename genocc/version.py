"""The version of genocc: what `genocc --version` prints and every written file says."""

__version__ = "0.1.0"
