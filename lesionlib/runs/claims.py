"""What came of the papers' claims: each chapter hands its answers over, ``results/`` holds all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lesionlib.errors import InputError
from lesionlib.runs import schema, store
from lesionlib.runs.recording import RunRecord

if TYPE_CHECKING:
    import pandas as pd

_NO_ANSWER = (schema.VerdictWord.NOT_RUN, schema.VerdictWord.NOT_TESTABLE)


def write_verdicts(
    run: RunRecord, paper: str, answers: Mapping[str, str], runs: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Hand over what a chapter says of a paper's claims: ``verdicts.json``, beside the metrics of its run.

    It is for cells that look: the answers come from stored runs, not from the run that is being made.

    Parameters
    ----------
    run : RunRecord
        From `record`.
    paper : str
        The paper's key, such as "lucius2020".
    answers : mapping
        For each claim (its id) a text that begins with the verdict: "holds", "does not hold", "cannot be told",
        "not run here" or "not testable here"; what was measured follows after a colon or a semicolon.
    runs : mapping, optional
        For a claim the keys of the runs that its answer comes from, where the chapter knows them. A claim that has no
        answer keeps none.

    Raises
    ------
    InputError
        An answer begins otherwise, runs of a claim without an answer, or the file cannot be written.
    """
    chapter, keys = run.run.chapter, dict(runs or {})
    rows = []
    for claim, text in dict(answers).items():
        answer = _parted(text, f"{chapter}: {paper}, claim {claim}")
        behind = keys.pop(claim, [])
        if answer["verdict"] in _NO_ANSWER:
            behind = []
        rows.append({"chapter": chapter, "paper": paper, "claim": claim, **answer, "runs": sorted(set(behind))})
    if keys:
        raise InputError(f"{chapter}: {paper}: runs of {min(keys)}, which is no claim that is answered here")
    content = schema.checked({"rows": rows}, schema.VerdictsFile, f"{chapter}: verdicts")
    schema.write(run.path / store.VERDICTS, content)


def verdicts() -> pd.DataFrame:
    """Return what came of all claims, as ``results/`` holds it: one row a claim.

    Returns
    -------
    DataFrame
        ``chapter, paper, claim, verdict, measured, runs`` (a list of keys), by chapter. Without a table, no rows.

    Raises
    ------
    InputError
        The table is damaged.
    """
    import pandas as pd

    path = _table_file()
    rows = schema.read(path, schema.VerdictsFile).rows if path and path.is_file() else []
    columns = list(schema.Verdict.model_fields)
    # Plain texts: an enum's members print otherwise in a table.
    return pd.DataFrame([row.model_dump(mode="json") for row in rows], columns=columns)


def collect_verdicts(pages: Mapping[str, Path]) -> schema.VerdictsFile:
    """Return what the runs that become pages say of the claims, by chapter.

    Parameters
    ----------
    pages : mapping
        For each chapter the folder of its finished run; one that answers no claim has no ``verdicts.json``.

    Returns
    -------
    VerdictsFile
        One row a claim.

    Raises
    ------
    InputError
        Two chapters answer one claim, or a file is damaged.
    """
    rows = [row for chapter in sorted(pages) for row in _of_page(pages[chapter])]
    return schema.checked({"rows": rows}, schema.VerdictsFile, "the chapters' verdicts")


def publish_verdicts(found: schema.VerdictsFile) -> Path:
    """Write what came of all claims to ``results/verdicts.json``: the same answers, the same text.

    Parameters
    ----------
    found : VerdictsFile
        From `collect_verdicts`.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        An answer rests on a run that is not in ``results/``, or there is no such folder, or it cannot be written.
    """
    path = store.writable_results() / store.VERDICTS
    published = {folder.name for folder in store.run_folders(path.parent)}
    for row in found.rows:
        missing = [key for key in row.runs if key not in published]
        if missing:
            raise InputError(
                f"{row.chapter}: {row.paper}, claim {row.claim}: rests on the run {missing[0]}, which is not in "
                f"{path.parent}: `lesionlib results add {missing[0]}` first"
            )
    schema.write(path, found)
    return path


def check_verdicts(pages: Mapping[str, Path]) -> None:
    """See that the runs that become pages say of the claims what ``results/verdicts.json`` says.

    Claims that neither mentions do not differ; without a table, or without a page's answers, there is nothing to
    compare.

    Parameters
    ----------
    pages : mapping
        For each chapter the folder of its finished run.

    Raises
    ------
    InputError
        They differ: which chapter, which claim, and what to do.
    """
    path = _table_file()
    if path is None or not path.is_file():
        return
    told = {(row.paper, row.claim): row for row in schema.read(path, schema.VerdictsFile).rows}
    shown = {(row.paper, row.claim): row for row in collect_verdicts(pages).rows}
    chapters = {row.chapter for row in shown.values()}
    for named in [*shown, *(name for name, row in told.items() if row.chapter in chapters)]:
        here, there = shown.get(named), told.get(named)
        if here != there:
            where = f"{(here or there).chapter}: {named[0]}, claim {named[1]}"
            raise InputError(
                f"{where}: the page says {_said(here)}, and {path} says {_said(there)}: "
                "`lesionlib results verdicts` takes over what the pages say"
            )


def _table_file() -> Path | None:
    results = store.results_root()
    return results / store.VERDICTS if results else None


def _of_page(folder: Path) -> list[schema.Verdict]:
    path = folder / store.VERDICTS
    return schema.read(path, schema.VerdictsFile).rows if path.is_file() else []


def _parted(text: str, where: str) -> dict[str, str]:
    """Part an answer into its verdict and what was measured."""
    words = list(schema.VerdictWord)
    word = next((each for each in words if text.startswith(each)), None)
    rest = text[len(word) :] if word else ""
    if word is None or rest[:1] not in ("", ":", ";"):
        raise InputError(f"{where}: found {text!r:.60}, expected one of {', '.join(words)}, then a colon or nothing")
    return {"verdict": word, "measured": rest[1:].strip()}


def _said(row: schema.Verdict | None) -> str:
    if row is None:
        return "nothing"
    text = f"{row.verdict}: {row.measured}" if row.measured else str(row.verdict)
    # The same words from other runs differ too.
    return f"{text!r} (runs: {', '.join(row.runs) or 'not named'})"
