"""OpenBLAS beside torch: one thread, unless the user says otherwise."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

CODE = """
import lesionlib.learners
from threadpoolctl import threadpool_info
print({pool["num_threads"] for pool in threadpool_info() if pool["internal_api"] == "openblas"})
"""


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "threads"), [(None, "{1}"), ("2", "{2}")])
def test_openblas_leaves_the_cores_to_torch(asked, threads):
    if asked and (os.cpu_count() or 1) < 2:
        pytest.skip("OpenBLAS has no second thread on one core")
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    environment |= {} if asked is None else {"OPENBLAS_NUM_THREADS": asked}
    answer = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=environment)
    if answer.stdout.strip() == "set()":
        pytest.skip("numpy has no OpenBLAS here")
    assert answer.stdout.strip() == threads
