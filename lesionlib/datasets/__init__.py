"""Skin-lesion datasets: cards, readers of the official layouts, phantoms, splits and pixels."""

from lesionlib.datasets.cards import Card, card
from lesionlib.datasets.library import add, catalog, fingerprint, load
from lesionlib.datasets.pixels import pixels
from lesionlib.datasets.schema import LesionDataset
from lesionlib.datasets.verification import Verification, verify

__all__ = [
    "Card",
    "LesionDataset",
    "Verification",
    "add",
    "card",
    "catalog",
    "fingerprint",
    "load",
    "pixels",
    "verify",
]
