"""The screen of one image: look, choose a diagnosis, save it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Box, Button, DOMWidget, HBox, Textarea, VBox

from lesionlib.widgets import markup
from lesionlib.widgets.keys import typed
from lesionlib.widgets.sessions import Session, Trial

if TYPE_CHECKING:
    from lesionlib.widgets.study import Study


class TrialScreen(VBox):
    """One image, with all that belongs to it. Each has a screen of its own, so that no late click is another's.

    Parameters
    ----------
    study : Study
    session : Session
        `trial` is on its screen: `show` was called.
    trial : Trial
    on_answer : callable
        Called with the chosen label when the reader saves.
    on_time_over : callable
        Called when the time is over.
    on_pause : callable
        Called when the reader stops.
    """

    def __init__(
        self,
        study: Study,
        session: Session,
        trial: Trial,
        on_answer: Callable[[str], None],
        on_time_over: Callable[[], None],
        on_pause: Callable[[], None],
    ) -> None:
        self._session, self._labels = session, study.images.classes
        self._on_answer, self._on_time_over = on_answer, on_time_over
        self._choice: int | None = None
        self._names = [title_of(study, label) for label in self._labels]
        self.choices = [Button(description=f"{n}  {name}") for n, name in enumerate(self._names, 1)]
        for n, button in enumerate(self.choices, 1):
            button.add_class("ll-choice")
            button.on_click(partial(self._clicked, n))
        self.key_field = Textarea(rows=1, placeholder=f"1 to {len(self._labels)}, then Enter", description="Keyboard")
        self.key_field.add_class("ll-keys").observe(self._typed, "value")
        self.save = Button(description="Save and go on  (Enter)", button_style="primary", disabled=True)
        self.save.layout.width = "auto"
        self.save.on_click(lambda _: self._enter())
        self.pause = Button(description="Pause").add_class("ll-quiet")
        self.pause.on_click(lambda _: on_pause())
        self.status, self.clock = HTML(), HTML()
        self._say_choice()
        super().__init__([self._head(study, trial), Box([*_pictures(study, trial), self._panel(study, trial)])])
        self.children[1].add_class("ll-trial")
        self._tasks = [
            in_background(focus_soon(self.key_field, unless=lambda: self._choice is not None)),
            in_background(self._count_down()),
        ]

    def __repr__(self) -> str:
        return f"TrialScreen({self._names})"

    def stop(self) -> None:
        """End what runs in the background; clicks that come later count for nothing."""
        self._choice = None
        for task in self._tasks:
            if task is not None and task is not _current():
                task.cancel()

    def _head(self, study: Study, trial: Trial) -> HTML:
        where = f"Round {trial.round} of {study.plan.rounds}: " if study.plan.rounds > 1 else ""
        return HTML(markup.head(f"{where}image {trial.position} of {trial.of}", trial.position - 1, trial.of))

    def _panel(self, study: Study, trial: Trial) -> VBox:
        rows, above = list(self.choices), []
        if study.plan.clinical:
            above.append(HTML(markup.clinical(study.images.frame.iloc[trial.row])))
        # High up: the browser scrolls to what is focused, and the image must stay in sight.
        above.append(self.key_field)
        if trial.ai_shown:
            said = study.probabilities(trial.image_id)
            bars = [HTML(markup.bar(share, share == max(said))).add_class("ll-said") for share in said]
            rows = [HBox(pair).add_class("ll-row") for pair in zip(self.choices, bars, strict=True)]
            above.append(HTML('<div class="ll-small">Bars: the model\'s probabilities. It can be wrong.</div>'))
        below = [self.status, HBox([self.save, self.pause]).add_class("ll-row")]
        timed = [self.clock] if trial.limit is not None else []
        return VBox([*timed, *above, *rows, *below]).add_class("ll-panel")

    def _clicked(self, number: int, _: Button) -> None:
        self._choose(number)
        # From here, Enter saves, and another digit corrects.
        self.key_field.focus()

    def _typed(self, change: dict[str, Any]) -> None:
        number, entered = typed(change["old"], change["new"], len(self._labels))
        if number is not None:
            self._choose(number)
        if entered:
            self._enter()

    def _choose(self, number: int) -> None:
        self._choice = number
        for n, (button, name) in enumerate(zip(self.choices, self._names, strict=True), 1):
            # The mark is for those who do not see the color; screen readers speak it.
            button.description = f"{n}  {name}{'  ✓' if n == number else ''}"
            (button.add_class if n == number else button.remove_class)("ll-chosen")
        self.save.disabled = False
        self._say_choice()

    def _say_choice(self) -> None:
        if self._choice is None:
            self.status.value = markup.status("Choose a diagnosis: click on it, or type its digit.")
        else:
            name = self._names[self._choice - 1]
            self.status.value = markup.status(f"Chosen: {self._choice} {name}. Enter saves it.")

    def _enter(self) -> None:
        if self._choice is not None:
            self._on_answer(self._labels[self._choice - 1])

    async def _count_down(self) -> None:
        while left := self._session.left:
            self.clock.value = markup.clock(left)
            await asyncio.sleep(min(left, 1) if left < 2 else left % 1 or 1)
        if left is not None:
            self._on_time_over()


def title_of(study: Study, label: str) -> str:
    """What a class is called: the card's title, where it has one."""
    facts = study.images.card.classes.get(label)
    return facts.title if facts else label


async def focus_soon(widget: DOMWidget, unless: Callable[[], bool] = lambda: False) -> None:
    """Focus a widget that was just shown: the browser takes a moment to draw it, and cannot focus it before."""
    for seconds in (0.1, 0.3):
        await asyncio.sleep(seconds)
        if widget.comm is not None and not unless():
            widget.focus()


def in_background(work: Coroutine[Any, Any, None]) -> asyncio.Task[None] | None:
    """Run beside the notebook's cells, in the kernel's own loop; not at all where there is none."""
    try:
        return asyncio.get_running_loop().create_task(work)
    except RuntimeError:
        work.close()
        return None


def _current() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _pictures(study: Study, trial: Trial) -> list[HTML]:
    image = study.images.image(trial.row)
    figure = markup.figure(image, f"Skin lesion, image {trial.position} of {trial.of}")
    shown = [HTML(figure).add_class("ll-picture")]
    heat = study.heat(trial.image_id) if trial.ai_shown else None
    if heat is not None:
        caption = "Where the model looked: dark blue least, yellow most. It does not say why."
        figure = markup.figure(markup.fused(image, heat), "The same image with the model's heat map", caption)
        shown.append(HTML(figure).add_class("ll-heat"))
    return shown
