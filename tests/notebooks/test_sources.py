"""Notebook sources: what a chapter must have, and what must not be stored in it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import yaml

from lesionlib import papers, runs

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = sorted((PROJECT / "notebooks").glob("*.ipynb"))


def code_cells(path):
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


def tags(cell):
    return cell.metadata.get("tags", [])


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request):
    return request.param


def test_there_are_chapters():
    assert [path.stem for path in NOTEBOOKS] == [
        "00_phantoms",
        "01_data",
        "02_mendes2018",
        "03_bhardwaj2021",
        "04_lucius2020",
        "05_infogan",
        "06_reader_study",
        "07_gupta2021",
        "08_nedelcu2021",
        "09_audit",
        "10_synthesis",
    ]


def test_the_title_begins_with_the_number_of_the_file(notebook):
    first = nbformat.read(notebook, as_version=4).cells[0]
    assert first.source.startswith(f"# {int(notebook.stem[:2])}. ")


def test_first_code_cell_imports_and_second_is_parameters(notebook):
    first, second, *rest = code_cells(notebook)
    assert first.source.startswith(("import ", "from ")) and "import lesionlib as ll" in first.source
    assert "parameters" in tags(second)
    assert not any("parameters" in tags(cell) for cell in rest)


def test_every_parameter_has_a_comment(notebook):
    lines = code_cells(notebook)[1].source.splitlines()
    assert lines and all("  # " in line for line in lines)


def test_only_checked_tables_are_stored_with_output(notebook):
    for cell in code_cells(notebook):
        checked = "nbval-check-output" in tags(cell)
        assert checked == ("keep_output" in tags(cell)), cell.source
        assert bool(cell.outputs) == checked, cell.source
        assert (cell.execution_count is not None) == checked, cell.source
        assert not any("image/png" in output.get("data", {}) for output in cell.outputs)


def test_something_is_checked(notebook):
    assert any("nbval-check-output" in tags(cell) for cell in code_cells(notebook))


def test_quick_defaults_need_no_data(notebook):
    assert runs.resolve(notebook, {}).get("data", "phantom:none needed").startswith("phantom:")


def test_the_quick_profile_runs_every_chapter_with_its_defaults():
    profile = runs.load_profile("quick", PROJECT)
    assert profile.chapters == {path.stem: [{}] for path in NOTEBOOKS}


def test_the_real_profile_names_real_parameters():
    profile = runs.load_profile("real", PROJECT)
    assert set(profile.chapters) == {path.stem for path in NOTEBOOKS}
    for chapter, sets in profile.chapters.items():
        for values in sets:
            resolved = runs.resolve(PROJECT / "notebooks" / f"{chapter}.ipynb", values)
            if chapter not in ("00_phantoms", "09_audit", "10_synthesis"):
                assert not resolved["data"].startswith("phantom:")


def test_every_page_of_the_contents_is_there():
    toc = yaml.safe_load((PROJECT / "_toc.yml").read_text(encoding="utf-8"))
    files = [toc["root"], *(page["file"] for part in toc["parts"] for page in part["chapters"])]
    for file in files:
        assert any((PROJECT / f"{file}{ending}").is_file() for ending in (".md", ".ipynb")), file
    assert {f"notebooks/{path.stem}" for path in NOTEBOOKS} <= set(files)


def test_chapters_of_papers_cite_their_paper():
    for path in NOTEBOOKS:
        key = path.stem.split("_", 1)[1]
        if key in papers.available():
            text = path.read_text(encoding="utf-8")
            assert f"{{cite}}`{key}`" in text


def test_what_only_writes_down_is_folded(notebook):
    for cell in code_cells(notebook):
        if "ll.runs.record(" in cell.source and len(cell.source.splitlines()) > 12:
            assert "hide-input" in tags(cell)
