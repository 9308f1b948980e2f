import pytest
from fault_server import FaultServer
from tiny_ham10000 import write_zipped

from lesionlib.datasets import load


@pytest.fixture
def source(tmp_path):
    return write_zipped(tmp_path / "source")


@pytest.fixture
def tiny(source):
    return load("ham10000", root=source)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty user's cache, and no other place with data."""
    monkeypatch.delenv("LESIONLIB_DATA", raising=False)
    monkeypatch.setenv("LESIONLIB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def server(monkeypatch):
    """A server on this machine, asked without a proxy."""
    monkeypatch.setenv("NO_PROXY", "*")
    with FaultServer().running() as running:
        yield running
