"""Parts of pages that are made from stored files: they say what the files say, and a damaged file is one line."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml
from bs4 import BeautifulSoup
from pybtex.database import parse_file
from pybtex.richtext import Text

PROJECT = Path(__file__).parents[2]
RESULTS = PROJECT / "results"
WORDS = ["holds", "does not hold", "cannot be told", "not run here", "not testable here"]
CITED = re.compile(r"\{cite(?::\w+)?\}`([^`]+)`")


@pytest.fixture(autouse=True)
def here(monkeypatch):
    """The extensions of the pages can be imported, and the stored results are the project's."""
    monkeypatch.syspath_prepend(PROJECT / "book" / "_ext")
    monkeypatch.setenv("LESIONLIB_RESULTS", str(RESULTS))
    monkeypatch.setenv("LESIONLIB_RUNS", str(PROJECT / "no_runs"))


@pytest.fixture
def claims(here):
    import claims

    return claims


@pytest.fixture
def provenance(here):
    import provenance

    return provenance


@pytest.fixture
def citing(here):
    import citing

    return citing


@pytest.fixture(scope="module")
def counted():
    """Claims by paper and by what came of them, counted in the files themselves."""
    rows = json.loads((RESULTS / "verdicts.json").read_text(encoding="utf-8"))["rows"]
    told = {(row["paper"], row["claim"]): row["verdict"] for row in rows}
    found = {}
    for path in sorted((PROJECT / "lesionlib" / "papers").glob("*.yaml")):
        claims = yaml.safe_load(path.read_text(encoding="utf-8"))["claims"]
        found[path.stem] = Counter(told.get((path.stem, claim["id"]), "not run here") for claim in claims)
    return found


@pytest.fixture(scope="module")
def run_files():
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(RESULTS.glob("*/*/run.json"))]


def cells(lines):
    """The rows of a Markdown table, each as the texts of its cells."""
    rows = [line.strip("|").split("|") for line in lines if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in row] for row in rows]


# --- what came of the claims


def test_claims_are_counted_as_the_files_have_them(claims, counted):
    assert claims.claim_counts() == counted
    assert sum(of.total() for of in counted.values()) > 100


def test_the_table_of_claims(claims, counted):
    head, *rows, last = cells(claims._counts_table(claims.claim_counts()))
    assert head == ["paper", "claims", *WORDS]
    for (paper, of), row in zip(counted.items(), rows, strict=True):
        assert row == [f"{{cite:t}}`{paper}`", str(of.total()), *(str(of[word]) for word in WORDS)]
    numbers = [list(map(int, row[1:])) for row in rows]
    assert list(map(int, last[1:])) == [sum(column) for column in zip(*numbers, strict=True)]


def test_the_sentence_of_claims(claims, counted):
    of = sum(counted.values(), Counter())
    said = list(map(int, re.findall(r"\d+", claims._sentence(claims.claim_counts()))))
    assert said == [of.total(), *(of[word] for word in WORDS)]


def test_most_claims_were_out_of_reach_as_the_welcome_says(counted):
    of = sum(counted.values(), Counter())
    assert "most of what they claim was out of our reach" in (PROJECT / "book" / "welcome.md").read_text(
        encoding="utf-8"
    )
    assert of["not run here"] + of["not testable here"] > of.total() / 2


def test_the_bars_of_claims_are_said_in_words_too(claims, counted):
    drawing = BeautifulSoup(claims._bars(claims.claim_counts()), "html.parser").select_one("[role=img]")
    longest = max(of.total() for of in counted.values())
    bars = drawing.select(".claims-bar")
    for (paper, of), bar in zip(counted.items(), bars, strict=True):
        there = [word for word in WORDS if of[word]]
        parts = bar.select("span")
        assert [part["class"] for part in parts] == [[f"claims-{word.replace(' ', '-')}"] for word in there]
        assert [part["style"] for part in parts] == [f"flex-grow: {of[word]}" for word in there]
        assert [part.text for part in parts] == [str(of[word]) for word in there]
        width = float(re.search(r"width: ([\d.]+)%", bar["style"])[1])
        assert width == pytest.approx(100 * of.total() / longest, abs=0.06)
        assert f"{paper}: {', '.join(f'{of[word]} {word}' for word in there)}" in drawing["aria-label"]
    styles = (PROJECT / "book" / "_static" / "lesionlib.css").read_text(encoding="utf-8")
    assert all(f".claims-{word.replace(' ', '-')} {{" in styles for word in WORDS)


def test_a_claim_that_nobody_answers_was_not_run(claims, provenance, tmp_path, monkeypatch, counted):
    monkeypatch.setenv("LESIONLIB_RESULTS", str(tmp_path))
    assert claims.claim_counts() == {paper: Counter({"not run here": of.total()}) for paper, of in counted.items()}
    assert provenance.traced_answer() is None
    assert provenance.stored() == []


# --- what is stored


def test_stored_runs_are_those_of_the_folders(provenance, run_files):
    rows = cells(provenance._stored_runs())[1:]
    assert [row[0] for row in rows] == [
        f"[{name}](/notebooks/{name})" for name in dict.fromkeys(run["chapter"] for run in run_files)
    ]
    for name, row in zip(dict.fromkeys(run["chapter"] for run in run_files), rows, strict=True):
        mine = [run for run in run_files if run["chapter"] == name]
        days = sorted(run["started"][:10] for run in mine)
        several = [", ".join(sorted({run[key] for run in mine})) for key in ("data", "device")]
        assert row[1:4] == [str(len(mine)), *several]
        span = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
        assert row[4].replace("\N{NON-BREAKING HYPHEN}", "-") == span


def test_times_are_of_all_stored_runs(provenance, run_files):
    rows = cells(provenance._stored_times())[1:]
    timed = Counter(run["chapter"] for run in run_files if run["seconds"])
    assert {re.match(r"\[(\w+)\]", row[0])[1]: int(row[1]) for row in rows} == timed
    for _, _, *times in rows:
        shortest, median, longest = (0.5 if text == "below 1" else float(text) for text in times)
        assert shortest <= median <= longest


def test_what_the_runs_of_a_chapter_differ_in(provenance, run_files):
    told = dict(re.findall(r"^- \*(\w+)\*: (.+)\.$", "\n".join(provenance._stored_runs()), re.M))
    for name, text in told.items():
        mine = [run["parameters"] for run in run_files if run["chapter"] == name]
        names = {key for one in mine for key in one} - {"data"}
        apart = {key for key in names if len({json.dumps(one.get(key)) for one in mine}) > 1}
        assert set(re.findall(r"`(\w+)` \(", text)) == apart
    # Numbers in their order: as texts 60 would come last.
    assert "`width` (80, 100, 128, 200)" in told["04_lucius2020"]
    assert "`body` (fine-tuned, frozen, none)" in told["04_lucius2020"]


def test_the_traced_number_is_that_of_its_run(provenance):
    answer = provenance.traced_answer()
    found = provenance.runs.load(answer["runs"][0])
    files = RESULTS / found.run.chapter / found.run.key
    about = json.loads((files / "run.json").read_text(encoding="utf-8"))
    steps = {row[0]: row[1] for row in cells(provenance._steps(answer, found))[1:]}
    assert answer["measured"] in steps["the page"]
    assert steps["the run key"].startswith(f"`{about['key']}`")
    assert steps["its data"] == f"`{about['data']}`, fingerprint `{about['fingerprint']}`"
    assert f"`{about['code']}`" in steps["its code"]
    assert steps["its parameters"].count("`") == 2 * len(about["parameters"])
    assert all(f"{name} {version}" in steps["its environment"] for name, version in about["versions"].items())
    for place in re.findall(r"`(results/[^`]+)`", " ".join(steps.values())):
        assert (PROJECT / place).is_file(), place


def test_the_code_that_draws_it_again_runs_and_gives_the_stored_figures(provenance):
    answer = provenance.traced_answer()
    found = provenance.runs.load(answer["runs"][0])
    lines = provenance._code(answer, found)
    names = {}
    exec("\n".join(line for line in lines if not line.startswith("```")), names)
    stored = found.metrics.query("split == 'test' and metric == 'accuracy'")["value"].iloc[0]
    assert names["report"].overall["accuracy"] == pytest.approx(stored, abs=1e-6)


def test_the_commands_name_two_runs_of_one_chapter(provenance, run_files):
    answer = provenance.traced_answer()
    text = "\n".join(provenance._commands(answer, provenance.runs.load(answer["runs"][0])))
    first, second = re.search(r"results diff (\w+) (\w+)", text).groups()
    chapters = {run["key"]: run["chapter"] for run in run_files}
    assert first != second and chapters[first] == chapters[second] == answer["chapter"]


# --- who is to be named


@pytest.fixture(scope="module")
def bibliography():
    return parse_file(str(PROJECT / "book" / "references.bib"), bib_format="bibtex").entries


def plain(text):
    return re.sub(r"[^a-z0-9]+", " ", text.lower().replace("{", "").replace("}", "")).strip()


def test_each_paper_is_in_the_bibliography_as_its_file_names_it(bibliography):
    from lesionlib import papers

    for key in papers.available():
        entry, paper = bibliography[key], papers.load(key)
        assert plain(entry.fields["title"]) == plain(paper.title)
        assert int(entry.fields["year"]) == paper.year
        assert len(entry.persons["author"]) == len(paper.authors)


def test_each_dataset_is_in_the_bibliography_as_its_card_cites_it(citing, bibliography):
    from lesionlib.datasets import cards

    keys = citing.dataset_citations(PROJECT / "book" / "references.bib")
    assert sorted(keys) == cards.names()
    for name, cited in keys.items():
        card = cards.card(name)
        for key in cited:
            entry = bibliography[key]
            surname = str(Text.from_latex(entry.persons["author"][0].last_names[-1]))
            assert surname in card.citation, (name, key)
            # dermai's card names the paper that describes it without its year.
            assert entry.fields["year"] in card.citation or name == "dermai", (name, key)
            title = plain(entry.fields["title"]).removeprefix("the ")
            assert title[:40] in plain(card.citation), (name, key)


def test_all_that_is_cited_is_in_the_bibliography_and_all_that_is_there_is_cited(citing, bibliography):
    pages = [*(PROJECT / "book").rglob("*.md"), *(PROJECT / "notebooks").glob("*.ipynb")]
    texts = [page.read_text(encoding="utf-8") for page in pages if page.name != "extending.md"]
    texts += citing._licenses(citing.dataset_citations(PROJECT / "book" / "references.bib"))
    cited = {key.strip() for text in texts for keys in CITED.findall(text) for key in keys.split(",")}
    assert sorted(cited - set(bibliography)) == []
    assert sorted(set(bibliography) - cited) == []


def test_the_table_of_licenses_says_what_the_cards_say(citing):
    from lesionlib.datasets import cards

    rows = cells(citing._licenses(citing.dataset_citations(PROJECT / "book" / "references.bib")))[1:]
    assert [row[0] for row in rows] == [f"`{name}`" for name in cards.names()]
    for row in rows:
        card = cards.card(row[0].strip("`"))
        assert card.license in row[1]
        assert row[2] == ("may be shown" if card.may_publish_images else "are not shown")
        assert CITED.search(row[3])


# --- in a page


PAGE = """\
# Page

See {numref}`fig-claims`, {numref}`tab-claims`, {numref}`tab-stored`, {numref}`tab-traced` and {numref}`tab-licenses`.

```{claim-verdicts} bars
:name: fig-claims
:caption: "A caption, with a *word*."
```

```{claim-verdicts} table
```

```{claim-verdicts} sentence
```

```{stored-runs}
```

```{stored-times}
```

```{traced-number} steps
```

```{dataset-licenses}
```

```{papers-of-the-book}
```

```{cite-book}
```

```{bibliography}
```
"""
CONF = """\
import sys
sys.path.insert(0, {ext!r})
extensions = ["myst_parser", "sphinxcontrib.bibtex", "claims", "provenance", "citing"]
myst_enable_extensions = ["colon_fence"]
bibtex_bibfiles = ["references.bib"]
bibtex_reference_style = "author_year"
numfig = True
html_theme = "basic"
suppress_warnings = ["myst.xref_missing"]
"""


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Build a page with these directives alone; give its HTML and what was complained of."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    def built(page=PAGE, citation=None):
        source, out = tmp_path / "source", tmp_path / "out"
        source.mkdir()
        (source / "conf.py").write_text(CONF.format(ext=str(PROJECT / "book" / "_ext")))
        (source / "index.md").write_text(page)
        (source / "references.bib").write_text((PROJECT / "book" / "references.bib").read_text(encoding="utf-8"))
        text = (PROJECT / "CITATION.cff").read_text(encoding="utf-8") if citation is None else citation
        (source / "CITATION.cff").write_text(text)
        with (tmp_path / "said").open("w") as said, docutils_namespace():
            Sphinx(source, source, out, out / "trees", "html", status=None, warning=said).build()
        return (out / "index.html").read_text(encoding="utf-8"), (tmp_path / "said").read_text()

    return built


def test_a_page_of_all_of_them(build, counted):
    html, said = build()
    assert said == ""
    soup = BeautifulSoup(html, "html.parser")
    figure = soup.select_one("figure#fig-claims")
    assert figure.select_one("[role=img]") and figure.select_one("figcaption em").text == "word"
    assert {"Fig. 1", "Table 1", "Table 2", "Table 3", "Table 4"} <= {link.text for link in soup.select("p a span")}
    assert sum(of["holds"] for of in counted.values()) == int(re.search(r"claims, (\d+) hold here", soup.text)[1])
    facts = yaml.safe_load((PROJECT / "CITATION.cff").read_text(encoding="utf-8"))
    assert f"Version {facts['version']}." in soup.text and f"title = {{{{{facts['title']}}}}}" in soup.text


BROKEN = {
    "cut off": ('{"schema": 1, "rows": [', "`lesionlib results verdicts` writes that of results/ anew"),
    "newer": ('{"schema": 2, "rows": []}', "schema 2, and this lesionlib reads up to 1"),
    "no such claim": (
        json.dumps(
            {"schema": 1, "rows": [{"chapter": "01_x", "paper": "lucius2020", "claim": "nothing", "verdict": "holds"}]}
        ),
        "lucius2020 has no claim 'nothing'",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_damaged_table_of_claims_is_one_line(build, tmp_path, monkeypatch, case):
    content, expected = BROKEN[case]
    monkeypatch.setenv("LESIONLIB_RESULTS", str(tmp_path / "results"))
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "verdicts.json").write_text(content)
    _, said = build("# Page\n\n```{claim-verdicts} table\n```\n")
    (line,) = [line for line in said.splitlines() if "claim-verdicts:" in line]
    assert "index.md:3: ERROR" in line and "verdicts.json" in line and expected in line


def test_a_damaged_run_is_one_line(build, tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONLIB_RESULTS", str(tmp_path / "results"))
    folder = tmp_path / "results" / "01_toy" / "aaaaaaaaaaaa"
    folder.mkdir(parents=True)
    (folder / "run.json").write_text('{"schema": 1, "chapter": "01_toy"}')
    _, said = build("# Page\n\n```{stored-runs}\n```\n")
    (line,) = [line for line in said.splitlines() if "stored-runs:" in line]
    assert "01_toy/aaaaaaaaaaaa/run.json" in line and "field required" in line


def test_a_damaged_citation_file_is_one_line(build):
    _, said = build("# Page\n\n```{cite-book}\n```\n", citation="title: [a")
    assert len([line for line in said.splitlines() if "CITATION.cff: not a citation file" in line]) == 1
    assert "Traceback" not in said
