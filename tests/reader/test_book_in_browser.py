"""Every page of the built book, opened: nothing fails, nothing comes from elsewhere, no fault for who cannot see."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from built_book import CHROMIUM, PAGES, STILL, needs_book

pytest.importorskip("axe_playwright_python", reason="needs axe-playwright-python")
from axe_checks import faults, faults_on_a_phone
from playwright.sync_api import TimeoutError

pytestmark = [
    pytest.mark.slow,
    needs_book,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"needs Chromium at {CHROMIUM}"),
]

# The front door only leads on.
every_page = pytest.mark.parametrize("page", [page for page in PAGES if page != "index.html"] or ["none"])
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
# One page of each kind: prose, generated boxes, measured times, tables and figures, sentences in tables.
DARK = (
    "book/welcome.html",
    "book/catalog.html",
    "book/speed.html",
    "notebooks/01_data.html",
    "notebooks/09_audit.html",
)
WIDER = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNFOLD = "() => document.querySelectorAll('details').forEach(each => { each.open = true; })"
BLANK = "[...document.images].filter(each => !each.naturalWidth).map(each => each.src)"
# A moment after something changed, the theme looks what scrolls and lets the keyboard reach it.
REACHED = """() => [...document.querySelectorAll("pre, .cell_output > .output, .pst-scrollable-table-container")].every(
  each => each.scrollWidth <= each.clientWidth || each.tabIndex === 0)"""


@dataclass(frozen=True)
class Visit:
    """What happened while a page was open, on a desktop and on a phone, with all that is folded unfolded."""

    complaints: tuple[str, ...]
    elsewhere: tuple[str, ...]
    too_wide: dict[str, int]
    blank_pictures: tuple[str, ...]
    faults: tuple[str, ...]


@pytest.fixture(scope="module")
def visit(browser, address):
    """Visit a page once for all tests."""
    context = browser.new_context(viewport=DESKTOP, color_scheme="light")
    kept = {}

    def visit(name):
        if name not in kept:
            kept[name] = _visit(context, f"{address}/{name}")
        return kept[name]

    yield visit
    context.close()


def _visit(context, url):
    complaints, elsewhere, too_wide, found = [], [], {}, []
    page = _opened(context, url, complaints, elsewhere)
    too_wide["desktop"] = page.evaluate(WIDER)
    found += faults(page)
    page.set_viewport_size(PHONE)
    settle(page)
    too_wide["phone"] = page.evaluate(WIDER)
    found += faults_on_a_phone(page)
    blank = page.evaluate(BLANK)
    page.close()
    return Visit(tuple(complaints), tuple(elsewhere), too_wide, tuple(blank), tuple(found))


def _opened(context, url, complaints, elsewhere):
    page = context.new_page()
    page.set_default_timeout(60_000)
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    page.on("response", lambda answer: complaints.append(f"{answer.status}: {answer.url}") if not answer.ok else None)
    own = (url[: url.index("/", len("http://"))], "data:")
    page.on("request", lambda asked: elsewhere.append(asked.url) if not asked.url.startswith(own) else None)
    page.goto(url)
    page.add_style_tag(content=STILL)
    page.evaluate(UNFOLD)
    settle(page)
    return page


def settle(page):
    """Give the page time to do what it does a moment after a change; what it has not done then, axe will find."""
    with contextlib.suppress(TimeoutError):
        page.wait_for_function(REACHED, timeout=5000)


@every_page
def test_the_page_opens_without_complaint(page, visit):
    assert visit(page).complaints == ()
    assert visit(page).elsewhere == ()
    assert visit(page).blank_pictures == ()


@every_page
def test_the_page_is_no_wider_than_the_screen(page, visit):
    assert visit(page).too_wide == {"desktop": 0, "phone": 0}


@every_page
def test_axe_finds_no_serious_fault(page, visit):
    assert visit(page).faults == ()


def test_the_front_door_leads_to_the_welcome(open_page):
    page = open_page("index.html")
    page.wait_for_url("**/book/welcome.html")


def test_numbers_of_tables_stand_right_and_words_left(open_page):
    page = open_page("notebooks/01_data.html")
    sides = "all => [...new Set(all.map(each => getComputedStyle(each).textAlign))]"
    cells = page.locator(".cell_output td.text-right, .cell_output th.text-right")
    assert cells.count() > 5 and cells.evaluate_all(sides) == ["right"]
    assert page.locator(".cell_output :is(td, th):not(.text-right, [colspan])").evaluate_all(sides) == ["left"]


@pytest.mark.parametrize("page", [page for page in DARK if page in PAGES] or ["none"])
def test_axe_finds_no_serious_fault_in_the_dark(page, browser, address):
    context = browser.new_context(viewport=DESKTOP, color_scheme="light")
    # As the button of the theme stores a reader's choice.
    context.add_init_script("localStorage.setItem('mode', 'dark'); localStorage.setItem('theme', 'dark');")
    try:
        opened = _opened(context, f"{address}/{page}", [], [])
        assert opened.evaluate("document.documentElement.dataset.theme") == "dark"
        assert faults(opened) == []
        # Figures are drawn in dark ink on white, which has to reach beyond their edge.
        pictures = "[...document.querySelectorAll('.cell_output img')]"
        grounds = opened.evaluate(f"{pictures}.map(each => getComputedStyle(each).backgroundColor)")
        assert set(grounds) <= {"rgb(255, 255, 255)"}
    finally:
        context.close()


def test_faults_that_are_there_are_found(browser, address):
    context = browser.new_context(viewport=PHONE)
    try:
        complaints, elsewhere = [], []
        page = _opened(context, f"{address}/book/welcome.html", complaints, elsewhere)
        assert faults(page) == []
        page.evaluate(
            """() => document.querySelector("article").insertAdjacentHTML("beforeend",
            "<p style='color: #ddd; background: #fff'>hardly to be read</p><button></button><img src='no.png'>"
            + "<div style='width: 9rem; overflow: auto; white-space: nowrap'>wider than its box by words</div>"
            + "<p style='width: 500px'>wider than a phone</p><img src='http://localhost:9/elsewhere.png'>")"""
        )
        page.wait_for_function("[...document.images].every(each => each.complete)")
        found = " ".join(faults(page) + faults_on_a_phone(page))
        names = ("color-contrast", "button-name", "image-alt", "scrollable-region-focusable")
        assert [name for name in names if f"{name} (" not in found] == []
        assert page.evaluate(WIDER) > 0
        assert any("no.png" in complaint for complaint in complaints)
        assert elsewhere == ["http://localhost:9/elsewhere.png"]
        assert len(page.evaluate(BLANK)) == 2
    finally:
        context.close()
