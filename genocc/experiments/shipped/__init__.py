"""The experiments that come with genocc: a folder per prefix, a file per experiment."""
