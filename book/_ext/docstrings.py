"""Docstrings as the reference shows them: what stands in single backticks is a link, or code.

A public name of the library, such as ``report`` or ``learners.predict``, becomes a link; a parameter, a column or a
path becomes code. Two things are warnings, since a name may have changed since the text was written: a dotted name
that begins with a name of ours and leads nowhere, and a type that is neither ours nor one of `api_external_types`.
"""

from __future__ import annotations

import builtins
import inspect
import re
from typing import Any

from sphinx.ext.napoleon import NumpyDocstring
from sphinx.util import logging

# Every public name, and what stands there; filled by `api` before a page is read.
KNOWN: dict[str, Any] = {}
OURS = "lesionlib"

_log = logging.getLogger(__name__)
# Roles and code come first, so that no backtick of theirs is taken for the beginning of a name.
_BACKTICKED = re.compile(r":[\w:]+:`[^`]*`|``.*?``|`([^`<>]+)`(?!_)", re.DOTALL)
# The type of a parameter, and of what is returned, as napoleon writes them.
_TYPE = re.compile(r"(?<=\*\* )\(\*(?P<of>[^*]+)\*\)|^(?P<head>:returns: (?:\* )?|\s+\* )\*(?P<back>[^*]+)\*(?= --|$)")
_DOTTED = re.compile(r"[A-Za-z_]\w*(?:\.\w+)+")
_WORD = re.compile(r"\"[^\"]*\"|[A-Za-z_][\w.]*|[*|`]")


def setup(app):
    app.add_config_value("api_external_types", [], "env")
    # After napoleon, which comes at 500.
    app.connect("autodoc-process-docstring", _process, priority=900)
    app.connect("autodoc-process-docstring", _property, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def linked(text: str, place: str, own: tuple[str, ...] = ()) -> list[str]:
    """The lines of a docstring of `place`, its backticks resolved; `own` are names of its parameters."""

    def role(found: re.Match) -> str:
        if found[1] is None:
            return found[0]
        name = found[1].removesuffix("()").replace("\n", " ")
        full = None if name in own else resolved(name, place)
        if full:
            return f":py:obj:`{found[1]} <{full}>`"
        head = name.partition(".")[0]
        if _DOTTED.fullmatch(name) and (head == OURS or resolved(head, place)) and not _field(name, place):
            _log.warning("%s: %r is no public name of the library", place, name)
        return f"``{found[1]}``"

    return _BACKTICKED.sub(role, text).splitlines()


def resolved(name: str, place: str) -> str | None:
    """The full name of what `name` means in `place`: the innermost room that has it, or a class of one room alone."""
    parts = place.split(".")
    nearest = [".".join([*parts[:depth], name]) for depth in range(len(parts), 0, -1)]
    head, _, member = name.partition(".")
    classes = [full for full in KNOWN if head[:1].isupper() and full.rpartition(".")[2] == head]
    anywhere = [f"{classes[0]}.{member}".rstrip(".")] if len(classes) == 1 else []
    return next(filter(None, map(_entry, [*nearest, name, *anywhere])), None)


def _entry(full: str) -> str | None:
    """The name under which an entry stands: a public name, or a method or property of a public class or its base."""
    if full in KNOWN:
        return full
    owner, _, name = full.rpartition(".")
    if not inspect.isclass(KNOWN.get(owner)) or name.startswith("_"):
        return None
    base = next((base for base in KNOWN[owner].__mro__ if name in vars(base)), None)
    value = vars(base)[name] if base else None
    value = getattr(value, "__func__", getattr(value, "fget", getattr(value, "func", value)))
    if not inspect.isfunction(value) or not value.__module__.startswith(OURS) or not value.__doc__:
        return None
    return next((f"{public}.{name}" for public, known in KNOWN.items() if known is base), None)


def _field(name: str, place: str) -> bool:
    """Whether it is an attribute that the text of its class describes."""
    owner, _, field = name.partition(".")
    value = KNOWN.get(resolved(owner, place))
    return inspect.isclass(value) and bool(re.search(rf"^(?:\w+, )*{field}(?:, \w+)* : ", inspect.getdoc(value), re.M))


def _property(app, what, name, value, options, lines):
    """Read a property's text as a method's: napoleon takes what stands before its first colon for a type."""
    if what == "property":
        as_method = NumpyDocstring("\n".join(lines), app.config, app, "method", name, value, options)
        lines[:] = ["..", "", *as_method.lines()]


def _process(app, what, name, value, options, lines):
    if what == "module":
        return
    own = tuple(_parameters(value))
    external = set(app.config.api_external_types)
    typed = [_TYPE.sub(lambda found: _typed(found, name, external), line) for line in lines]
    lines[:] = linked("\n".join(typed), name, own)


def _parameters(value: Any) -> list[str]:
    try:
        return list(inspect.signature(value).parameters)
    except (TypeError, ValueError):
        return []


def _typed(found: re.Match, place: str, external: set[str]) -> str:
    def word(found: re.Match) -> str:
        name = found[0]
        full = resolved(name, place) if name[0].isalpha() else None
        named = name[0].isupper() and len(name) > 1
        if full and named:
            return f":py:obj:`{name} <{full}>`"
        if named and "." not in name and not hasattr(builtins, name) and name not in external:
            _log.warning("%s: the type %r is neither a public class nor one of api_external_types", place, name)
        return rf"\{name}" if name in "*|`" else name

    text = _WORD.sub(word, found["of"] or found["back"])
    return f"({text})" if found["of"] else f"{found['head']}{text}"
