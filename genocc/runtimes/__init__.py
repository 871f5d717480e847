"""One file per runtime that executes a compiled file: on the provider that was asked for, or not at all."""

MAX_BATCH = 1 << 16
"""The most images that a command runs at a time."""
