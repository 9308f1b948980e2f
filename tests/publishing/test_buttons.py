"""Buttons that need the repository's address: there with one, not there without, and none that is invented."""

import re
import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from lesionlib import cli, runs
from lesionlib.errors import InputError
from lesionlib.runs import repository

PROJECT = Path(__file__).parents[2]
PLACES = ("github.com/ada", "mybinder.org", "colab.research.google.com")
BUTTONS = {
    "https://colab.research.google.com/github/ada/lesions/blob/v1.0/notebooks/01_toy.ipynb",
    "https://mybinder.org/v2/gh/ada/lesions/v1.0?urlpath=lab/tree/notebooks/01_toy.ipynb",
    "https://github.com/ada/lesions",
    "https://github.com/ada/lesions/edit/v1.0/notebooks/01_toy.ipynb",
    "https://github.com/ada/lesions/issues/new?title=Issue%20on%20page%20%2Fnotebooks/01_toy.html&body=Your%20issue%20content%20here.",
}
NOTEBOOK = """\
{"cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["# Toy"]}],
 "nbformat": 4, "nbformat_minor": 5,
 "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
              "language_info": {"name": "python"}}}
"""
TOC = "format: jb-book\nroot: book/how_to\nchapters:\n  - file: notebooks/01_toy\n"


@pytest.mark.parametrize("ending", ["", "/", ".git"])
def test_an_address(ending):
    found = runs.repository_at(f"https://github.com/ada-l/lesions.book{ending}", "v1.0")
    assert (found.owner, found.name, found.branch) == ("ada-l", "lesions.book", "v1.0")
    assert found.url == "https://github.com/ada-l/lesions.book"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ada/lesions",
        "http://github.com/ada/lesions",
        "https://github.com/ada",
        "https://github.com/ada/lesions/tree/main",
        "https://github.com/ada/..",
        "https://github.com/ada/le sions",
        "https://github.com/ada/lesions\n",
        "https://github.com.example.org/ada/lesions",
        "https://gitlab.com/ada/lesions",
        "git@github.com:ada/lesions.git",
        'https://github.com/ada/"><script>',
    ],
)
def test_no_address(address):
    with pytest.raises(InputError, match="expected an address like https://github") as caught:
        runs.repository_at(address)
    assert "\n" not in str(caught.value)
    assert repr(address) in str(caught.value)


@pytest.mark.parametrize("branch", ["", "feature/x", "a b", "-x", "main\n", "..", "a?b", "a#b"])
def test_no_branch(branch):
    with pytest.raises(InputError, match="expected a branch or a tag without a slash"):
        runs.repository_at("https://github.com/ada/lesions", branch)


NAMES = st.text("aZ9_-./?#%@ \n\u00e9", max_size=6)


@given(NAMES, NAMES)
def test_what_is_taken_can_stand_in_a_link_as_it_is(name, branch):
    try:
        found = runs.repository_at(f"https://github.com/ada/{name}", branch)
    except InputError:
        return
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", found.name)
    assert re.fullmatch(r"[A-Za-z0-9_.-]+", found.branch)


def test_the_configuration_keeps_what_it_says_otherwise():
    plain = yaml.safe_load((PROJECT / "_config.yml").read_text(encoding="utf-8"))
    assert not any(place in str(plain) for place in PLACES)
    assert "repository" not in plain
    with_buttons = runs.repository_at("https://github.com/ada/lesions").with_buttons(plain)
    assert with_buttons.pop("repository") == {"url": "https://github.com/ada/lesions", "branch": "main"}
    for part in ("html", "launch_buttons"):
        changed = with_buttons.pop(part)
        assert {name: changed[name] for name in plain[part] if not name.endswith("_button")} == {
            name: value for name, value in plain[part].items() if not name.endswith("_button")
        }
    assert with_buttons == {name: value for name, value in plain.items() if name not in ("html", "launch_buttons")}


def test_pages_name_no_address_but_the_placeholder():
    """So that a book that was built without an address has none, and one that was built with it has no other."""
    pages = [PROJECT / "README.md", *(PROJECT / "book").glob("*.md")]
    addresses = {
        address
        for page in pages
        for address in re.findall(r"https://github\.com/[\w./-]+", page.read_text(encoding="utf-8"))
    }
    assert addresses == {repository.PLACEHOLDER}
    how_to = (PROJECT / "book" / "how_to.md").read_text(encoding="utf-8")
    lines = [line.strip() for line in how_to.splitlines()]
    first = lines.index(f"!git clone --depth 1 {repository.PLACEHOLDER} lesionlib-book")
    assert lines[first + 1] == "%cd lesionlib-book/notebooks"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A book of two pages with the chrome of the real one: a chapter that was not run, and a page with a command."""
    project = tmp_path / "project"
    (project / "notebooks").mkdir(parents=True)
    (project / "notebooks" / "01_toy.ipynb").write_text(NOTEBOOK)
    (project / "_toc.yml").write_text(TOC)
    shutil.copy(PROJECT / "_config.yml", project)
    for name in ("_ext", "_static"):
        shutil.copytree(PROJECT / "book" / name, project / "book" / name)
    (project / "book" / "references.bib").touch()
    (project / "book" / "how_to.md").write_text(f"# How to\n\n```text\ngit clone {repository.PLACEHOLDER}\n```\n")
    for name in ("LESIONLIB_RUNS", "LESIONLIB_RESULTS", "LESIONLIB_REPOSITORY", "LESIONLIB_BRANCH"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(project)
    return project


def links(page):
    return {link for link in re.findall(r'href="(https?:[^"]*)"', page) if any(place in link for place in PLACES)}


@pytest.mark.slow
def test_the_built_pages(project):
    html = project / "_build" / "html"
    assert runs.build_book(project, {})
    for page in ("notebooks/01_toy", "book/how_to"):
        text = (html / f"{page}.html").read_text(encoding="utf-8")
        assert not any(place in text for place in PLACES)
        assert "fa-rocket" not in text
        # This one needs no address: the page itself is downloaded.
        assert "download-source-button" in text
        (source,) = re.findall(r'href="([^"]*_sources/[^"]*)"', text)
        assert (html / page).parent.joinpath(source).is_file()
    assert repository.PLACEHOLDER in text

    # Another address is a change: the book is built anew, and then not again.
    address = runs.repository_at("https://github.com/ada/lesions", "v1.0")
    assert runs.build_book(project, {}, repository=address)
    assert not runs.build_book(project, {}, repository=address)
    chapter, how_to = (
        (html / f"{page}.html").read_text(encoding="utf-8") for page in ("notebooks/01_toy", "book/how_to")
    )
    assert links(chapter) == BUTTONS
    assert "https://github.com/ada/lesions/edit/v1.0/book/how_to.md" in links(how_to)
    # A page that is no notebook has nothing to launch.
    assert not any("colab" in link or "binder" in link for link in links(how_to))
    assert "git clone https://github.com/ada/lesions\n" in how_to
    for text in (chapter, how_to):
        assert repository.PLACEHOLDER not in text
        assert "executablebooks/jupyter-book" not in text
    # The sources are the user's.
    assert (project / "_config.yml").read_bytes() == (PROJECT / "_config.yml").read_bytes()
    assert repository.PLACEHOLDER in (project / "book" / "how_to.md").read_text()


@pytest.fixture
def built(project, monkeypatch):
    """What the command hands over to the builder; nothing is run or built."""
    given = []
    monkeypatch.setattr(cli.running, "finished_pages", lambda profile: {})
    monkeypatch.setattr(runs, "build_book", lambda project, pages, repository=None: given.append(repository))
    return given


def test_the_command_takes_an_address_or_none(built, monkeypatch, lesionlib_command):
    assert lesionlib_command("book")[0] == 0
    assert lesionlib_command("book", "--repository", "https://github.com/ada/lesions", "--branch", "v1.0")[0] == 0
    monkeypatch.setenv("LESIONLIB_REPOSITORY", "https://github.com/ada/others")
    monkeypatch.setenv("LESIONLIB_BRANCH", "next")
    assert lesionlib_command("book")[0] == 0
    monkeypatch.setenv("LESIONLIB_REPOSITORY", "")
    assert lesionlib_command("book")[0] == 0
    assert built == [
        None,
        repository.Repository("ada", "lesions", "v1.0"),
        repository.Repository("ada", "others", "next"),
        None,
    ]


def test_a_bad_address_is_one_line_before_anything_runs(built, monkeypatch, lesionlib_command):
    monkeypatch.setattr(cli.running, "finished_pages", lambda profile: pytest.fail("ran"))
    code, out, err = lesionlib_command("book", "--repository", "ada/lesions")
    assert code == 2
    assert out == ""
    assert err == (
        "lesionlib: repository: found 'ada/lesions', expected an address like https://github.com/OWNER/NAME "
        "(Colab opens notebooks from there)\n"
    )
