"""What each paper claims: one YAML file a paper, and its loader. Data, no judgment.

``load("lucius2020").tables["2"]`` is a table as printed, slips included; ``.claims`` says what the paper
claims, where, and what would have to come out here for the claim to hold.
"""

from __future__ import annotations

from lesionlib.papers.loader import available, load
from lesionlib.papers.schema import Contest, Paper

__all__ = ["Contest", "Paper", "available", "load"]
