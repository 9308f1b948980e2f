"""The reference: every public name is on a page, and what its docstring says agrees with its signature."""

import dataclasses
import importlib
import inspect
import re
import sys
from enum import Enum
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import yaml

import lesionlib
from lesionlib import kit

ROOT = Path(lesionlib.__file__).parents[1]
PAGES = ROOT / "book" / "api"
HEADS = ("Parameters", "Attributes", "Returns", "Yields", "Raises", "Warns", "Notes", "Examples")
# Rooms whose functions take plain figures of a paper, named as a plan's YAML names them: a line each says enough.
BRIEF = "lesionlib.audit."


def rooms(name):
    """A room, and the rooms among its public names."""
    room = importlib.import_module(name)
    inner = [each for each in getattr(room, "__all__", ()) if isinstance(getattr(room, each), ModuleType)]
    return [name, *(found for each in inner for found in rooms(f"{name}.{each}"))]


def names(room):
    module = importlib.import_module(room)
    found = getattr(module, "__all__", None)
    if found is None:
        found = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == room]
    kept = [name for name in found if name.isidentifier() and not name.startswith("_")]
    return [name for name in kept if not isinstance(getattr(module, name), ModuleType)]


TOP = sorted(f"lesionlib.{name}" for name in lesionlib.__all__ if not name.startswith("_"))
ROOMS = [room for top in TOP for room in rooms(top)]


def faults(value, brief=False):
    """What a docstring lacks, or says otherwise than the code."""
    if inspect.isclass(value):
        return _faults_of_class(value)
    function = inspect.unwrap(value)
    sections = _sections(function.__doc__)
    found = [] if _summary(sections) else ["no summary of one sentence"]
    if "Parameters" in sections or not brief:
        found += _apart(_parameters(function), sections.get("Parameters", []))
    if _gives(function) and not brief and not {"Returns", "Yields"} & set(sections):
        found.append("no Returns")
    raised = re.findall(r"^ +raise (\w+)\(", inspect.getsource(function), re.MULTILINE)
    told = [name for name in raised if not brief and name not in "\n".join(sections.get("Raises", []))]
    return [*found, *(f"raises {name}" for name in dict.fromkeys(told))]


def _faults_of_class(value):
    doc = value.__dict__.get("__doc__") or ""
    sections = _sections(doc)
    found = [] if _summary(sections) else ["no summary of one sentence"]
    if not issubclass(value, BaseException | Enum):
        found += _apart(_fields(value), sections.get("Parameters", []), sections.get("Attributes", []))
    for name, member in vars(value).items():
        member = getattr(member, "__func__", getattr(member, "fget", getattr(member, "func", member)))
        ours = inspect.isfunction(member) and member.__module__.startswith("lesionlib") and not name.startswith("_")
        framework = name.startswith(("before_", "after_")) or any(name in vars(base) for base in value.__mro__[1:])
        if ours and not (framework and not member.__doc__):
            found += [
                f"{name}: {fault}"
                for fault in faults(member, brief=isinstance(vars(value)[name], property | cached_property))
            ]
    return found


def _sections(doc):
    found, current = {"": []}, ""
    lines = inspect.cleandoc(doc or "").splitlines()
    for line, below in pairwise([*lines, ""]):
        if line in HEADS and re.fullmatch("-{3,}", below):
            current = line
            found[current] = []
        elif not re.fullmatch("-{3,}", line):
            found[current].append(line)
    return found


def _summary(sections):
    first = (sections[""] or [""])[0]
    return first.endswith((".", ":", "?", "...", "::")) and (len(sections[""]) < 2 or not sections[""][1])


def _parameters(function):
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    found = inspect.signature(function).parameters.values()
    return [stars.get(each.kind, "") + each.name for each in found if each.name not in ("self", "cls")]


def _fields(value):
    if dataclasses.is_dataclass(value):
        return [field.name for field in dataclasses.fields(value) if not field.name.startswith("_")]
    if hasattr(value, "model_fields"):
        return list(value.model_fields)
    return list(getattr(value, "_fields", None) or _parameters(value))


def _apart(wanted, parameters, attributes=()):
    """Parameters that only the code has or only the text, and names without a type that are not explained elsewhere."""
    of = {"parameter": _told(parameters), "attribute": _told(attributes)}
    every = [name for told in of.values() for name, *_ in told]
    found = [f"{name}: not documented" for name in wanted if name not in every]
    found += [f"{name}: documented, and not there" for name, *_ in of["parameter"] if name not in wanted]
    for told in of.values():
        each = [name for name, *_ in told]
        found += [f"{name}: documented twice" for name in dict.fromkeys(each) if each.count(name) > 1]
        found += [f"{name}: no type" for name, typed, text in told if not typed and not text.startswith("As for")]
    return found


def _told(lines):
    """Each name that a section documents, whether with a type, and the first line about it."""
    return [
        (name.strip(), " : " in line or name.strip().startswith("**"), below.strip())
        for line, below in pairwise([*lines, ""])
        if line and not line[0].isspace()
        for name in line.partition(" : ")[0].split(",")
    ]


def _gives(function):
    return inspect.signature(function).return_annotation not in (None, "None", inspect.Signature.empty)


@pytest.mark.parametrize("room", ROOMS)
def test_docstrings_agree_with_signatures(room):
    module = importlib.import_module(room)
    values = {name: getattr(module, name) for name in names(room)}
    described = {name: one for name, one in values.items() if inspect.isclass(one) or _is_function(one)}
    found = {name: faults(value, brief=room.startswith(BRIEF)) for name, value in described.items()}
    assert {name: lines for name, lines in found.items() if lines} == {}
    assert found


def _is_function(value):
    return inspect.isroutine(inspect.unwrap(value)) if callable(value) else False


def test_every_public_room_is_on_one_page_and_every_page_in_the_book():
    texts = {path.stem: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
    on_pages = [room for text in texts.values() for room in re.findall(r"^```\{api\} (\S+)$", text, re.MULTILINE)]
    assert sorted(on_pages) == sorted(ROOMS)
    parts = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))["parts"]
    listed = [page["file"] for part in parts if part["caption"] == "Reference" for page in part["chapters"]]
    assert sorted(listed) == sorted(f"book/api/{name}" for name in texts)


def one_that_agrees(first, *rest, seed: int = 0) -> float:
    """Give a number.

    Parameters
    ----------
    first : int
        Of them.
    *rest : int
        The others.
    seed
        As for `other`.

    Returns
    -------
    float
        In [0, 1].

    Raises
    ------
    ValueError
        Never.
    """
    if first is None:
        raise ValueError(first)


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("Give a number.", "Give a number", "no summary of one sentence"),
        ("first : int\n", "frist : int\n", "first: not documented"),
        ("first : int\n", "first, first : int\n", "first: documented twice"),
        ("seed\n        As for `other`.", "seed\n        Of the draw.", "seed: no type"),
        ("seed\n        As for `other`.", "", "seed: not documented"),
        ("*rest : int", "rest : int", "rest: documented, and not there"),
        ("Returns\n", "Return\n", "no Returns"),
        ("ValueError\n", "KeyError\n", "raises ValueError"),
    ],
)
def test_faults_are_found(old, new, fault, monkeypatch):
    assert faults(one_that_agrees) == []
    assert old in one_that_agrees.__doc__
    monkeypatch.setattr(one_that_agrees, "__doc__", one_that_agrees.__doc__.replace(old, new))
    assert fault in faults(one_that_agrees)


def test_faults_of_a_class_are_found():
    @dataclasses.dataclass
    class Pair:
        """Two numbers.

        Attributes
        ----------
        left : int
            The first.
        """

        left: int
        right: int

    assert faults(Pair) == ["right: not documented"]


def example(page):
    return re.search(r"^```python\n(.*?)^```$", (PAGES / f"{page}.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)[1]


@pytest.mark.parametrize("page", ["audit", "datasets", "generative", "metrics", "papers", "plots", "runs", "widgets"])
def test_an_example_runs(page, cache_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONLIB_CACHE", str(cache_folder))
    monkeypatch.setenv("LESIONLIB_RESULTS", str(ROOT / "results"))
    monkeypatch.setenv("LESIONLIB_RUNS", str(tmp_path / "runs"))
    exec(example(page), {})


@pytest.mark.slow
def test_examples_that_train_run(cache_folder, tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONLIB_CACHE", str(cache_folder))
    monkeypatch.chdir(tmp_path)
    trained = {}
    exec(example("learners"), trained)
    exec(example("probes"), trained)
    assert trained["heat"].shape == (3, 64, 64)
    assert trained["table"]["strength"].tolist() == [0, 1, 2]
    images_only = example("learners").replace(', clinical=["age", "sex", "site"]', "")
    assert images_only != example("learners")
    exec(images_only, trained)
    exec(example("own_image"), trained)
    assert set(trained["answer"].table["class"]) == set(trained["lesions"].classes)


def test_names_in_the_example_of_a_kit_are_there():
    called = set(re.findall(r"\bkit\.(\w+)", example("kit"))) - {"Contents"}
    assert called == {"Target", "read_packages", "pack", "readable"} <= set(kit.__all__)


@pytest.fixture
def docstrings(monkeypatch):
    """The extension that links names, with what it knows of three rooms."""
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    api = importlib.import_module("api")
    known = {}
    for top in ("lesionlib.metrics", "lesionlib.errors", "lesionlib.runs"):
        for path, room in api.rooms_of(top).items():
            known |= {path: room} | {f"{path}.{name}": getattr(room, name) for name in api.public_names(room)}
    monkeypatch.setattr(sys.modules["docstrings"], "KNOWN", known)
    return sys.modules["docstrings"]


@pytest.mark.parametrize(
    ("name", "place", "leads_to"),
    [
        ("report", "lesionlib.metrics", "lesionlib.metrics.report"),
        ("report", "lesionlib.metrics.decisions.ranking", "lesionlib.metrics.report"),
        ("difference", "lesionlib.metrics.readers.rates", "lesionlib.metrics.readers.difference"),
        ("difference", "lesionlib.metrics.over_seeds", "lesionlib.metrics.difference"),
        ("metrics.roc", "lesionlib.widgets.cutoff_explorer", "lesionlib.metrics.roc"),
        ("Sweep.table", "lesionlib.runs.summary", "lesionlib.runs.Sweep.table"),
        ("table", "lesionlib.runs.Sweep", "lesionlib.runs.Sweep.table"),
        ("InputError", "lesionlib.datasets.load", "lesionlib.errors.InputError"),
        ("Answers", "lesionlib.widgets.Study", None),  # two rooms have one
        ("y_true", "lesionlib.metrics.report", None),
    ],
)
def test_a_name_leads_to_the_nearest_entry(docstrings, name, place, leads_to):
    assert docstrings.resolved(name, place) == leads_to


def test_what_is_no_public_name_is_code_and_a_lost_name_is_a_warning(docstrings, monkeypatch):
    said = []
    monkeypatch.setattr(docstrings._log, "warning", lambda text, *args: said.append(text % args))
    text = "See `report` and `report()`, ``report``, :py:obj:`x <y>`, `labels`, `metrics.no_such` and `Sweep.todo`."
    shown = docstrings.linked(text, "lesionlib.metrics.cutoff", own=("labels",))
    assert shown == [
        "See :py:obj:`report <lesionlib.metrics.report>` and :py:obj:`report() <lesionlib.metrics.report>`, "
        "``report``, :py:obj:`x <y>`, ``labels``, ``metrics.no_such`` and ``Sweep.todo``."
    ]
    assert len(said) == 1 and "'metrics.no_such'" in said[0]
    assert docstrings.linked("the `report`", "lesionlib.metrics.plot", own=("report",)) == ["the ``report``"]


def test_a_page_shows_what_users_import(docstrings, tmp_path):
    """A small book of two rooms, built with the book's own settings and warnings as errors."""
    from sphinx.application import Sphinx
    from sphinx.util.docutils import docutils_namespace

    book = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))["sphinx"]
    settings = {name: value for name, value in book["config"].items() if name.startswith(("auto", "napoleon", "api"))}
    extensions = ["myst_parser", *book["extra_extensions"], "api"]
    pages = tmp_path / "book" / "api"
    pages.mkdir(parents=True)
    for room in ("papers", "errors"):
        (pages / f"{room}.md").write_text(f"# {room}\n\n```{{api}} lesionlib.{room}\n```\n")
    (tmp_path / "index.md").write_text("# Book\n\n```{toctree}\nbook/api/papers\nbook/api/errors\n```\n")
    options = {"nitpicky": True, "extensions": extensions, "html_theme": "basic", **settings}
    out = tmp_path / "html"
    with docutils_namespace():
        Sphinx(tmp_path, None, out, tmp_path / "trees", "html", options, status=None, warningiserror=True).build()
    shown = (out / "book" / "api" / "papers.html").read_text(encoding="utf-8")
    for name in ("load", "available", "Paper", "Paper.claims", "Contest.results"):
        assert f'id="lesionlib.papers.{name}"' in shown
    assert 'href="errors.html#lesionlib.errors.InputError"' in shown
    assert not re.search(r"lesionlib\.papers\.(loader|schema)|model_config|BaseModel", shown)
    assert "DataFrame" not in re.search(r"<dt[^>]*papers\.load.*?</dt>", shown, re.DOTALL)[0]
