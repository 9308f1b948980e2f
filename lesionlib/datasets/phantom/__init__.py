"""Phantoms: synthetic lesions that the library draws, so that every chapter runs without data.

A class is data (`recipes`), a lesion is one draw from it (`signs`), a photograph is a lesion seen by a
camera (`draw`), and one module a dataset writes its official layout (`ham10000`). A phantom is not
data about people, and no verdict on a paper rests on one.
"""

from lesionlib.datasets.phantom.ham10000 import write_ham10000

VERSION = 1
"""Goes up whenever the same parameters would draw other pictures or other rows."""

__all__ = ["VERSION", "write_ham10000"]
