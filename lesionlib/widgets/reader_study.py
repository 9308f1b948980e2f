"""The application of a reader study: consent, code, images one by one, and withdrawal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Button, Checkbox, HBox, Text, VBox, Widget

from lesionlib.errors import InputError
from lesionlib.widgets import codes, markup
from lesionlib.widgets.consent import consent_text
from lesionlib.widgets.preview import preview
from lesionlib.widgets.sessions import Session, Trial
from lesionlib.widgets.study import Study
from lesionlib.widgets.style import STYLE
from lesionlib.widgets.trial_screen import TrialScreen, focus_soon, in_background

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def _said(step: Callable[..., None]) -> Callable[..., None]:
    """Show what went wrong above the screen: an exception of a button ends in a log that no reader sees."""

    @wraps(step)
    def safely(self: ReaderStudy, *values: Any) -> None:
        self.message.value = ""
        try:
            step(self, *values)
        except (InputError, OSError) as error:
            self.message.value = markup.alert(str(error))
        except Exception:
            # For whoever runs the study, it stands in the notebook's log.
            self.message.value = markup.alert("Something failed here. What was saved is safe: run the cell again.")
            raise

    return safely


class ReaderStudy(VBox):
    """A reader study in a notebook: the last line of a cell, or ``display(app)``.

    The reader agrees, takes or enters a code, and answers one image after the other, with the mouse or with the keys
    1 to 9 and Enter. Each answer is on the disk before the next image is shown: after a closed tab or a dead kernel the
    reader runs the cell again, enters the code and goes on. Showing the application writes nothing.

    Parameters
    ----------
    study : Study
        Of nine classes at most.
    contact : str
        Whom readers can ask; stands in the consent text.

    Raises
    ------
    InputError
        More than nine classes.
    """

    def __init__(self, study: Study, contact: str = "") -> None:
        if len(study.images.classes) > 9:
            raise InputError(
                f"reader study: found {len(study.images.classes)} classes, expected 9 at most, one a digit"
            )
        self.study = study
        self._terms = consent_text(study, contact)
        self._session: Session | None = None
        self.message, self.screen = HTML(), VBox()
        super().__init__([HTML(STYLE), self.message, self.screen])
        self.add_class("ll-study")
        self._ask_consent()

    def __repr__(self) -> str:
        return f"ReaderStudy({self.study.key})"

    def preview(self, round: int = 1) -> Figure:
        """Draw the screen of a round's first image, for a page on which nothing can be clicked.

        Parameters
        ----------
        round : int

        Returns
        -------
        Figure
            An image whose license forbids publishing stands as a gray area.

        Raises
        ------
        InputError
            No such round.
        """
        return preview(self.study, round)

    def _ask_consent(self) -> None:
        title, points = self._terms
        agree = Checkbox(description="I have read this, and I take part of my own will.", indent=False)
        agree.layout.width = "auto"
        start = _button("Go on", self._ask_code, "primary", disabled=True)
        agree.observe(lambda change: setattr(start, "disabled", not change["new"]), "value")
        self._turn_to(HTML(markup.text(title, points=points)), agree, _row(start))

    @_said
    def _ask_code(self) -> None:
        drawn = codes.new_code()
        entry = Text(placeholder="such as K7QM-2XPJ", description="My code").add_class("ll-entry")
        new = "Note it down. It is the only way to go on later, or to have your answers removed."
        back = "You have been here before? Enter your code, and you go on where you stopped."
        self._turn_to(
            HTML(markup.text("Your code", new) + markup.code(drawn)),
            _row(_button("Start with this code", lambda: self._begin(drawn), "primary")),
            HTML(markup.text("Or go on", back)),
            _row(entry, _button("Go on with my code", lambda: self._begin(entry.value))),
        )

    @_said
    def _begin(self, reader: str) -> None:
        session = self.study.session(reader)
        title, points = self._terms
        session.consent(hashlib.sha256("\n".join([title, *points]).encode()).hexdigest()[:16])
        self._session = session
        self._announce()

    @_said
    def _announce(self) -> None:
        """Say what comes: a round, the rest of it, or nothing more."""
        trial = self._session.trial
        if trial is None:
            self._thank()
            return
        plan = self.study.plan
        done, of = self._session.progress
        points = [
            "Click on a diagnosis or type its digit; Enter or the button saves it. What is saved cannot be changed.",
            "With the model's output beside each diagnosis. The model can be wrong: decide yourself."
            if trial.ai_shown
            else "Without any help.",
            "There is no time limit."
            if plan.seconds is None
            else f"You have {plan.seconds:g} seconds for each image. When they are over, no answer is kept.",
            "You can stop at any time; your code brings you back.",
        ]
        where = f"Round {trial.round} of {plan.rounds}" if plan.rounds > 1 else "The images"
        title = f"{where}: {trial.of} images"
        if trial.position > 1:
            title += f", going on with image {trial.position}"
        start = _button("Start" if trial.position == 1 else "Go on", self._show_trial, "primary")
        stands = f"Code {self._session.reader}. Answered so far: {done} of {of}."
        self._turn_to(HTML(markup.text(title, stands, points=tuple(points))), self._with_exit(start))

    @_said
    def _show_trial(self) -> None:
        trial = self._session.show()
        self._turn_to(
            TrialScreen(
                self.study,
                self._session,
                trial,
                on_answer=lambda label: self._answer(trial, label),
                on_time_over=lambda: self._time_over(trial),
                on_pause=self._announce,
            )
        )

    @_said
    def _answer(self, trial: Trial, label: str) -> None:
        over = self._session.left == 0
        kept = self._session.answer(label)
        if over:
            self._say_over(trial)
            return
        following = self._session.trial
        if following is None or following.round != trial.round:
            self._announce()
        else:
            self._show_trial()
        if not kept:
            self.message.value = markup.alert("This image was answered in another tab; that answer stands.")

    @_said
    def _time_over(self, trial: Trial) -> None:
        self._session.answer(None)
        self._say_over(trial)

    def _say_over(self, trial: Trial) -> None:
        # The next image waits for the reader: in a tab that was closed, only one image runs out of time.
        words = f"No answer was kept for image {trial.position} of {trial.of}."
        following = self._session.trial
        goes_on = self._show_trial if following and following.round == trial.round else self._announce
        self._turn_to(
            HTML(markup.text("The time is over", words)), self._with_exit(_button("Go on", goes_on, "primary"))
        )

    def _thank(self) -> None:
        done, _ = self._session.progress
        words = f"All {done} images are answered, and all answers are kept under the code {self._session.reader}."
        self._turn_to(HTML(markup.text("Thank you", words)), self._with_exit())

    def _with_exit(self, *buttons: Button) -> HBox:
        quiet = _button("Withdraw and remove my answers", self._ask_withdrawal).add_class("ll-quiet")
        return _row(*buttons, quiet)

    @_said
    def _ask_withdrawal(self) -> None:
        done, _ = self._session.progress
        reader = self._session.reader
        answers = "1 answer" if done == 1 else f"{done} answers"
        words = f"This removes {answers}, your consent and all times, for good. The code {reader} ends."
        remove = _button("Remove them", self._withdraw, "danger")
        keep = _button("Keep them", self._announce)
        self._turn_to(HTML(markup.text("Withdraw?", words)), _row(keep, remove))

    @_said
    def _withdraw(self) -> None:
        removed = self.study.forget(self._session.reader)
        self._session = None
        self._turn_to(HTML(markup.text("You have withdrawn", str(removed))))

    def _turn_to(self, *parts: Widget) -> None:
        before = self.screen.children
        self.screen.children = parts
        for part in before:
            _close(part)
        following = [button for part in parts for button in _primary(part)]
        if before and following:
            in_background(focus_soon(following[0]))


def _button(label: str, step: Callable[[], None], style: str = "", disabled: bool = False) -> Button:
    button = Button(description=label, button_style=style, disabled=disabled)
    button.layout.width = "auto"
    button.on_click(lambda _: step())
    return button


def _row(*parts: Widget) -> HBox:
    return HBox(parts).add_class("ll-row")


def _primary(part: Widget) -> list[Button]:
    """Buttons that lead on, in a row of them; an image's screen looks after itself."""
    if not isinstance(part, HBox):
        return []
    return [each for each in part.children if isinstance(each, Button) and each.button_style == "primary"]


def _close(part: Widget) -> None:
    if isinstance(part, TrialScreen):
        part.stop()
    for child in getattr(part, "children", ()):
        _close(child)
    part.close()
