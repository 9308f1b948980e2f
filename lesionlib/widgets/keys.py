"""What a reader types, as choices.

ipywidgets has no keyboard events, so the reader types into a text field. It is one of several lines, for a reason: the
line break of Enter is then a part of the text. A field of one line reports Enter apart from its text, and the two can
overtake each other: whoever types 2, corrects it to 3 and presses Enter quickly could be kept with 2.
"""

from __future__ import annotations


def typed(before: str, now: str, options: int) -> tuple[int | None, bool]:
    """Read what was typed since the field held `before`.

    Parameters
    ----------
    before, now : str
        The field's text at the last look and now.
    options : int
        How many there are to choose from, 1 to 9.

    Returns
    -------
    choice : int or None
        The last digit from 1 to `options` before the first line break; None if there is none.
    entered : bool
        Whether Enter was pressed.
    """
    # Where something was deleted or replaced, the whole text counts.
    added = now[len(before) :] if now.startswith(before) else now
    line, entered, _ = added.partition("\n")
    digits = [int(character) for character in line if character in "123456789"[:options]]
    return (digits[-1] if digits else None), bool(entered)
