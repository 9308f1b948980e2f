"""axe-core on an open page: what it finds that weighs."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT

_WEIGHTY = ("serious", "critical")
# To fetch what style sheets import, axe makes up addresses that are not there.
_OPTIONS = {"resultTypes": ["violations"], "preload": False}
_CONTRAST = "color-contrast"
# What axe never calls serious, and what takes its time.
_LIGHT = ("region", "empty-table-header", "aria-allowed-role")
_ON_A_PHONE = ["scrollable-region-focusable", "meta-viewport", "button-name", "link-name", "aria-hidden-focus"]
# Contrast follows from color, grounds, size and weight. A chapter has ten thousand words of code in a dozen kinds: of
# each kind that is on the page, some are measured. The other words of code become plain text, which spares axe most of
# its time: a colored word is no more than that to any other rule.
_MARK_KINDS = """() => {
  const grounds = new Map(), seen = new Map();
  const ground = (each) => {
    if (!each) return "";
    if (!grounds.has(each)) {
      const looks = getComputedStyle(each);
      const own = [looks.backgroundColor, looks.backgroundImage, looks.opacity, looks.filter].join();
      const above = ground(each.parentElement);
      grounds.set(each, above.endsWith(own) ? above : `${above}|${own}`);
    }
    return grounds.get(each);
  };
  document.querySelectorAll("[data-kind]").forEach((each) => each.removeAttribute("data-kind"));
  for (const each of document.querySelectorAll("body *")) {
    if (![...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    if (!each.checkVisibility()) continue;
    const looks = getComputedStyle(each);
    const kind = [looks.color, looks.fontSize, looks.fontWeight, looks.textShadow, ground(each)].join(";");
    const before = seen.get(kind) || 0;
    seen.set(kind, before + 1);
    if (before < 3) each.setAttribute("data-kind", "");
  }
  for (const word of document.querySelectorAll(".highlight pre span:not([data-kind], [id])")) {
    if (!word.childElementCount) word.replaceWith(...word.childNodes);
  }
  return seen.size;
}"""


def faults(page) -> list[str]:
    """Say which serious faults a page has, and where."""
    if not page.evaluate(_MARK_KINDS):
        raise AssertionError("the page has no text")
    without = {name: {"enabled": False} for name in (*_LIGHT, _CONTRAST)}
    found = _weighty(page, None, {**_OPTIONS, "rules": without})
    return found + _weighty(page, "[data-kind]", {**_OPTIONS, "runOnly": [_CONTRAST]})


def faults_on_a_phone(page) -> list[str]:
    """Say which serious faults come from a narrow screen, where other things scroll and are hidden."""
    return _weighty(page, None, {**_OPTIONS, "runOnly": _ON_A_PHONE})


def _weighty(page, context, options) -> list[str]:
    # The package's own `run` brings the script of axe anew each time.
    if page.evaluate("typeof axe") == "undefined":
        page.evaluate(AXE_SCRIPT)
    answer = page.evaluate("([context, options]) => axe.run(context || document, options)", [context, options])
    return [
        f"{fault['id']} ({fault['impact']}): {' '.join(map(str, node['target']))}: {node['html'][:120]}"
        for fault in answer["violations"]
        for node in fault["nodes"]
        if fault["impact"] in _WEIGHTY
    ]
