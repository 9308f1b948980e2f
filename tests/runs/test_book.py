import re
import shutil
from pathlib import Path

import pytest
from filelock import FileLock
from toy_project import COMPUTE, write_notebook

from lesionlib import runs
from lesionlib.errors import InputError

HERE = Path(__file__).parents[2]
TOC = """\
format: jb-book
root: book/welcome
chapters:
  - file: notebooks/01_toy
  - file: notebooks/02_toy
"""
WELCOME = "# Welcome\n\nThe rate is {math}`p = \\frac{a}{b}`.\n\n$$q = 1 - p$$ (eq-q)\n\nSee {eq}`eq-q`.\n"
WELCOME += "\n```{run-status}\n```\n"
# What a page must not tell of the machine it was run on.
TELLS = """
import os, sys
from pathlib import Path
print('home', Path.home() / 'x', Path.home(), os.getcwd(), Path.cwd().parent)
print('bar', file=sys.stderr)
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    """A project of two chapters, the first of them run, with the chrome of the real book."""
    project = tmp_path_factory.mktemp("book") / "project"
    (project / "notebooks").mkdir(parents=True)
    shutil.copy(HERE / "_config.yml", project)
    for name in ("_ext", "_static"):
        shutil.copytree(HERE / "book" / name, project / "book" / name)
    (project / "book" / "references.bib").write_text("")
    (project / "book" / "welcome.md").write_text(WELCOME)
    (project / "_toc.yml").write_text(TOC)
    write_notebook(project, "02_toy")
    notebook = write_notebook(project, "01_toy", compute=TELLS + COMPUTE)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("LESIONLIB_RUNS", "LESIONLIB_RESULTS", "LESIONLIB_RUN_DIR"):
            patch.delenv(name, raising=False)
        patch.chdir(project)
        executed = {"01_toy": runs.execute(runs.plan(notebook, {}, "f00d"))}
        yield project, executed


@pytest.mark.slow
def test_a_strict_book_in_one_go(book, capfd):
    project, executed = book
    html = project / "_build" / "html"

    assert runs.build_book(project, executed)
    assert sorted(path.name for path in html.parent.iterdir()) == ["html", "html.lock", "html.stamp"]
    ran, absent, welcome = (
        (html / f"{name}.html").read_text() for name in ("notebooks/01_toy", "notebooks/02_toy", "book/welcome")
    )
    assert "This page was run on phantoms (phantom:toy" in ran
    assert "This page was not run" in absent
    # The table of all pages says the same as their banners.
    key, day = executed["01_toy"].name, runs.load(executed["01_toy"].name).run.started[:10]
    assert f"run {key}, on cpu, {day})" in ran
    first, second = re.findall(r"<tr.*?</tr>", welcome, re.S)[1:]
    assert all(word in first for word in ("notebooks/01_toy.html", "phantom:toy", key, day))
    assert "notebooks/02_toy.html" in second
    assert "not run" in second
    for page in (ran, absent, welcome):
        assert "For teaching and research, not for diagnosis." in page
        assert "sphinx-thebe.js" not in page
        assert not re.findall(r"<(?:script|link)[^>]*(?:https?:)?//", page)
    assert "<math" in welcome
    assert 'href="#equation-eq-q"' in welcome
    assert "home" in ran
    assert "home ~/x ~/ notebooks" in ran
    for secret in (str(project), str(Path.home()), "bar\n"):
        assert secret not in ran

    # Nothing has changed: nothing is built; results that came in are a change.
    built = (html / "index.html").stat().st_mtime_ns
    assert not runs.build_book(project, executed)
    assert (html / "index.html").stat().st_mtime_ns == built
    (project / "results").mkdir()
    (project / "results" / "one.json").write_text("{}")
    assert runs.build_book(project, executed)

    # A build that fails says why and leaves the earlier book.
    earlier = (html / "book" / "welcome.html").read_text()
    (project / "book" / "welcome.md").write_text("# Welcome\n\n{ref}`nowhere`\n\n{doc}`nothing`\n")
    with pytest.raises(runs.book.BookFailed) as caught:
        runs.build_book(project, executed)
    assert "welcome.md:3: WARNING" in str(caught.value)
    assert "nowhere" in str(caught.value)
    assert "nothing" in str(caught.value)
    assert str(project) not in str(caught.value)
    assert (html / "book" / "welcome.html").read_text() == earlier
    assert capfd.readouterr().out == ""


def test_one_builder_at_a_time(project):
    (project / "_build").mkdir()
    with (
        FileLock(project / "_build" / "html.lock"),
        pytest.raises(InputError, match="being built by another process"),
    ):
        runs.build_book(project, {})


def test_a_run_that_is_not_whole_is_no_page(project):
    (project / "book").mkdir()
    (project / "_config.yml").write_text("title: toy\n")
    write_notebook(project, "01_toy")
    with pytest.raises(InputError, match=r"run\.json: no such file"):
        runs.build_book(project, {"01_toy": project / "runs" / "01_toy" / "aaaaaaaaaaaa"})
    assert [path.name for path in (project / "_build").iterdir()] == ["html.lock"]
