"""The Python target: a net as one readable source file."""
