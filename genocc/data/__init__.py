"""Data sets and their batches: uint8 images in memory, augmented in batch on the device."""

from genocc.data.batches import Batches
from genocc.data.dataset import DataSet, Source, datasets, load, register
from genocc.data.images import FileImages, Images, MemoryImages
from genocc.data.split import split

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
