"""``lesionlib results verdicts`` and what ``lesionlib book`` makes of it, in a project of one tiny chapter."""

from __future__ import annotations

import json

import nbformat
import pytest

from lesionlib import datasets, papers, runs

CODE = """
from lesionlib import runs
rows = [{"split": "test", "metric": "accuracy", "value": 0.5}]
run = runs.record("01_toy", dict(epochs=epochs), metrics=rows, fingerprint="f00d",
                  data="ham10000", classes=[], seed=0, device="cpu")
"""
ANSWER = "runs.write_verdicts(run, 'mendes2018', {claim: 'not run here' for claim in CLAIMS})"


@pytest.fixture(scope="module")
def claims():
    return papers.load("mendes2018").claims["id"].tolist()


@pytest.fixture
def command(tmp_path, monkeypatch, lesionlib_command):
    for name in ("LESIONLIB_RUNS", "LESIONLIB_RESULTS", "LESIONLIB_RUN_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(datasets, "fingerprint", lambda parameters: "f00d")
    monkeypatch.setattr(papers, "available", lambda: ["mendes2018"])
    monkeypatch.setattr(runs, "build_book", lambda *_, **__: True)
    (tmp_path / "notebooks" / "profiles").mkdir(parents=True)
    (tmp_path / "_toc.yml").write_text("format: jb-book\nroot: book/welcome\n")
    (tmp_path / "notebooks" / "profiles" / "quick.yml").write_text("profile: quick\nchapters: {01_toy: [{}]}\n")

    def call(*words):
        code, out, err = lesionlib_command(*words)
        return code, out, err.splitlines()[-1:]

    return call


def write_chapter(folder, claims):
    cells = [
        nbformat.v4.new_code_cell("epochs = 1", metadata={"tags": ["parameters"]}),
        nbformat.v4.new_code_cell(CODE),
        nbformat.v4.new_code_cell(ANSWER.replace("CLAIMS", repr(claims)), metadata={"tags": ["look"]}),
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "notebooks" / "01_toy.ipynb")


def test_answers_reach_results_and_a_page_that_differs_is_no_book(command, tmp_path, claims):
    write_chapter(tmp_path, claims)
    code, out, _ = command("results", "verdicts")
    assert code == 0
    assert f"{len(claims)} claims: {tmp_path / 'results' / 'verdicts.json'}" in out
    assert runs.verdicts()["claim"].tolist() == claims
    assert command("book")[0] == 0

    path = tmp_path / "results" / "verdicts.json"
    content = json.loads(path.read_text())
    content["rows"][3] |= {"verdict": "holds", "measured": "by magic"}
    path.write_text(json.dumps(content))
    code, _, complaint = command("book")
    assert code == 2
    assert f"01_toy: mendes2018, claim {claims[3]}: the page says 'not run here'" in complaint[0]
    assert "'holds: by magic'" in complaint[0]
    assert command("results", "verdicts")[0] == 0
    assert command("book")[0] == 0


@pytest.mark.parametrize(
    ("answered", "said"),
    [
        (lambda claims: claims[1:], "no chapter answers it"),
        (lambda claims: [*claims, "moonlight"], "01_toy: mendes2018 has no claim moonlight"),
    ],
)
def test_a_claim_without_answer_or_an_answer_without_claim_is_refused(command, tmp_path, claims, answered, said):
    write_chapter(tmp_path, answered(claims))
    code, _, complaint = command("results", "verdicts")
    assert code == 2
    assert said in complaint[0]
    assert not (tmp_path / "results").exists()
