"""Figures of HAM10000 that pages take from its card and its stored list agree; a misspelled name fails."""

from __future__ import annotations

import pytest
from docutils import nodes
from number_sources import PROJECT

from lesionlib import datasets


@pytest.fixture
def stored(monkeypatch):
    monkeypatch.syspath_prepend(PROJECT / "book" / "_ext")
    import ham10000

    return ham10000


def cells(lines: list[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_how_diagnoses_were_confirmed_adds_up_to_the_card(stored):
    head, _, *rows = cells(stored._confirmed())
    counted = [sum(int(row[k].replace(",", "")) for row in rows) for k in range(1, len(head))]
    assert dict(zip(head[1:], counted, strict=True)) == {
        name: facts.images for name, facts in datasets.card("ham10000").classes.items()
    }


def test_figures_agree_with_each_other(stored):
    found = stored.ham10000_figures()
    number = {name: int(text.replace(",", "")) for name, text in found.items() if not text.endswith("%")}
    assert number["sex unknown"] == number["sex unknown, nv"] + number["sex unknown, bkl"]
    assert number["lesions with several images"] < number["lesions"]
    single = number["lesions"] - number["lesions with several images"]
    assert single + number["images of such lesions"] == number["images"]
    # "Two of three images show a nevus", "nearly half".
    assert found["share of the largest class"] == "67 %"
    assert found["share of images of such lesions"] == "45 %"
    # As the card's trap says.
    assert f"{number['follow-up']:,} follow_up" in " ".join(datasets.card("ham10000").traps)


def test_a_name_that_is_none_fails(stored):
    role = stored.Ham10000Figure()
    said = []

    class Inliner:
        class reporter:
            @staticmethod
            def error(text):
                said.append(text)
                return nodes.system_message()

        @staticmethod
        def problematic(*parts):
            return nodes.problematic()

    role.inliner = Inliner
    role.text = role.rawtext = "imagse"
    ((node,), (_,)) = role.run()
    assert isinstance(node, nodes.problematic)
    assert "no figure 'imagse': choose one of images, lesions" in said[0]
