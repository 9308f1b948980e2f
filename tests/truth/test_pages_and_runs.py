"""The pages, the runs and ``results/`` say the same: no key without its run, no number that the run did not write.

The built book is ``_build/html``, or the folder in LESIONLIB_BOOK, which may then be no older than the sources.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import nbformat
import prose_numbers
import prose_walker
import pytest
from bs4 import BeautifulSoup
from number_sources import PROJECT

from lesionlib import papers, runs
from lesionlib.runs import claims, schema, store

RESULTS = PROJECT / "results"
BOOK = Path(os.environ.get("LESIONLIB_BOOK") or PROJECT / "_build" / "html")
MADE_FROM = ("_config.yml", "_toc.yml", "book", "notebooks", "results", "lesionlib")
# Twelve hex digits, not all of one kind: a key, a fingerprint, a digest of the code.
KEY = re.compile(r"(?<![\w-])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{12}(?![\w-])")
HIDDEN = {"remove-cell", "remove-output"}
# What a page holds beside prose: cells, and what Sphinx numbers and links by itself.
NO_PROSE = "div.cell, aside, pre, code, math, nav, footer, a.reference, .headerlink, .prev-next-area, .citation"
PAGES = sorted((PROJECT / "notebooks").glob("*.ipynb")) + sorted((PROJECT / "book").glob("*.md"))
PAGES += [PROJECT / "README.md", PROJECT / "CHANGELOG.md"]


@cache
def stored() -> dict[str, schema.RunFile]:
    folders = sorted(path.parent for path in RESULTS.glob("*/*/run.json"))
    return {folder.name: schema.read(folder / "run.json", schema.RunFile) for folder in folders}


# --- results/ and the sources


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_every_key_in_the_sources_is_a_stored_run(path):
    if path.suffix == ".ipynb":
        text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    else:
        text = path.read_text(encoding="utf-8")
    assert set(KEY.findall(text)) <= set(stored())


def test_keys_are_found():
    assert KEY.findall("run d88f11f42c5f, (3b73789b58b1)") == ["d88f11f42c5f", "3b73789b58b1"]
    assert KEY.findall("123456789012 aaaabbbbcccc 3c48760 x-d88f11f42c5f d88f11f42c5f0") == []


def test_stored_runs_stand_where_they_say():
    for path in RESULTS.glob("*/*/run.json"):
        run = stored()[path.parent.name]
        assert (run.chapter, run.key) == (path.parent.parent.name, path.parent.name)
        assert not run.is_phantom and run.status == "finished"


def test_every_claim_has_one_verdict_that_rests_on_stored_runs():
    rows = schema.read(RESULTS / store.VERDICTS, schema.VerdictsFile).rows
    told = Counter((row.paper, row.claim) for row in rows)
    claims = {(key, claim.id): claim for key in papers.available() for claim in papers.load(key).claim_entries}
    assert told == Counter(claims.keys())
    for row in rows:
        not_testable = claims[row.paper, row.claim].replication == "not testable here"
        assert (row.verdict == "not testable here") == not_testable, f"{row.paper}, {row.claim}"
        assert set(row.runs) <= set(stored()), f"{row.paper}, {row.claim}"
        is_answer = row.verdict not in ("not run here", "not testable here")
        assert row.measured or not is_answer, f"{row.paper}, {row.claim}"
        assert is_answer or not row.runs, f"{row.paper}, {row.claim}"


def test_the_page_on_speed_types_no_figure():
    """Each table comes from the file of its benchmark, and nothing that was measured stands there in words."""
    text = (PROJECT / "book" / "speed.md").read_text(encoding="utf-8")
    shown = re.findall(r"^```\{benchmark\} (\w+)$", text, re.M)
    kept = {path.stem for path in (RESULTS / "benchmarks").glob("*.json")}
    assert kept <= set(shown)
    assert all((PROJECT / "benchmarks" / f"{name.removesuffix('_gpu')}.py").is_file() for name in shown)
    prose = [passage for each in prose_walker.markdown_sections(text, "speed.md") for passage in each.passages]
    assert len(prose) > 10
    assert [number.shown for passage in prose for number in prose_numbers.results(passage.text)] == []


# --- the built book


@pytest.fixture(scope="module")
def book() -> Path:
    if not (BOOK / "index.html").is_file():
        pytest.skip(f"no book in {BOOK}: `lesionlib book` builds it")
    if "LESIONLIB_BOOK" in os.environ:
        return BOOK
    sources = [path for name in MADE_FROM for path in (PROJECT / name, *(PROJECT / name).rglob("*")) if path.is_file()]
    sources = [path for path in sources if path.suffix != ".pyc"]
    if (BOOK / "index.html").stat().st_mtime < max(path.stat().st_mtime for path in sources):
        pytest.skip(f"the book in {BOOK} is older than its sources: `lesionlib book` builds it anew")
    return BOOK


@dataclass
class Page:
    """What a chapter's page says: at its head, in the outputs of its cells, in its prose, and all in all."""

    chapter: str
    banner: str
    outputs: str
    pictures: int
    prose: str
    text: str

    @property
    def key(self) -> str:
        found = re.search(r"\brun ([0-9a-f]{12})\b", self.banner)
        assert found, f"{self.chapter}: the page has no banner that names its run"
        return found[1]

    @property
    def folder(self) -> Path:
        """Of its run, which has the executed notebook."""
        return runs.runs_root() / self.chapter / self.key

    @cached_property
    def notebook(self) -> nbformat.NotebookNode:
        return nbformat.read(next(self.folder.glob("*.ipynb")), as_version=4)


@cache
def read(path: Path) -> Page:
    """Read a page without its frame; takes it apart from the inside out."""
    whole = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    body = whole.find("main") or whole
    text = body.get_text(" ")
    head = body.find(class_="run-banner")
    banner = head.get_text() if head else ""
    for caption in body.select(".caption-number, .caption-text"):
        caption.decompose()
    outputs = body.find_all("div", class_="cell_output")
    shown = " ".join(each.get_text(" ") for each in outputs)
    pictures = sum(len(each.find_all("img")) for each in outputs)
    for made in body.select(NO_PROSE):
        made.decompose()
    return Page(path.stem, banner, shown, pictures, body.get_text(" "), text)


@pytest.fixture(scope="module", params=sorted(path.stem for path in (PROJECT / "notebooks").glob("*.ipynb")))
def page(request, book) -> Page:
    return read(book / "notebooks" / f"{request.param}.html")


def test_the_banner_names_a_run_that_exists(page):
    run = schema.read(page.folder / "run.json", schema.RunFile)
    assert (run.chapter, run.key, run.status) == (page.chapter, page.key, "finished")
    assert run.data in page.banner and run.profile in page.banner and run.device in page.banner
    assert ("phantoms" in page.banner) == run.is_phantom


def test_the_outputs_of_a_page_are_those_of_its_run(page):
    """As many pictures, every number that the run wrote, and no other; headings of tables may be said less often."""
    texts, pictures = outputs_of(page.notebook)
    shown, wrote = figures(page.outputs), figures(" ".join(texts))
    assert page.pictures == len(pictures)
    assert shown - wrote == Counter()
    assert set(wrote) == set(shown)


def test_the_prose_of_a_page_is_that_of_its_notebook(page):
    """Outside of code and outputs a page has no number that the notebook's prose has not."""
    cells = [cell.source for cell in page.notebook.cells if cell.cell_type == "markdown"]
    sections = prose_walker.markdown_sections("\n\n".join(cells), page.chapter)
    texts = [text for each in sections for text in (each.title, *(passage.text for passage in each.passages))]
    written = {number.value for text in texts for number in prose_numbers.numbers(text)}
    found = [number.shown for number in prose_numbers.results(page.prose) if number.value not in written]
    assert found == []


def test_every_key_on_a_page_is_known(page):
    """Keys, data fingerprints and code digests: each stands in a run.json."""
    made = runs.runs_root()
    files = [*RESULTS.glob("*/*/run.json"), *made.glob("*/*/run.json"), *made.glob("*/*/*/run.json")]
    known = {path.stem for path in (RESULTS / "cases").iterdir()}
    for path in files:
        about = json.loads(path.read_text(encoding="utf-8"))
        known |= {about.get(name) for name in ("key", "fingerprint", "code", "seen")}
    assert set(KEY.findall(page.text)) <= known


def test_pages_and_results_give_the_same_verdicts(book):
    pages = {path.stem: read(path) for path in book.glob("notebooks/*.html")}
    claims.check_verdicts({chapter: page.folder for chapter, page in pages.items()})
    text = " ".join(pages["10_synthesis"].text.split())
    rows = schema.read(RESULTS / store.VERDICTS, schema.VerdictsFile).rows
    assert [row.claim for row in rows if row.measured and row.measured not in text] == []


def outputs_of(notebook: nbformat.NotebookNode) -> tuple[list[str], list[str]]:
    """What a notebook shows: its texts, as a page renders them, and its pictures."""
    texts, pictures = [], []
    for cell in notebook.cells:
        if cell.cell_type != "code" or HIDDEN & set(cell.metadata.get("tags", [])):
            continue
        for output in cell.outputs:
            data = output.get("data", {})
            if output.output_type == "stream":
                texts += [output.text] if output.name == "stdout" else []
            elif "image/png" in data:
                pictures.append(data["image/png"])
            else:
                texts.append(_rendered(data))
    return texts, pictures


def _rendered(data: dict) -> str:
    if "text/html" in data:
        return BeautifulSoup(data["text/html"], "html.parser").get_text(" ")
    if "text/markdown" in data:
        return prose_walker.rendered(data["text/markdown"])
    return data.get("text/plain", "")


def figures(text: str) -> Counter:
    return Counter(re.findall(r"\d[\d.,]*\d|\d", text))


# --- the comparison itself can fail


PAGE = """<main>
<aside class="run-banner">This page was run on phantoms (run {key}, on cpu).</aside>
<p>Of <em>84.73</em> % in <a class="reference">Fig. 9</a></p>
<div class="cell"><div class="cell_input"><pre>77</pre></div>
<div class="cell_output"><p>Right: {number}</p>{picture}</div></div>
</main>"""


def page_of(folder: Path, number: str = "0.83", picture: str = "<img/>") -> Page:
    path = folder / "01_data.html"
    path.write_text(PAGE.format(key="d88f11f42c5f", number=number, picture=picture), encoding="utf-8")
    read.cache_clear()
    page = read(path)
    page.notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("Of *84.73* %"),
            nbformat.v4.new_code_cell(
                "show()",
                outputs=[
                    nbformat.v4.new_output("display_data", {"text/markdown": "Right: **0.83**"}),
                    nbformat.v4.new_output("display_data", {"image/png": "x", "text/plain": "<Figure 7>"}),
                ],
            ),
        ]
    )
    return page


def test_a_page_is_taken_apart(tmp_path):
    page = page_of(tmp_path)
    assert page.key == "d88f11f42c5f"
    assert (page.outputs.split(), page.pictures) == (["Right:", "0.83"], 1)
    assert [number.shown for number in prose_numbers.results(page.prose)] == ["84.73"]
    test_the_outputs_of_a_page_are_those_of_its_run(page)
    test_the_prose_of_a_page_is_that_of_its_notebook(page)


@pytest.mark.parametrize("change", [{"number": "0.84"}, {"number": ""}, {"number": "0.83, 12"}, {"picture": ""}])
def test_a_page_that_its_run_did_not_write_is_noticed(tmp_path, change):
    with pytest.raises(AssertionError):
        test_the_outputs_of_a_page_are_those_of_its_run(page_of(tmp_path, **change))


def test_prose_that_its_notebook_does_not_hold_is_noticed(tmp_path):
    page = page_of(tmp_path)
    page.notebook.cells[0].source = "Of *84.74* %"
    with pytest.raises(AssertionError):
        test_the_prose_of_a_page_is_that_of_its_notebook(page)
