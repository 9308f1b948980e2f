"""Skin-lesion datasets: cards, readers of the official layouts, phantoms, splits and pixels."""

from lesionlib.datasets import taxonomy
from lesionlib.datasets.cards import Card, card
from lesionlib.datasets.combining import merge, relabel
from lesionlib.datasets.focus import on_lesion
from lesionlib.datasets.getting import Delivery, get
from lesionlib.datasets.library import add, catalog, drawing, fingerprint, load
from lesionlib.datasets.own import from_csv, from_folder
from lesionlib.datasets.phantom.cues import cue_conflict
from lesionlib.datasets.phantom.truth import phantom_truth
from lesionlib.datasets.pixels import pixels
from lesionlib.datasets.schema import LesionDataset
from lesionlib.datasets.skin_tone import skin_tone
from lesionlib.datasets.taxonomy import LabelMap, label_map, label_maps
from lesionlib.datasets.trials import balanced, few, sample, tested_once, two_tasks
from lesionlib.datasets.verification import Verification, verify

__all__ = [
    "Card",
    "Delivery",
    "LabelMap",
    "LesionDataset",
    "Verification",
    "add",
    "balanced",
    "card",
    "catalog",
    "cue_conflict",
    "drawing",
    "few",
    "fingerprint",
    "from_csv",
    "from_folder",
    "get",
    "label_map",
    "label_maps",
    "load",
    "merge",
    "on_lesion",
    "phantom_truth",
    "pixels",
    "relabel",
    "sample",
    "skin_tone",
    "taxonomy",
    "tested_once",
    "two_tasks",
    "verify",
]
