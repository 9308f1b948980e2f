"""What is to be run: a notebook's parameters, checked, and the key that names the run."""

from __future__ import annotations

import ast
import difflib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import lesionlib
from lesionlib.errors import InputError
from lesionlib.runs import store
from lesionlib.runs.schema import RunFile, portable

PARAMETERS = "parameters"
# Cells with this tag only read and show: a changed figure must not cost hours of training.
LOOK = "look"
_PLAIN = "a number, a text, true, false, null or a list of them"
_WRITTEN_OUT = "a number, a text, True, False, None or a list of them"


@dataclass(frozen=True)
class RunSpec:
    """One run to be: its notebook, every parameter's value, and what names it.

    Attributes
    ----------
    notebook : Path
        The chapter's source.
    chapter : str
        Its name without the ending.
    parameters : dict
        Every parameter's value.
    fingerprint : str
        Of the data.
    profile : str
        Which profile asks for it.
    key : str
        Twelve hex digits: what is computed.
    code : str
        Twelve hex digits: which version of the library and the notebook would do it.
    """

    notebook: Path
    chapter: str
    parameters: dict[str, Any]
    fingerprint: str
    profile: str
    key: str
    code: str

    def __str__(self) -> str:
        return f"{self.chapter} {self.key}"


def chapters(project: Path) -> dict[str, Path]:
    """Return the project's notebooks.

    Parameters
    ----------
    project : Path
        The folder with ``notebooks/``.

    Returns
    -------
    dict of str to Path
        By chapter (the file's name without its ending), in order.
    """
    return {path.stem: path for path in sorted((project / "notebooks").glob("*.ipynb"))}


def plan(notebook: str | Path, parameters: Mapping[str, Any], fingerprint: str, profile: str = "quick") -> RunSpec:
    """Check the parameters of a run and name it.

    Parameters
    ----------
    notebook : path
        The chapter's source.
    parameters : mapping
        Values that differ from the defaults of the cell tagged ``parameters``.
    fingerprint : str
        What identifies the data; opaque here.
    profile : str
        The profile that asks for it.

    Returns
    -------
    RunSpec
        With its key.

    Raises
    ------
    InputError
        The notebook cannot be read, or a parameter is unknown or of another type.
    """
    notebook = Path(notebook)
    cells = read_cells(notebook)
    values = resolve(notebook, parameters)
    return RunSpec(
        notebook=notebook,
        chapter=notebook.stem,
        parameters=values,
        fingerprint=fingerprint,
        profile=profile,
        key=run_key(notebook.stem, computing_sources(cells), values, fingerprint),
        code=code_digest(notebook),
    )


def resolve(notebook: str | Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of every parameter of a notebook: its default, or what is put in its place.

    Parameters
    ----------
    notebook : path
        The chapter's source.
    overrides : mapping
        Values that differ from the defaults.

    Returns
    -------
    dict
        By name, in the notebook's order.

    Raises
    ------
    InputError
        As for `plan`.
    """
    notebook = Path(notebook)
    defaults = default_parameters(notebook)
    values = dict(defaults)
    for name, value in overrides.items():
        if name not in defaults:
            raise InputError(_unknown(notebook, name, list(defaults)))
        values[name] = _of_its_type(f"{notebook.stem}: parameter {name}", value, defaults[name])
    return values


def default_parameters(notebook: Path) -> dict[str, Any]:
    """Return the literals that the notebook's cell tagged ``parameters`` assigns.

    papermill's own inspection goes line by line and drops a line whose comment holds a "=";
    the syntax tree does not.
    """
    values: dict[str, Any] = {}
    for cell in read_cells(notebook):
        if PARAMETERS in tags(cell):
            values |= _assigned_literals(notebook, cell["source"])
    return values


def _assigned_literals(notebook: Path, source: str) -> dict[str, Any]:
    where = f"{notebook}: the cell tagged {PARAMETERS!r}"
    try:
        statements = ast.parse(source).body
    except SyntaxError as error:
        raise InputError(f"{where}, line {error.lineno}: {error.msg}") from error
    values = {}
    for statement in statements:
        targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
        if not isinstance(statement, (ast.Assign, ast.AnnAssign)) or not isinstance(targets[0], ast.Name):
            continue
        name = targets[0].id
        values[name] = _literal(f"{where}, line {statement.lineno}: the default of {name}", statement.value)
    return values


def _literal(where: str, node: ast.expr | None) -> Any:
    try:
        value = ast.literal_eval(node)
    except ValueError as error:
        raise InputError(f"{where} must be written out: {_WRITTEN_OUT}") from error
    value = list(value) if isinstance(value, tuple) else value
    return _expect(where, value, _is_plain(value), _WRITTEN_OUT)


def _is_plain(value: Any) -> bool:
    items = value if isinstance(value, list) else [value]
    return all(item is None or isinstance(item, (bool, int, float, str)) for item in items)


def _unknown(notebook: Path, name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"{notebook.stem}: unknown parameter {name}; known: {', '.join(known) or 'none'}{hint}"


def _of_its_type(where: str, value: Any, default: Any) -> Any:
    """Return `value` where it may stand in for `default`; an int for a float becomes one."""
    value = list(value) if isinstance(value, tuple) else value
    _expect(where, value, _is_plain(value), _PLAIN)
    if default is None:
        return value
    if isinstance(default, list):
        return _expect(where, value, value is None or isinstance(value, list), "a list or null")
    if isinstance(value, list):
        return _expect(where, value, False, _name(default))
    if isinstance(default, bool) or isinstance(value, bool):
        return _expect(where, value, isinstance(default, bool) and isinstance(value, bool), _name(default))
    if isinstance(default, float):
        return float(_expect(where, value, isinstance(value, (int, float)), _name(default)))
    return _expect(where, value, type(value) is type(default), _name(default))


def _expect(where: str, value: Any, holds: bool, expected: str) -> Any:
    if not holds:
        raise InputError(f"{where}: found {value!r} ({type(value).__name__}), expected {expected}{_yaml_hint(value)}")
    return value


def _name(default: Any) -> str:
    kinds = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
    return f"{kinds[type(default)]} like the default {default!r}"


def _yaml_hint(value: Any) -> str:
    # YAML 1.1 reads 1e-3 as a text; only 1.0e-3 is a number to it.
    if not isinstance(value, str):
        return ""
    try:
        number = float(value)
    except ValueError:
        return ""
    return f" (YAML takes {value} for a text: write {number!r})" if "e" in value.lower() else ""


def read_cells(notebook: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook, each with its source as one string.

    Raises
    ------
    InputError
        There is no such notebook, or it is none.
    """
    try:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        return [{**cell, "source": "".join(cell["source"])} for cell in cells]
    except FileNotFoundError as error:
        raise InputError(f"{notebook}: no such notebook") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{notebook}: cannot be read as a notebook ({error!r})") from error


def tags(cell: Mapping[str, Any]) -> list[str]:
    """Return a cell's tags."""
    return list(cell.get("metadata", {}).get("tags", []))


def computing_sources(cells: list[dict[str, Any]]) -> list[str]:
    """Return what the code cells compute: not the parameters, not what only shows.

    As syntax trees where it is plain Python, so that a comment or a line break changes nothing.
    """
    return [
        _tree(cell["source"])
        for cell in cells
        if cell["cell_type"] == "code" and not {PARAMETERS, LOOK} & set(tags(cell))
    ]


@lru_cache(maxsize=4096)
def _tree(source: str) -> str:
    try:
        return ast.unparse(ast.parse(source))
    except SyntaxError:
        # A line of IPython's own, such as a magic.
        return source.rstrip()


def run_key(chapter: str, sources: list[str], parameters: Mapping[str, Any], fingerprint: str) -> str:
    """Return the 12 hex digits that name a run; the order of the parameters does not matter."""
    values = {name: portable(value) for name, value in parameters.items()}
    return _digest(chapter, sources, values, fingerprint)


def code_digest(notebook: Path) -> str:
    """Return 12 hex digits of the library's code and data and of the notebook's whole source."""
    cells = [[cell["cell_type"], cell["source"], tags(cell)] for cell in read_cells(notebook)]
    return _digest(library_digests(), cells)


def code_here(chapter: str) -> str | None:
    """Return the digest of the code that would run a chapter now, or None where its notebook is not at hand."""
    project = store.project_root()
    notebook = project / "notebooks" / f"{chapter}.ipynb" if project else None
    return code_digest(notebook) if notebook and notebook.is_file() else None


def library_digests() -> list[list[str]]:
    """Return name and digest of each file of the library's code and data."""
    library = Path(lesionlib.__file__).parent
    # A wheel carries the book's pages, and with them their scripts; these are not the library's code.
    carried = library / "project"
    found = (path for path in library.rglob("*") if path.suffix in {".py", ".yaml"})
    files = sorted(path for path in found if not path.is_relative_to(carried))
    return [[path.relative_to(library).as_posix(), _unchanged_digest(path, *_state(path))] for path in files]


def seen_digest(chapter: str, key: str, runs: Path) -> str:
    """Return 12 hex digits of the finished runs that the run `key` could show beside itself.

    Those of ``results/`` and, of `runs`, those that a batch does not make again; and the table of what came of the
    claims, unless the chapter stands in it: its own answers come from runs.
    """
    results = store.results_root()
    own = (chapter, key)
    folders = [folder for folder in store.run_folders(runs) if not _is_made_again(folder)]
    folders += store.run_folders(results) if results else []
    files = {(f.parent.name, f.name): f / "metrics.json" for f in folders}
    told = sorted(
        ["/".join(name), _file_digest(file)] for name, file in files.items() if name != own and file.is_file()
    )
    table = results / store.VERDICTS if results else None
    if table and table.is_file() and f'"chapter": "{chapter}"' not in table.read_text(encoding="utf-8"):
        told.append([store.VERDICTS, _file_digest(table)])
    return _digest(told)


def _is_made_again(folder: Path) -> bool:
    try:
        return RunFile.model_validate_json((folder / "run.json").read_bytes()).is_made_again
    except (OSError, ValueError):
        return False


def _state(path: Path) -> tuple[int, ...]:
    found = path.stat()
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino


@lru_cache(maxsize=4096)
def _unchanged_digest(path: Path, *state: int) -> str:
    """Return the digest of a file that is read again only when its state says that it changed.

    A plan of hundreds of runs asks for the same files once a run.
    """
    del state
    return _file_digest(path)


def _file_digest(path: Path) -> str:
    # A checkout on Windows may have other line ends; the content is the same.
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _digest(*content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]
