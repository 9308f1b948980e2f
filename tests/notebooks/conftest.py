"""A chapter's computing cells, run without Jupyter on tiny phantoms."""

from __future__ import annotations

import warnings

import pytest

from lesionlib.runs import spec


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """One cache for all runs, so that each phantom is drawn once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def run(request, drawn, tmp_path, monkeypatch):
    """Run the cells of the module's NOTEBOOK, with its TINY and some parameters; give what they leave behind."""
    notebook, tiny = request.module.NOTEBOOK, request.module.TINY
    monkeypatch.setenv("LESIONLIB_CACHE", str(drawn))
    monkeypatch.setenv("LESIONLIB_RUNS", str(tmp_path / "runs"))
    monkeypatch.delenv("LESIONLIB_DATA", raising=False)

    def execute(**parameters):
        values = spec.resolve(notebook, tiny | parameters)
        cells = spec.computing_sources(spec.read_cells(notebook))
        # What the cells import comes first; the parameters follow it.
        names = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exec(cells[0], names)
            names |= values
            for cell in cells[1:]:
                exec(cell, names)
        return names

    return execute
