"""Threads of the libraries beside torch."""

from __future__ import annotations

import os

from threadpoolctl import ThreadpoolController


def leave_threads_to_torch() -> None:
    """Keep numpy's and SciPy's OpenBLAS to one thread, unless ``OPENBLAS_NUM_THREADS`` asks for more.

    Its idle threads spin, and torch's do: side by side on the same cores they wait for each other. On two cores the
    linear classifiers of the chapters took ten times as long.
    """
    if "OPENBLAS_NUM_THREADS" not in os.environ:
        ThreadpoolController().select(internal_api="openblas").limit(limits=1)
