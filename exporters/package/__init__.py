"""Packages: a net with its weights in the forms of several runtimes, and a model card, in a folder to hand on."""

from .folder import Package, package

__all__ = ["Package", "package"]
