"""Walk what a reader reads: the prose of Markdown and of notebooks, section by section, each with its code.

Code, formulas, roles, addresses and directive options are left out: a small square stands in their place. What
stands in a directive is prose if a reader sees it (a note, a caption), and nothing where a program writes it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.colon_fence import colon_fence_plugin
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.front_matter import front_matter_plugin
from mdit_py_plugins.myst_blocks import myst_block_plugin
from mdit_py_plugins.myst_role import myst_role_plugin

LEFT_OUT = "□"
# Directives whose content is read, and those whose argument is.
_HOLD_PROSE = {"admonition", "note", "warning", "tip", "important", "dropdown", "figure", "glossary", "seealso"}
_TITLED = {"admonition", "dropdown"}
_DIRECTIVE = re.compile(r"^\{([\w-]+)\}\s*(.*)$")
_OPTION = re.compile(r"^:[\w-]+:.*$")
# Names in roles are read, too: {term}`melanoma <x>`.
_READ_ROLES = {"term"}


@dataclass(frozen=True)
class Passage:
    """A paragraph, a cell of a table, a heading, or a text that code shows; `is_row`: a row of a table in code."""

    text: str
    where: str
    is_code: bool = False
    is_row: bool = False


@dataclass
class Section:
    """From one heading to the next: what is read, and the code beside it."""

    file: str
    title: str
    passages: list[Passage] = field(default_factory=list)
    code: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """All that names something here: prose, citations and code."""
        return "\n".join([self.title, *self._raw, *self.code])

    def __post_init__(self):
        self._raw: list[str] = []


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark").enable("table")
    for plugin in (colon_fence_plugin, deflist_plugin, front_matter_plugin, myst_block_plugin, myst_role_plugin):
        parser.use(plugin)
    return parser.use(dollarmath_plugin, double_inline=True)


def markdown_sections(text: str, file: str) -> list[Section]:
    """Part a page of Markdown into its sections."""
    found = [Section(file, "")]
    _add_markdown(found, text, file, 0, lambda line: f"line {line}")
    return found


def quoted_code(text: str) -> tuple[list[tuple[str, str]], list[str]]:
    """Code that a page quotes: its fences, each with its language, and its spans, also those within notes."""
    fences, spans = [], []
    for token in _parser().parse(text):
        if token.type == "inline":
            spans += [child.content for child in token.children or () if child.type == "code_inline"]
        elif token.type in ("fence", "colon_fence"):
            directive = _DIRECTIVE.match(token.info.strip())
            if directive and directive[1] in _HOLD_PROSE:
                inner = quoted_code(token.content)
                fences, spans = fences + inner[0], spans + inner[1]
            elif not directive:
                fences.append((token.info.strip(), token.content))
    return fences, spans


def notebook_sections(path: Path) -> list[Section]:
    """Part a notebook into its sections: Markdown cells, captions, and texts in the code."""
    file, found = path.name, [Section(path.name, "")]
    for number, cell in enumerate(nbformat.read(path, as_version=4).cells):
        if cell.cell_type == "markdown":
            _add_markdown(found, cell.source, file, 0, lambda _, number=number: f"cell {number}")
        elif cell.cell_type == "code":
            _add_code(found[-1], cell, f"cell {number}")
    return found


def rendered(text: str) -> str:
    """Return Markdown as a page shows it, spans of code included."""
    said = []
    for token in _parser().parse(text):
        for child in token.children or ():
            said.append(child.content if child.type != "softbreak" else " ")
        said.append(token.content if token.type in ("fence", "code_block") else " ")
    return "".join(said)


def read_texts(source: str) -> Iterator[str]:
    """Texts of code that may come before a reader's eye: each string with a blank in it, f-strings in one piece.

    What an f-string fills in from the run stands as a square; a figure that is filled in as a literal stands as it is.
    """
    tree = code_tree(source)
    for node in _strings(tree) if tree else ():
        text = _joined(node).strip()
        if re.search(r"\s", text):
            yield " ".join(_read(token) for token in _parser().parseInline(text))


def typed_rows(source: str) -> Iterator[str]:
    """Figures that code holds beside the words that name them: ``("ResNet-18, test", 592)``, ``{"no error": 40}``."""
    tree = code_tree(source)
    for node in ast.walk(tree) if tree else ():
        if isinstance(node, ast.Tuple | ast.List):
            words = [text for each in node.elts if (text := _name(each))]
            figures = [figure for each in node.elts if (figure := _figure(each))]
            if words and figures:
                yield f"{words[0]}: {'; '.join(figures)}"
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if (words := _name(key)) and (figure := _figure(value)):
                    yield f"{words}: {figure}"


def _name(node: ast.AST | None) -> str:
    """Return a text of two words or more."""
    text = node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
    return text if re.search(r"\w\W*\s\W*\w", text) else ""


def _figure(node: ast.AST) -> str:
    """Return a number as a reader would see it; small whole ones count or choose something."""
    value = node.value if isinstance(node, ast.Constant) else None
    if type(value) not in (int, float) or (value == int(value) and value < 10):
        return ""
    return str(value)


def code_tree(source: str) -> ast.Module | None:
    """Parse the code of a cell or of a fence; None if it is no Python."""
    try:
        return ast.parse(_plain(source))
    except SyntaxError:
        return None


def _add_markdown(found: list[Section], text: str, file: str, start: int, place) -> None:
    lines = text.splitlines()
    tokens = _parser().parse(text)
    for k, token in enumerate(tokens):
        line = start + (token.map[0] if token.map else 0) + 1
        if token.type == "heading_open":
            found.append(Section(file, _read(tokens[k + 1])))
        if token.type == "inline":
            found[-1].passages.append(Passage(_read(token), place(line)))
            found[-1]._raw.append(token.content)
        elif token.type in ("fence", "colon_fence"):
            _add_fence(found, token, file, line, place)
        elif token.type == "code_block":
            found[-1].code.append("\n".join(lines[token.map[0] : token.map[1]]))


def _add_fence(found: list[Section], token: Token, file: str, line: int, place) -> None:
    directive = _DIRECTIVE.match(token.info.strip())
    if not directive:
        found[-1].code.append(token.content)
        return
    name, title = directive.groups()
    if name not in _HOLD_PROSE:
        return
    if name in _TITLED and title:
        found[-1].passages.append(Passage(title, place(line)))
    kept = [text for text in token.content.splitlines() if not _OPTION.match(text)]
    skipped = len(token.content.splitlines()) - len(kept)
    _add_markdown(found, "\n".join(kept), file, line + skipped, place)


def _add_code(section: Section, cell, where: str) -> None:
    section.code.append(cell.source)
    section.passages += [Passage(text, where, is_code=True) for text in read_texts(cell.source)]
    section.passages += [Passage(text, where, is_code=True, is_row=True) for text in typed_rows(cell.source)]
    shown = cell.metadata.get("mystnb", {})
    for text in (shown.get("figure", {}).get("caption"), shown.get("image", {}).get("alt")):
        if text:
            section.passages.append(Passage(text, f"{where}, caption or alternative text"))


def _read(token: Token) -> str:
    """Return the words of an inline token."""
    said = []
    for child in token.children or ():
        if child.type == "text":
            said.append(child.content)
        elif child.type in ("softbreak", "hardbreak"):
            said.append(" ")
        elif child.type == "image":
            said.append(child.content)
        elif child.type == "myst_role" and child.meta["name"] in _READ_ROLES:
            said.append(re.sub(r"\s*<[^>]*>$", "", child.content))
        elif child.type in ("code_inline", "myst_role", "math_inline", "html_inline"):
            said.append(LEFT_OUT)
    return "".join(said)


def _plain(source: str) -> str:
    """Return the code without lines that only a notebook knows."""
    return re.sub(r"^\s*[%!].*$", "pass", source, flags=re.M)


def _strings(tree: ast.AST) -> Iterator[ast.AST]:
    """Strings and f-strings, each as one; no docstring."""
    skipped = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.FunctionDef | ast.ClassDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    waiting = [tree]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.JoinedStr):
            yield node
            waiting += [part.value for part in node.values if isinstance(part, ast.FormattedValue)]
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            yield node
        waiting += ast.iter_child_nodes(node)


def _joined(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        elif isinstance(part.value, ast.Constant):
            parts.append(str(part.value.value))
        else:
            parts.append(LEFT_OUT)
    return "".join(parts)
