"""Data sets and their batches: uint8 images in memory or in files, augmented batch by batch on the device.

A data set is found by its name (`datasets`, `load`), divided into stratified parts (`split`), and becomes a stream of
batches that a seed and a number determine (`Batches`).
"""

from genocc.data.batches import Batches
from genocc.data.dataset import DataRequest, DataSet, datasets, load, register
from genocc.data.images import FileImages, Images, MemoryImages
from genocc.data.split import split

__all__ = [
    "Batches",
    "DataRequest",
    "DataSet",
    "FileImages",
    "Images",
    "MemoryImages",
    "datasets",
    "load",
    "register",
    "split",
]
