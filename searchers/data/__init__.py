"""Data sets and their batches: uint8 images in memory, augmented in batch on the device."""

from .batches import Batches
from .dataset import DataSet, Source, datasets, load, register
from .images import FileImages, Images, MemoryImages
from .split import split

__all__ = [
    "Batches",
    "DataSet",
    "FileImages",
    "Images",
    "MemoryImages",
    "Source",
    "datasets",
    "load",
    "register",
    "split",
]
