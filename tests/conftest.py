import sys

import pytest

from lesionlib import cli


@pytest.fixture
def lesionlib_command(monkeypatch, capsys):
    """Call ``lesionlib`` in this process; give its exit code, what it said and what it complained of."""

    def call(*words):
        monkeypatch.setattr(sys, "argv", ["lesionlib", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return call


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory):
    """A cache for the tests of one room."""
    return tmp_path_factory.mktemp("cache")


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
