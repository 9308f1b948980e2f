"""The built book without a browser: links, anchors, pictures and their texts, and what must not stand on a page."""

from __future__ import annotations

import base64
import io
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from built_book import BOOK, PAGES, content, every_page, needs_book, parsed
from PIL import Image

pytestmark = [pytest.mark.slow, needs_book]

_FILE_NAME = re.compile(r"\S+\.(?:png|jpe?g|svg|gif|webp)|[0-9a-f]{16,}", re.IGNORECASE)
_MACHINE = re.compile(r"(?<![\w.~])/(?:home|root|tmp|work|Users|mnt|opt|var)/|\b[A-Z]:\\Users", re.IGNORECASE)
_RAW = {
    "a progress bar": re.compile(r"\d+%\|.*\||it/s\]|s/it\]|[█▏▎▍▌▋▊▉]{2}"),
    "a warning": re.compile(r"\b(?:\w+Warning|Warning|WARNING)\s*:|\bwarnings\.warn\("),
    "an error": re.compile(r"Traceback \(most recent call last\)|\b\w+Error: "),
    "markup": re.compile(r"\$[^$\n]{1,80}\$|\{[a-z:-]+\} ?`|\*\*\w[^*]*\w\*\*(?!\w)|\]\(\S+\)|:::"),
}


@cache
def anchors(page: str) -> frozenset[str]:
    named = [tag.get("id") or tag.get("name") for tag in parsed(page).find_all(lambda t: t.get("id") or t.get("name"))]
    return frozenset(named)


def target(page: str, link: str) -> tuple[Path, str] | None:
    """Return the file and the anchor that a link inside the book leads to; None where it leads out."""
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return None
    path = (BOOK / page).parent / unquote(parts.path) if parts.path else BOOK / page
    return path.resolve(), unquote(parts.fragment)


def test_the_book_has_its_pages():
    assert {"index.html", "search.html", "genindex.html"} <= set(PAGES)
    assert len([page for page in PAGES if page.startswith("notebooks/")]) >= 11
    assert len([page for page in PAGES if page.startswith("book/")]) >= 13


@every_page
def test_links_inside_the_book_lead_somewhere(page):
    links = {
        str(tag[name])
        for name in ("href", "src")
        for tag in parsed(page).find_all(attrs={name: True})
        if not str(tag[name]).startswith(("data:", "javascript:"))
    }
    assert sorted(link for link in links if is_lost(page, link)) == []


def is_lost(page: str, link: str) -> bool:
    found = target(page, link)
    if found is None:
        return False
    file, anchor = found
    file = file / "index.html" if file.is_dir() else file
    if not file.is_relative_to(BOOK) or not file.is_file():
        return True
    is_page = file.suffix == ".html"
    return bool(anchor) and is_page and anchor not in anchors(file.relative_to(BOOK).as_posix())


def test_links_are_really_looked_at():
    assert target("book/a.html", "https://doi.org/10.1") is None
    assert target("book/a.html", "../notebooks/b.html#c") == (BOOK / "notebooks" / "b.html", "c")
    assert target("book/a.html", "#c%20d") == (BOOK / "book" / "a.html", "c d")
    assert not is_lost("book/welcome.html", "how_to.html") and not is_lost(
        "index.html", "book/how_to.html#main-content"
    )
    lost = (
        "no_such_page.html",
        "#no-such-place",
        "how_to.html#no-such-place",
        "../../outside.html",
        "../_images/no.png",
    )
    assert all(is_lost("book/welcome.html", link) for link in lost)


@every_page
def test_pictures_are_whole(page):
    for picture in content(page).find_all("img"):
        source = str(picture["src"])
        kind, _, data = source.partition(";base64,")
        if kind.startswith("data:"):
            image = io.BytesIO(base64.b64decode(data, validate=True))
        else:
            image = target(page, source)[0]
        with Image.open(image) as opened:
            opened.verify()


@every_page
def test_pictures_say_in_words_what_they_show(page):
    """For who does not see them: a sentence, not the name of a file."""
    dumb = [str(picture)[:120] for picture in content(page).find_all("img") if not tells(picture.get("alt") or "")]
    assert dumb == []


def tells(words: str) -> bool:
    return len(words.split()) >= 5 and not _FILE_NAME.search(words)


def test_a_text_that_tells_is_told_from_one_that_does_not():
    assert tells("ROC curve of melanoma with its cut-off")
    assert not any(
        map(tells, ("", "ROC curve", "_images/67b17c1066.png is what stands here", "67b17c106636728504 a b c d"))
    )


@every_page
def test_nothing_raw_stands_on_the_page(page):
    """No progress bar, no warning, no traceback, no markup; code may speak of them."""
    main = content(page)
    assert main.select(".output.stderr, .output.traceback, progress") == []
    words = [text for text in main.find_all(string=True) if not text.find_parent(["code", "script", "style"])]
    words = [text for text in words if not text.find_parent("div", class_="highlight")]
    raw = [f"{what}: {text[:200]}" for text in words for what, pattern in _RAW.items() if pattern.search(text)]
    assert raw == []


@every_page
def test_no_path_of_a_machine_stands_on_the_page(page):
    text = parsed(page).get_text(" ")
    found = [text[max(0, hit.start() - 40) : hit.end() + 40] for hit in _MACHINE.finditer(text)]
    assert found == []
    assert str(Path.home()) == "/" or str(Path.home()) not in text


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("a progress bar", "epoch 1:  45%|####5     | 9/20 [00:01<00:01,  8.5it/s]"),
        ("a warning", "x.py:3: UserWarning: deprecated"),
        ("an error", "Traceback (most recent call last)"),
        ("markup", "so that $p$ is 42 %"),
        ("markup", "see {cite}`mendes2018`"),
    ],
)
def test_what_is_raw_is_recognized(what, text):
    assert _RAW[what].search(text)
    assert not _RAW[what].search("Warnings and errors: 45% of 20 images, a table | of figures")
    assert _MACHINE.search("saved in /home/me/runs") and not _MACHINE.search("see https://a.b/home/x and ~/runs")
