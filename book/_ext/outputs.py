"""What the cells of a notebook show, made ready for readers of a page.

pandas writes its tables for a notebook. Here numbers stand right under their heading, with one row of headings where
one is enough, and a screen reader hears which cells are headings, and of what. Tables and figures that are wider than
the page get a box of their own that scrolls. Links to other chapters lead to their pages.
"""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, Tag
from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform

_NUMBER = r"[-+−]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_FIGURE = rf"(?:[a-z] ?[=<] ?)?{_NUMBER}(?: ?%| points?)?"
# A number; a number with its interval or with what it was counted from; an interval or a count alone.
_NUMERIC = re.compile(rf"{_FIGURE}(?: ?\({_FIGURE}(?: (?:to|of) {_FIGURE})?\)(?: ?%)?)?|{_FIGURE} (?:to|of) {_FIGURE}")
# What stands for a number that is not there.
_NO_NUMBER = {
    *("", "-", "–", "—", "nan", "<na>", "none"),
    *("not run", "not run here", "not printed", "not known", "has no answer"),
}
_NAMED = 6  # headings that name a table to a screen reader
_LONG = 40  # lines, from which a table scrolls under its headings
_LINE = 30  # letters of a cell on a line, about


class ReadableTables(SphinxPostTransform):
    """Every table of a data frame among the outputs of the page."""

    default_priority = 500  # after MyST-NB has chosen which form of an output is shown
    formats = ("html",)

    def run(self, **kwargs):
        for node in list(self.document.findall(nodes.raw)):
            if "html" in node.get("format", "").split() and "dataframe" in node.astext():
                node.replace_self(nodes.raw("", readable(node.astext()), **node.attributes))


class BoxedFigures(SphinxPostTransform):
    """Every picture that stands alone among the outputs of a cell."""

    default_priority = ReadableTables.default_priority
    formats = ("html",)

    def run(self, **kwargs):
        for cell in self.document.findall(_is_output):
            for shown in [node for node in cell.children if _holds_a_picture(node)]:
                # The theme's script knows this class, too.
                box = nodes.container(classes=["output", "picture"])
                shown.replace_self(box)
                box += shown


class LinkedChapters(SphinxPostTransform):
    """Links to another notebook in text that a cell displays: MyST knows those of Markdown cells only."""

    default_priority = ReadableTables.default_priority
    formats = ("html",)

    def run(self, **kwargs):
        for link in self.document.findall(nodes.reference):
            file, hash_, anchor = link.get("refuri", "").partition("#")
            page = f"{self.env.docname.rpartition('/')[0]}/{file.removesuffix('.ipynb')}"
            if file.endswith(".ipynb") and page in self.env.found_docs:
                link["refuri"] = self.app.builder.get_relative_uri(self.env.docname, page) + hash_ + anchor
                link["internal"] = True


def setup(app):
    app.add_post_transform(ReadableTables)
    app.add_post_transform(BoxedFigures)
    app.add_post_transform(LinkedChapters)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _is_output(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and "cell_output" in node["classes"]


def _holds_a_picture(node: nodes.Node) -> bool:
    return isinstance(node, nodes.image | nodes.figure) and next(node.findall(nodes.image), None) is not None


def readable(html: str) -> str:
    """Return an output's HTML with its data frames' tables aligned, named and in a box that scrolls."""
    soup = BeautifulSoup(html, "html.parser")
    for style in soup.select("style[scoped]"):
        style.decompose()  # pandas' own, which says the opposite of the book's
    for table in soup.select("table.dataframe"):
        _without_looks(table)
        _join_index_names(table)
        _align_numbers(table)
        _keep_figures_whole(table, soup)
        _say_headings(table)
        # The class is the theme's: its script lets the keyboard reach the box when it scrolls.
        looks = "pst-scrollable-table-container long" if _is_long(table) else "pst-scrollable-table-container"
        box = {"class": looks, "role": "group", "aria-label": _name(table)}
        table.wrap(soup.new_tag("div", attrs=box))
    return str(soup)


def _without_looks(table: Tag) -> None:
    del table["border"]
    for row in table.select("tr[style]"):
        del row["style"]


def _join_index_names(table: Tag) -> None:
    """Move the names of the index into the row above, where pandas left room for them."""
    rows = table.select("thead > tr")
    if len(rows) < 2:
        return
    above, names = (row.find_all("th", recursive=False) for row in rows[-2:])
    texts = [(_text(cell), _text(name)) for cell, name in zip(above, names, strict=False)]
    if len(above) != len(names) or any(cell.has_attr("colspan") for cell in above) or any(all(t) for t in texts):
        return
    for cell, name in zip(above, names, strict=True):
        if _text(name):
            cell.replace_with(name.extract())
    rows[-1].decompose()


def _align_numbers(table: Tag) -> None:
    columns: dict[int, list[Tag]] = {}
    for row in _grid(table.select("tbody > tr")):
        for column, cell in row.items():
            if cell.name == "td":
                columns.setdefault(column, []).append(cell)
    numeric = {column for column, cells in columns.items() if _is_numeric([_text(cell) for cell in cells])}
    for row in _grid(table.select("thead > tr")):
        for column, cell in row.items():
            if column in numeric and not cell.has_attr("colspan"):
                columns[column].append(cell)
    for cell in (cell for column in numeric for cell in columns[column]):
        cell["class"] = [*cell.get("class", []), "text-right"]


def _keep_figures_whole(table: Tag, soup: BeautifulSoup) -> None:
    """Let a line end between a number and its interval, not within either."""
    for cell in table.select("tbody td"):
        text = cell.string or ""
        if " " not in text.strip() or not _NUMERIC.fullmatch(text.strip()):
            continue
        number, bracket, interval = text.partition(" (")
        cell.string = ""
        for i, part in enumerate([number, f"({interval}"] if bracket else [number]):
            whole = soup.new_tag("span", attrs={"class": "figure-whole"})
            whole.string = part
            cell.extend([" ", whole] if i else [whole])


def _grid(rows: list[Tag]) -> list[dict[int, Tag]]:
    """Return, for each row, the cell that begins in each column; a cell may reach over several rows and columns."""
    taken: dict[tuple[int, int], bool] = {}
    grid = []
    for i, row in enumerate(rows):
        found: dict[int, Tag] = {}
        column = 0
        for cell in row.find_all(["td", "th"], recursive=False):
            while taken.get((i, column)):
                column += 1
            found[column] = cell
            high, wide = (int(cell.get(name, 1)) for name in ("rowspan", "colspan"))
            taken |= {(i + down, column + right): True for down in range(high) for right in range(wide)}
        grid.append(found)
    return grid


def _is_numeric(texts: list[str]) -> bool:
    told = [text for text in texts if text.lower() not in _NO_NUMBER]
    return bool(told) and all(_NUMERIC.fullmatch(text) for text in told)


def _say_headings(table: Tag) -> None:
    for part, scope in (("thead", "col"), ("tbody", "row")):
        for cell in table.select(f"{part} > tr > th"):
            if not _text(cell):
                cell.name = "td"  # an empty corner is the heading of nothing
            else:
                group = "group" if cell.has_attr("colspan" if scope == "col" else "rowspan") else ""
                cell["scope"] = f"{scope}{group}"
                if scope == "row" and len(_text(cell)) > _LINE // 2:
                    cell["class"] = [*cell.get("class", []), "words"]


def _name(table: Tag) -> str:
    heads = [text for text in (_text(cell) for cell in table.select("thead th")) if text]
    more = ["and more"] if len(heads) > _NAMED else []
    return f"Table: {', '.join([*heads[:_NAMED], *more])}" if heads else "Table"


def _is_long(table: Tag) -> bool:
    lines = 0
    for row in table.select("tbody > tr"):
        lines += max((1 + len(_text(cell)) // _LINE for cell in row.find_all(["td", "th"])), default=0)
    return lines > _LONG


def _text(cell: Tag) -> str:
    return " ".join(cell.get_text(" ").split())
