"""Data sets and their batches: uint8 images in memory, augmented in batch on the device."""

from .batches import Batches
from .config import DataConfig
from .dataset import DataSet, datasets, load
from .images import FileImages, Images, MemoryImages
from .split import split

__all__ = ["Batches", "DataConfig", "DataSet", "FileImages", "Images", "MemoryImages", "datasets", "load", "split"]
