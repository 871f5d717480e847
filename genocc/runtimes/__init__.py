"""One file per runtime that executes a compiled file: on the provider that was asked for, or not at all."""
