// The theme asks once, when a page is loaded, what scrolls and must be reached by the keyboard. What was folded then
// had no size: it is asked again when something is unfolded.
document.addEventListener("toggle", () => window.dispatchEvent(new Event("resize")), true);
