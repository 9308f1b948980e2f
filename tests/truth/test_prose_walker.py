"""What the walk over the prose catches, and what it leaves alone."""

from __future__ import annotations

import nbformat
import prose_numbers
import prose_walker
import pytest
from number_sources import Fact, card_facts, named_datasets, named_papers, paper_facts, setting_facts

from lesionlib import papers


def caught(text: str) -> list[str]:
    return [number.shown for number in prose_numbers.results(text)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("It is right for 84.73 % of the images.", ["84.73"]),
        ("an AUC of 0.96 for melanoma, and 0.91", ["0.96", "0.91"]),
        ("The gain is +1.4 points (0.3 to 2.5).", ["1.4", "0.3", "2.5"]),
        ("trained 3 times faster, in 855 s", ["3", "855"]),
        ("10,015 images of 7,470 lesions", ["10,015", "7,470"]),
        ("2019 images were left out", ["2019"]),
        ("nineteen readers, twenty-two practitioners", ["nineteen", "twenty-two"]),
        ("p = 0.07, and 1e-5 after Holm", ["0.07", "1e-5"]),
        ("8 of the 9 on darker skin", ["8", "9"]),
        ("split 72:8:20", ["72", "8", "20"]),
        ("1 of 9 by the small network", ["1", "9"]),
        ("It holds 93 % (Table 3) in 2019.", ["93"]),
        ("about 95 % of the readers", ["95"]),
        ("100 % of 9 images", ["100", "9"]),
    ],
)
def test_results_are_caught(text, shown):
    assert caught(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "In 2021 the authors, and in 2018 others, wrote it.",
        "Tables 2 and 3, Figure 1, section 2.2, Section III-F.1, chapters 0 to 9, Exercise 4",
        "ResNet-50, VGG16, EfficientNet-B3, HAM10000, PH2, F1, ITA, x86-64, SHA-256, x_1",
        "images of 200 x 150, maps of 10 x 10 x 1536, at 128 pixels, 32 and 64 pixels",
        "Python 3.11 to 3.13, CC BY-NC 4.0, version 2",
        "a scale from 0 to 1, between -1 and 1, near 0",
        "one of the two, two of three, ten times, both, a third",
        "a 95 % interval, 95 % confidence intervals, the middle 95 % of the draws",
        "About 20 minutes to read; about half a minute to run",
        "doi:10.7910/DVN/DBW86T",
    ],
)
def test_structure_is_left_alone(text):
    assert caught(text) == []


def test_percent_are_told_from_counts():
    kinds = [(number.shown, number.is_percent) for number in prose_numbers.results("6 to 8 % of 40 images, 3 points")]
    assert kinds == [("6", True), ("8", True), ("40", False), ("3", True)]


def passages(text: str) -> list[str]:
    return [passage.text for each in prose_walker.markdown_sections(text, "x") for passage in each.passages]


def test_code_formulas_roles_and_addresses_are_no_prose():
    text = "Run `epochs = 90`, $x = 0.83$, see {cite}`mann1947` and [chapter 4](04_lucius2020.ipynb#x-77).\n"
    assert passages(text) == ["Run □, □, see □ and chapter 4."]
    assert passages("```python\nx = 0.83\n```\n\n$$0.83$$\n\n<!-- 0.83 -->\n") == []


def test_prose_in_directives_tables_and_lists_is_read():
    text = (
        ":::{admonition} Found in 77 runs\n:class: tip\n- It is **0.83**.\n:::\n\n"
        "| a | b |\n|---|---|\n| 0.84 | x |\n\n1. First 0.85.\n\n"
        "```{glossary}\nterm\n  Means 0.86.\n```\n\n```{benchmark} training\n```\n\n{term}`phantoms <phantom>`\n"
    )
    assert [shown for text in passages(text) for shown in caught(text)] == ["77", "0.83", "0.84", "0.85", "0.86"]
    assert passages(text)[-1] == "phantoms"


def test_sections_hold_their_own_code():
    found = prose_walker.markdown_sections("# A\nx\n```python\nn = 5\n```\n## B\ny\n", "page")
    assert [(each.title, each.code) for each in found] == [("", []), ("A", ["n = 5\n"]), ("B", [])]


def test_texts_of_code_are_read():
    source = 'display(Markdown(f"It is {value:.2f}, not **0.83** of {12}."))\nx = "key"\ny["99 %"] = 3  # 0.84\n'
    assert set(prose_walker.read_texts(source)) == {"It is □, not 0.83 of 12.", "99 %"}
    assert list(prose_walker.read_texts('def f():\n    """About 0.83 of them."""\n')) == []


def test_figures_that_are_typed_beside_their_names_are_rows():
    source = 'rows = [("ResNet-18, test", 592, 660), ("lr", 0.1)]\nd = {"no error": 40, "small one": 3, "x y": 0.5}\n'
    assert set(prose_walker.typed_rows(source)) == {"ResNet-18, test: 592; 660", "no error: 40", "x y: 0.5"}


def test_captions_and_alternative_texts_of_a_notebook_are_read(tmp_path):
    shown = {"figure": {"caption": "Of 77 images."}, "image": {"alt": "A bar of 0.83."}}
    cells = [
        nbformat.v4.new_markdown_cell("# Title\nSome 0.82."),
        nbformat.v4.new_code_cell("%matplotlib inline\nn = 5", metadata={"mystnb": shown}),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), tmp_path / "a.ipynb")
    (_, section) = prose_walker.notebook_sections(tmp_path / "a.ipynb")
    assert [caught(passage.text) for passage in section.passages] == [[], ["0.82"], ["77"], ["0.83"]]


# --- sources


def carried(facts: list[Fact], text: str) -> list[bool]:
    return [any(fact.carries(number) for fact in facts) for number in prose_numbers.results(text)]


def test_a_papers_values_carry_what_it_printed():
    facts = list(paper_facts("lucius2020"))
    assert carried(facts, "84.73 % with clinical data; 97.5 % of 40; 27.74 %, 17.29 %") == [True] * 5
    assert carried(facts, "84.74 %; 84.7 % rounded; 1.8473; 12,345 images") == [False] * 4


def test_a_slip_of_one_digit_finds_no_value():
    value = max(papers.load("lucius2020").tables["3"]["accuracy"])
    facts = list(paper_facts("lucius2020"))
    assert carried(facts, f"{value} %, {value + 7:.2f} %") == [True, False]


def test_percent_rest_on_percent_or_shares_and_counts_on_counts():
    facts = [Fact(84.0, "percent", "x"), Fact(0.25, "count", "x"), Fact(40.0, "count", "x")]
    assert carried(facts, "84 %, 25 %, 0.25 and 0.84 of them, 40 images") == [True] * 5
    assert carried(facts, "84 images, 40 %") == [False, False]


def test_a_fact_of_a_noun_carries_that_noun_alone():
    facts = [Fact(11, "count", "x", "datasets")]
    assert carried(facts, "eleven datasets; eleven public datasets; eleven networks") == [True, True, False]


def test_cards_carry_their_counts():
    assert carried(list(card_facts("ham10000")), "10,015 images, 1,113 melanomas; 10,016") == [True, True, False]


def test_names_of_papers_and_datasets_are_known_as_people_write_them():
    assert named_papers("as {cite}`lucius2020` says") == {"lucius2020"}
    assert named_datasets("MED-NODE, the images of ISIC 2019, PH2") == {"mednode", "isic2019", "ph2"}


def test_settings_are_what_code_computes_with():
    code = 'draws = 2000\nf(x[17], figsize=(31, 41)).round(3)\nkept = x[x > 0.995]\nprint("of 77")\n'
    assert {fact.value for fact in setting_facts(code, "x")} == {2000, 0.995}
    assert {fact.value for fact in setting_facts("lesionlib run x -p epochs 9", "x")} == {9}
