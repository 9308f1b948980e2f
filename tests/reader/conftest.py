import built_book
import pytest


@pytest.fixture(scope="module")
def browser():
    """The system's Chromium, for one file of tests: its event loop would stand in the way of others."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=built_book.CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address():
    """Where the book is served."""
    with built_book.served() as address:
        yield address


@pytest.fixture
def open_page(browser, address):
    """Open a page of the book; more arguments tell the window: viewport, color_scheme ..."""
    contexts = []

    def open_page(name, **window):
        window = {"viewport": {"width": 1280, "height": 900}, "reduced_motion": "reduce", **window}
        contexts.append(browser.new_context(**window))
        contexts[-1].set_default_timeout(20_000)
        page = contexts[-1].new_page()
        page.goto(f"{address}/{name}")
        return page

    yield open_page
    for context in contexts:
        context.close()
