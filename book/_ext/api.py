"""The reference: directives ``{api} ROOM``, ``{api-rooms}`` and ``{api-command}``, filled from docstrings.

``{api} lesionlib.metrics`` gives a table and an entry of each public name of a room: those of its ``__all__``, under
the name that users import, wherever the code stands. Names in single backticks become links in `docstrings`.
"""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from enum import Enum
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import docstrings
from generated import written
from pydantic import BaseModel
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import stringify_signature

_PACKAGE = "lesionlib"
_PAGES = "book/api/"
# In this order on a page.
_KINDS = ("autofunction", "autoclass", "autoexception", "data")
_LONGEST_VALUE = 90
_FUNCTION = re.compile(r"<(?:built-in )?function (?:\w+\.)*(\w+)>")


def setup(app):
    app.setup_extension("docstrings")
    app.add_directive("api", Entries)
    app.add_directive("api-rooms", Rooms)
    app.add_directive("api-command", Command)
    app.connect("builder-inited", _know)
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    app.connect("autodoc-process-bases", _bases)
    app.connect("autodoc-process-docstring", _of_constant, priority=950)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def public_names(room: ModuleType) -> list[str]:
    """Names that a room offers: those of ``__all__``, else of the functions and classes that it defines."""
    if hasattr(room, "__all__"):
        return list(room.__all__)
    own = [name for name, value in vars(room).items() if getattr(value, "__module__", None) == room.__name__]
    return [name for name in own if name.isidentifier() and not name.startswith("_")]


def rooms_of(name: str) -> dict[str, ModuleType]:
    """A room and the rooms that its public names hold, by full name."""
    room = importlib.import_module(name)
    inner = [each for each in public_names(room) if inspect.ismodule(getattr(room, each))]
    return {name: room} | {path: found for each in inner for path, found in rooms_of(f"{name}.{each}").items()}


class Entries(SphinxDirective):
    """A table of a room's public names, and an entry of each; a room inside another is introduced by its docstring."""

    required_arguments = 1

    def run(self):
        name = self.arguments[0]
        room = importlib.import_module(name)
        kinds = {each: _kind(getattr(room, each)) for each in public_names(room)}
        shown = sorted((each for each in kinds if kinds[each]), key=lambda each: _KINDS.index(kinds[each]))
        inner = name.count(".") > 1
        # The comment keeps the module's anchor from what follows, which may be nothing on the page.
        lines = [f".. py:module:: {name}", "", "..", ""]
        lines += [*(docstrings.linked(inspect.getdoc(room), name) if inner else []), ""]
        if shown:
            lines += [".. autosummary::", "   :nosignatures:", "", *(f"   {each}" for each in shown)]
        for each in shown:
            lines += ["", *_entry(room, each, kinds[each])]
        return written(self, ["````{eval-rst}", *lines, "````"])


class Rooms(SphinxDirective):
    """One row a room that has a page: what it is for, in the first words of its docstring."""

    def run(self):
        lines = ["| room | what it is for |", "|---|---|"]
        for room in _rooms_with_a_page(self.env.found_docs):
            summary = inspect.getdoc(importlib.import_module(room)).partition("\n\n")[0].replace("\n", " ")
            lines.append(f"| [`{room}`]({room.rpartition('.')[2]}.md) | {summary} |")
        self.env.note_reread()
        return written(self, lines)


class Command(SphinxDirective):
    """The commands and their options, as typer itself writes them down."""

    def run(self):
        words = [sys.executable, "-m", "typer", f"{_PACKAGE}.cli", "utils", "docs", "--name", _PACKAGE]
        text = subprocess.run(words, capture_output=True, text=True, check=True).stdout
        # The title is the page's; what the lists of commands say stands below each command's own heading.
        text = re.sub(r"\*\*Commands\*\*:\n\n(\* .*\n)+", "", text.partition("\n")[2])
        return self.parse_text_to_nodes(text, allow_section_headings=True)


def _rooms_with_a_page(pages) -> list[str]:
    names = sorted(f"{_PACKAGE}.{page.removeprefix(_PAGES)}" for page in pages if page.startswith(_PAGES))
    return [name for name in names if find_spec(name)]


def _know(app):
    for name in [f"{_PACKAGE}.errors", *_rooms_with_a_page(app.env.project.discover())]:
        for path, room in rooms_of(name).items():
            docstrings.KNOWN[path] = room
            docstrings.KNOWN.update({f"{path}.{each}": getattr(room, each) for each in public_names(room)})


def _kind(value: Any) -> str | None:
    if inspect.ismodule(value):
        return None
    if inspect.isclass(value):
        return "autoexception" if issubclass(value, BaseException) else "autoclass"
    return "autofunction" if inspect.isroutine(inspect.unwrap(value)) else "data"


def _entry(room: ModuleType, name: str, kind: str) -> list[str]:
    value = getattr(room, name)
    if kind == "data":
        text = repr(value)
        shown = [f"   :value: {text}"] if isinstance(value, str | tuple) and len(text) < _LONGEST_VALUE else []
        return [f".. py:data:: {name}", *shown, "", *(f"   {line}" for line in constant(room, name))]
    if kind == "autofunction":
        return [f".. {kind}:: {name}"]
    options = ["   :undoc-members:"] if issubclass(value, Enum) else []
    options += ["   :show-inheritance:"] if _public(value.__bases__) else []
    return [f".. {kind}:: {name}", "   :members:", "   :member-order: bysource", *options]


def _public(classes) -> list[str]:
    return [f":py:class:`{name}`" for one in classes for name, value in docstrings.KNOWN.items() if value is one]


def constant(room: ModuleType, name: str) -> list[str]:
    """The text below a constant where it is defined, since a room only hands it on."""
    value = getattr(room, name)
    for path in [path for path in sys.modules if path.startswith(room.__name__)]:
        if getattr(sys.modules[path], name, None) is value:
            text = ModuleAnalyzer.for_module(path).find_attr_docs().get(("", name))
            if text:
                return docstrings.linked("\n".join(text), room.__name__)
    return []


def _signature(app, what, name, value, options, signature, returned):
    """No signature of what only the library makes, and functions as defaults by their names."""
    made = (BaseException, Enum, BaseModel)
    if what in ("class", "exception") and (issubclass(value, made) or hasattr(value, "_fields")):
        return "", None
    if what == "class" and signature == "(*args, **kwargs)":  # ipywidgets' metaclass hides what __init__ takes
        signature = stringify_signature(inspect.signature(value), show_annotation=False)
    return _FUNCTION.sub(r"\1", signature or ""), returned


def _skip(app, what, name, value, skip, options):
    """Leave out fields of named tuples, which their class's text describes, and what other libraries wrote."""
    module = getattr(inspect.unwrap(getattr(value, "fget", value)), "__module__", None) or _PACKAGE
    if type(value).__name__ == "_tuplegetter" or (callable(value) and not module.startswith(_PACKAGE)):
        return True
    return None


def _bases(app, name, value, options, bases):
    """Name bases as users import them, and only those that they can."""
    bases[:] = _public(bases)


def _of_constant(app, what, name, value, options, lines):
    if what == "data":
        room, _, own = name.rpartition(".")
        lines[:] = constant(sys.modules[room], own)
