"""A reader at the keyboard, in the built book: search, navigation, folded solutions, the dark page."""

from __future__ import annotations

from pathlib import Path

import pytest
from built_book import BOOK, CHROMIUM, PAGES, STILL, needs_book, parsed

pytestmark = [
    pytest.mark.slow,
    needs_book,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"needs Chromium at {CHROMIUM}"),
]

CHAPTER = "notebooks/01_data.html"
PHONE = {"width": 390, "height": 844}
# What has the focus once the page is drawn, whether it is on the screen, and whether its looks say so.
FOCUS = """async () => {
  await new Promise(drawn => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  const found = document.activeElement, box = found.getBoundingClientRect(), looks = getComputedStyle(found);
  return {
    name: (found.getAttribute("aria-label") || found.textContent).trim().replace(/\\s+/g, " "),
    tag: found.tagName,
    part: found.closest("nav, #pst-primary-sidebar, article, #pst-skip-link, header, footer, dialog")?.className || "",
    seen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0,
    marked: (looks.outlineStyle !== "none" && parseFloat(looks.outlineWidth) > 0) || looks.boxShadow !== "none",
  };
}"""


def press_tab(page) -> dict:
    page.keyboard.press("Tab")
    return page.evaluate(FOCUS)


@pytest.mark.parametrize("page", ["book/welcome.html", CHAPTER])
def test_tab_leads_through_the_page_and_is_always_seen(page, open_page):
    opened = open_page(page)
    opened.add_style_tag(content=STILL)
    stops = [press_tab(opened) for _ in range(60)]
    assert stops[0]["name"] == "Skip to main content"
    assert [stop["name"] for stop in stops if not stop["seen"]] == []
    assert [stop["name"] for stop in stops if not stop["marked"]] == []
    names = [stop["name"] for stop in stops]
    assert any(name.startswith("Search") for name in names)
    assert "How to use this book" in names and "References" in names
    assert [stop for stop in stops if "bd-article" in stop["part"] or stop["tag"] == "SUMMARY"]


def test_the_skip_link_skips(open_page):
    page = open_page(CHAPTER)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**#main-content")
    names = [press_tab(page)["name"] for _ in range(4)]
    assert "How to use this book" not in names


def test_a_link_of_the_navigation_opens_its_page(open_page):
    page = open_page("book/welcome.html")
    page.locator("#pst-primary-sidebar").get_by_role("link", name="The method").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/book/method.html")
    assert page.get_by_role("heading", level=1).inner_text().startswith("The method")


def test_on_a_phone_the_navigation_opens_and_closes(open_page):
    page = open_page("book/welcome.html", viewport=PHONE)
    assert not page.locator("#pst-primary-sidebar").is_visible()
    button = page.locator("button.primary-toggle:visible").first
    button.focus()
    page.keyboard.press("Enter")
    page.locator("#pst-primary-sidebar-modal[open]").wait_for()
    shown = page.locator("#pst-primary-sidebar-modal").get_by_role("link", name="The method")
    shown.wait_for()
    page.keyboard.press("Escape")
    page.locator("#pst-primary-sidebar-modal[open]").wait_for(state="hidden")


@pytest.mark.parametrize("how", ["button", "shortcut"])
def test_search_finds_melanoma(how, open_page):
    page = open_page("book/method.html")
    if how == "button":
        button = page.locator("#pst-primary-sidebar .search-button-field")
        button.focus()
        page.keyboard.press("Enter")
    else:
        page.keyboard.press("Control+k")
    page.locator("#pst-search-dialog[open]").wait_for()
    page.keyboard.type("melanoma")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?q=melanoma")
    results = page.locator("#search-results ul.search li a")
    results.first.wait_for()
    page.wait_for_function("() => /\\d/.test(document.querySelector('.search-summary')?.textContent || '')")
    # Results lead to a place on a page, too; all pages that they lead to speak of it.
    paths = {link.split("?")[0].split("#")[0] for link in results.evaluate_all("all => all.map(each => each.pathname)")}
    found = {path.lstrip("/") for path in paths}
    assert len(found & set(PAGES)) >= 5 and found <= set(PAGES)
    assert all("melanoma" in parsed(one).get_text(" ").lower() for one in found)
    page.locator("#search-results").get_by_text("melanoma").first.wait_for()
    first = results.first
    first.focus()
    goal = first.evaluate("each => each.pathname")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{goal}*")
    assert (BOOK / goal.lstrip("/")).is_file()


def test_search_finds_nothing_where_nothing_is(open_page):
    page = open_page("search.html?q=xylophonist")
    page.get_by_text("did not match any documents").wait_for()
    assert page.locator("#search-results ul.search li").count() == 0


def test_a_folded_solution_opens_and_what_scrolls_in_it_is_reached(open_page):
    page = open_page(CHAPTER, viewport=PHONE)
    folded = page.locator("details.hide", has=page.get_by_text("Show a solution")).first
    summary, code = folded.locator("summary"), folded.locator("pre").first
    assert not code.is_visible()
    summary.focus()
    page.keyboard.press("Enter")
    code.wait_for()
    page.wait_for_function(
        "each => each.tabIndex === (each.scrollWidth > each.clientWidth ? 0 : -1)", arg=code.element_handle()
    )
    assert code.evaluate("each => each.scrollWidth > each.clientWidth")
    page.keyboard.press("Tab")  # to the button that copies, or to the code
    for _ in range(3):
        if code.evaluate("each => each === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("each => each.scrollLeft > 0", arg=code.element_handle())
    summary.focus()
    page.keyboard.press("Enter")
    code.wait_for(state="hidden")


def test_a_wide_table_scrolls_by_keyboard_in_its_own_box(open_page):
    page = open_page("notebooks/09_audit.html", viewport=PHONE)
    boxes = page.locator(".cell_output .pst-scrollable-table-container:visible")
    wide = boxes.evaluate_all("all => all.findIndex(each => each.scrollWidth > each.clientWidth)")
    assert wide >= 0
    box = boxes.nth(wide)
    assert box.get_attribute("aria-label").startswith("Table: ")
    page.wait_for_function("each => each.tabIndex === 0", arg=box.element_handle())
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("each => each.scrollLeft > 0", arg=box.element_handle())
    assert page.evaluate("document.documentElement.scrollLeft") == 0


def test_the_dark_page_is_a_key_away_and_stays(open_page):
    page = open_page("book/welcome.html", color_scheme="light")
    mode, theme = "document.documentElement.dataset.mode", "document.documentElement.dataset.theme"
    assert page.evaluate(theme) == "light"
    button = page.locator("button.theme-switch-button:visible").first
    for _ in range(2):  # light, dark, and as the system has it follow each other
        if page.evaluate(theme) == "dark":
            break
        before = page.evaluate(mode)
        button.focus()
        page.keyboard.press("Enter")
        page.wait_for_function(f"before => {mode} !== before", arg=before)
    assert page.evaluate(theme) == "dark"
    page.reload()
    assert page.evaluate(theme) == "dark"
