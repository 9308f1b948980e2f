"""One reader's way through a study: what comes next, how long it takes, and what is kept. No widgets here."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from lesionlib.errors import InputError
from lesionlib.widgets import draws
from lesionlib.widgets.journals import Answer, Consent, Journal, View
from lesionlib.widgets.plans import StudyPlan

if TYPE_CHECKING:
    from lesionlib.widgets.study import Study


@dataclass(frozen=True)
class Trial:
    """One image in one round.

    Attributes
    ----------
    round, position : int
        Which round, and which image of it, from 1.
    of : int
        Images in the round.
    image_id : str
        Of the image.
    row : int
        Of the dataset's frame.
    ai_shown : bool
        Whether the model's output stands beside it.
    ai_answer : str or None
        The model's class; None without predictions.
    limit : float or None
        Seconds that the reader has; None: any.
    """

    round: int
    position: int
    of: int
    image_id: str
    row: int
    ai_shown: bool
    ai_answer: str | None
    limit: float | None


def trials(plan: StudyPlan, cases: pd.DataFrame, reader: str) -> list[Trial]:
    """Give all of a reader's trials, in order: it follows from the plan's seed and the reader's code."""
    found = []
    for round, ai_shown in enumerate(plan.ai, 1):
        images = cases[cases["set"] == draws.set_of(plan, reader, round)].set_index("image_id")
        ids = draws.order(images.index.to_series(), draws.order_seed(plan.seed, reader, round))
        for position, image_id in enumerate(ids, 1):
            case = images.loc[image_id]
            ai_answer = case.get("ai_answer")
            place = (round, position, len(ids), image_id)
            found.append(Trial(*place, int(case["row"]), ai_shown, ai_answer, plan.seconds))
    return found


class Session:
    """A reader's session, new or gone on with: the next trial is the first that has no answer on disk.

    Made by `Study.session`. Two sessions of one reader do no harm: the first answer to an image counts, and the other
    session goes on behind it.

    Parameters
    ----------
    study : Study
        The study.
    journal : object
        Where answers are kept.
    reader : str
        The reader's code; it stays an attribute.
    clock : callable
        Gives seconds.
    """

    def __init__(
        self, study: Study, journal: Journal, reader: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.reader = reader
        self._study, self._journal, self._clock = study, journal, clock
        self._trials = trials(study.plan, study.cases, reader)
        self._shown: Trial | None = None
        self._since = 0.0
        self._reload()

    @property
    def trial(self) -> Trial | None:
        """What is to be answered next; None when all is answered."""
        return next((trial for trial in self._trials if (trial.round, trial.position) not in self._answered), None)

    @property
    def progress(self) -> tuple[int, int]:
        """How many images are answered, and how many there are, over all rounds."""
        return len(self._answered), len(self._trials)

    @property
    def left(self) -> float | None:
        """Seconds left for the trial on the screen, 0 at least; None without limit or trial."""
        if self._shown is None or self._shown.limit is None:
            return None
        return max(0.0, self._shown.limit - (self._clock() - self._since))

    def consent(self, digest: str = "") -> None:
        """Keep that the reader agreed; a second time changes nothing.

        Parameters
        ----------
        digest : str
            Stands for the text that they agreed to.
        """
        self._study.prepare()
        self._journal.begin(Consent(study=self._study.key, reader=self.reader, consent=digest))
        self._reload()

    def show(self) -> Trial:
        """Note that the next trial is on the screen, and start its clock. Showing it again starts the clock anew.

        Returns
        -------
        Trial
            What is on the screen.

        Raises
        ------
        InputError
            All is answered, the reader has not consented, or the disk cannot be written.
        """
        self._reload()
        trial = self.trial
        if trial is None:
            raise InputError(f"session of {self.reader}: all images are answered; there is none to show")
        self._journal.add(View(round=trial.round, position=trial.position, image_id=trial.image_id))
        self._shown, self._since = trial, self._clock()
        return trial

    def answer(self, label: str | None) -> bool:
        """Keep the answer to the trial on the screen; it is on the disk when this returns.

        Parameters
        ----------
        label : str or None
            One of the classes; None once the time is over. An answer that comes after the limit is kept as none.

        Returns
        -------
        bool
            False if another session of this reader had answered it before: then that answer stands.

        Raises
        ------
        InputError
            No trial is on the screen, an unknown class, None before the time is over, or a disk that cannot be
            written: then the trial stays, and the answer can be given again.
        """
        trial = self._shown
        if trial is None:
            raise InputError(f"session of {self.reader}: no image is on the screen; call show() first")
        seconds = self._clock() - self._since
        over = trial.limit is not None and seconds >= trial.limit
        classes = self._study.images.classes
        if label not in classes and not (label is None and over):
            raise InputError(
                f"session of {self.reader}: found the answer {label!r}, expected one of {', '.join(classes)}"
            )
        kept = self._journal.add(
            Answer(
                round=trial.round,
                position=trial.position,
                image_id=trial.image_id,
                answer=None if over else label,
                seconds=round(min(seconds, trial.limit) if trial.limit is not None else seconds, 3),
                ai_shown=trial.ai_shown,
                ai_answer=trial.ai_answer,
                order_seed=draws.order_seed(self._study.plan.seed, self.reader, trial.round),
            )
        )
        self._shown = None
        self._reload()
        return kept

    def _reload(self) -> None:
        self._answered = {event.place for event in self._journal.events() if isinstance(event, Answer)}
