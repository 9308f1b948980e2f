import tarfile
from contextlib import contextmanager

import pytest
from small_index import new_book, packages_here, write_index

from lesionlib import kit
from lesionlib.datasets.phantom import write_ham10000
from lesionlib.kit import packing
from lesionlib.kit.wheels import Carried
from lesionlib.runs.spec import code_digest


@contextmanager
def being_in(root):
    """Stand in the project, with its data and an index of wheels that is a folder; no network."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LESIONLIB_DATA", str(root / "data"))
        patched.setenv("LESIONLIB_CACHE", str(root / "cache"))
        patched.setenv("PIP_NO_INDEX", "1")
        patched.setenv("PIP_FIND_LINKS", str(root / "index"))
        for name in ("LESIONLIB_RUNS", "LESIONLIB_RESULTS", "LESIONLIB_RUN_DIR", "PIP_CONSTRAINT"):
            patched.delenv(name, raising=False)
        patched.chdir(root / "book")
        yield


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A project, a dataset in its official layout, and an index of wheels."""
    root = tmp_path_factory.mktemp("kits")
    (root / "data" / "ham10000").mkdir(parents=True)
    write_ham10000(root / "data" / "ham10000", n=70, size=32)
    new_book(root / "book")
    write_index(root / "index")
    return root


@pytest.fixture
def place(files):
    """The folder of these, with the working folder and the environment set to it."""
    with being_in(files):
        yield files


@pytest.fixture(scope="session")
def code(files):
    """What the code of a run at home is called."""
    return code_digest(files / "book" / "notebooks" / "01_toy.ipynb")


@pytest.fixture(scope="session")
def packed(files, code):
    """A kit of all that, for this very Python."""
    contents = kit.Contents(data=("ham10000",), sweep=files / "book" / "grid.yml")
    with being_in(files):
        return kit.pack(files / "kit", contents, kit.Target(packages=packages_here()))


@pytest.fixture
def wheels_at_hand(packed, monkeypatch):
    """The same wheels again, without asking pip; the targets that they were asked for."""
    targets = []

    def fetch(project, target, folder):
        targets.append(target)
        with tarfile.open(packed.folder / "wheels.tar.xz") as wheels:
            wheels.extractall(folder, filter="data")
        return Carried(dict(packed.manifest.packages), dict(packed.manifest.image))

    monkeypatch.setattr(packing, "fetch_wheels", fetch)
    return targets
