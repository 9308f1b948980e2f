import sys

import pytest


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """One thread for torch, where a module uses it: tests run side by side, and sums come out the same."""
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
