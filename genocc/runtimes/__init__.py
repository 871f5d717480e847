"""What executes a compiled file: one file per runtime."""

MAX_BATCH = 1 << 16
"""The most images that a command runs at a time."""
