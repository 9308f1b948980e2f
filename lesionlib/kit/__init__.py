"""Kits: all that a sweep needs, in one folder, for machines without network.

`pack` puts the library, the notebooks, the wheels that the other machine's Python lacks, the trained weights and
datasets into a folder. ``run.py`` in it needs nothing but that Python: it checks the files, unpacks them, and starts
`lesionlib`.
"""

from __future__ import annotations

from lesionlib.kit.contents import Contents
from lesionlib.kit.manifest import Manifest, read_manifest
from lesionlib.kit.packing import Kit, pack, readable
from lesionlib.kit.target import PLAIN, Target, read_packages

__all__ = ["PLAIN", "Contents", "Kit", "Manifest", "Target", "pack", "read_manifest", "read_packages", "readable"]
