"""A reader study: a plan, its images, a model's predictions, and the folder where answers stand."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import platformdirs

from lesionlib.atomic import atomic_file, writing_to
from lesionlib.datasets.schema import LesionDataset, digest
from lesionlib.errors import InputError
from lesionlib.widgets import codes, draws
from lesionlib.widgets.journals import SCHEMA, Answer, Journal, View
from lesionlib.widgets.plans import StudyPlan
from lesionlib.widgets.sessions import Session

COLUMNS = {
    "study": "string",
    "reader": "string",
    "round": "Int64",
    "position": "Int64",
    "image_id": "string",
    "truth": "string",
    "answer": "string",
    "seconds": "Float64",
    "ai_shown": "boolean",
    "ai_answer": "string",
    "views": "Int64",
    "order_seed": "Int64",
    "time": "datetime64[us, UTC]",
}
"""Columns of `Study.answers` and their types."""


@dataclass(frozen=True)
class Forgotten:
    """What was removed for a reader who withdrew.

    Attributes
    ----------
    reader, study : str
        The reader's code, and the study's name.
    answers : int
        How many.
    file : Path
        The file that is gone.
    """

    reader: str
    study: str
    answers: int
    file: Path

    def __str__(self) -> str:
        return (
            f"Removed: {self.answers} {'answer' if self.answers == 1 else 'answers'} of reader {self.reader} in "
            f"{self.study}, with the consent and all times ({self.file}). Tables exported before are not changed."
        )


class Study:
    """A reader study on images of a dataset.

    Nothing is written before a reader consents.

    Parameters
    ----------
    images : LesionDataset
        Split. At most one image of a lesion is drawn, and only images with a prediction.
    plan : StudyPlan
    predictions : DataFrame, optional
        A model's stored predictions: image_id and ``p_<class>``, one row an image; needed where the plan shows the
        model's output, else only joined to the answers. lucius2020 (section 2.5) takes its weakest network,
        at low resolution and without clinical data.
    folder : path, optional
        Where studies keep their answers, each in a folder of its own; else ``$LESIONLIB_STUDIES``, else the user's
        data folder. Each study's folder tells git to ignore it.
    heat_maps : callable, optional
        Where the plan shows heat maps: given row numbers of ``images.frame``, it returns an array (n, h, w) in [0, 1],
        such as ``lambda rows: ll.probes.gradcam(learn, ds, rows=rows)``. Called once, here.
    split : str
        Where the images are drawn.

    Attributes
    ----------
    cases : DataFrame
        The images: set, image_id, row, truth, and with predictions ai_answer and ``p_<class>``.
    key : str
        The plan's name, and a digest of plan, classes and images: answers of another study never mix with these.
    folder : Path
        Where this study's answers stand.

    Raises
    ------
    InputError
        Too few images, no predictions where they are shown, or ones that do not fit.
    """

    def __init__(
        self,
        images: LesionDataset,
        plan: StudyPlan,
        predictions: pd.DataFrame | None = None,
        folder: str | Path | None = None,
        heat_maps: Callable[[Sequence[int]], np.ndarray] | None = None,
        split: str = "test",
    ) -> None:
        if any(plan.ai) and predictions is None:
            raise InputError(f"study {plan.name}: it shows a model's output; give predictions (image_id and p_<class>)")
        if plan.heat_map != (heat_maps is not None):
            wanted = "give heat_maps" if plan.heat_map else "plan with heat_map=True, or give none"
            raise InputError(f"study {plan.name}: the plan has heat_map={plan.heat_map}; {wanted}")
        answers = None if predictions is None else draws.model_answers(predictions, images.classes)
        self.images, self.plan = images, plan
        self.cases = draws.draw(images, plan, answers, split)
        drawn = [f"{case.set}:{case.image_id}" for case in self.cases.itertuples()]
        self.key = f"{plan.name}-{digest([json.dumps(asdict(plan)), *images.classes, *drawn])[:8]}"
        self.folder = (Path(folder) if folder is not None else default_folder()).absolute() / self.key
        self._heat = _heat_of(self.cases, heat_maps) if heat_maps else {}

    def session(self, reader: str, clock: Callable[[], float] = time.monotonic) -> Session:
        """Begin or go on with a reader's session.

        Parameters
        ----------
        reader : str
            Their code; see `new_code`.
        clock : callable
            Gives seconds.

        Returns
        -------
        Session
            At the first trial that has no answer.

        Raises
        ------
        InputError
            Not a reader's code; see `new_code`.
        """
        reader = codes.checked(reader)
        return Session(self, Journal(self.folder, reader), reader, clock)

    def readers(self) -> list[str]:
        """List the readers who have consented.

        Returns
        -------
        list of str
            Their codes, sorted.
        """
        found = sorted(path.stem for path in self.folder.glob("????-????.jsonl"))
        return [reader for reader in found if Journal(self.folder, reader).events()]

    def answers(self) -> pd.DataFrame:
        """Give all answers, one row an answer, with the truth joined to them.

        Returns
        -------
        DataFrame
            study, reader, round, position (in the round, from 1), image_id, truth, answer (``<NA>``: the time ran out),
            seconds, ai_shown, ai_answer (the model's class, shown or not), views (how often the image was put on the
            screen: more than once, if the session was interrupted there), order_seed, time (UTC).

        Raises
        ------
        InputError
            A reader's file is damaged; the message names the line.
        """
        truth = self.cases.drop_duplicates("image_id").set_index("image_id")["truth"]
        rows = []
        for reader in self.readers():
            events = Journal(self.folder, reader).events()
            views = Counter((event.round, event.position) for event in events if isinstance(event, View))
            rows += [
                {
                    "study": self.key,
                    "reader": reader,
                    **event.model_dump(exclude={"event"}),
                    "truth": truth.get(event.image_id),
                    "views": views[event.place],
                }
                for event in events
                if isinstance(event, Answer)
            ]
        frame = pd.DataFrame(rows, columns=list(COLUMNS)).astype(COLUMNS)
        return frame.sort_values(["reader", "round", "position"]).reset_index(drop=True)

    def export(self, path: str | Path) -> Path:
        """Write all answers as CSV, whole or not at all.

        Parameters
        ----------
        path : path
            The file; an earlier one is replaced.

        Returns
        -------
        Path
            The file.

        Raises
        ------
        InputError
            The file cannot be written.
        """
        path = Path(path)
        with atomic_file(path) as part:
            self.answers().to_csv(part, index=False)
        return path

    def forget(self, reader: str) -> Forgotten:
        """Remove all that is kept of a reader who withdraws: consent, times and answers.

        Parameters
        ----------
        reader : str
            Their code.

        Returns
        -------
        Forgotten
            What was removed.

        Raises
        ------
        InputError
            Not a reader's code, or one that is not in this study.
        """
        reader = codes.checked(reader)
        journal = Journal(self.folder, reader)
        events = journal.remove()
        answers = sum(isinstance(event, Answer) for event in events)
        return Forgotten(reader, self.key, answers, journal.path)

    def probabilities(self, image_id: str) -> list[float]:
        """Tell what the model said of an image.

        Parameters
        ----------
        image_id : str
            One of the study's images.

        Returns
        -------
        list of float
            A probability for each class.

        Raises
        ------
        KeyError
            The study has no predictions.
        """
        row = self.cases[self.cases["image_id"] == image_id].iloc[0]
        return [float(row[f"p_{label}"]) for label in self.images.classes]

    def heat(self, image_id: str) -> np.ndarray | None:
        """Give the heat map of an image.

        Parameters
        ----------
        image_id : str
            One of the study's images.

        Returns
        -------
        numpy.ndarray or None
            Shape (h, w), in [0, 1]; None where the study has none.
        """
        return self._heat.get(image_id)

    def prepare(self) -> None:
        """Make the study's folder, with its plan and images (no truth) in ``study.json``; again, it does nothing."""
        described = self.folder / "study.json"
        if described.exists():
            return
        with writing_to(described):
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            # Answers of people never enter a repository by accident.
            (self.folder / ".gitignore").write_text("*\n", encoding="utf-8")
        sets = {str(number): list(part) for number, part in self.cases.groupby("set")["image_id"]}
        facts = {
            "schema": SCHEMA,
            "study": self.key,
            "plan": asdict(self.plan),
            "dataset": self.images.name,
            "fingerprint": self.images.fingerprint,
            "classes": self.images.classes,
            "sets": sets,
        }
        with atomic_file(described) as part:
            part.write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")


def default_folder() -> Path:
    """Folder of all studies: ``$LESIONLIB_STUDIES``, else ``studies`` in the user's data folder."""
    chosen = os.environ.get("LESIONLIB_STUDIES")
    return Path(chosen) if chosen else Path(platformdirs.user_data_dir("lesionlib")) / "studies"


def _heat_of(cases: pd.DataFrame, heat_maps: Callable[[Sequence[int]], np.ndarray]) -> dict[str, np.ndarray]:
    once = cases.drop_duplicates("image_id")
    maps = np.asarray(heat_maps(once["row"].tolist()), dtype=float)
    if maps.ndim != 3 or len(maps) != len(once):
        raise InputError(f"heat_maps: found shape {maps.shape}; expected ({len(once)}, h, w), one map an image")
    if not ((maps >= 0) & (maps <= 1)).all():
        raise InputError("heat_maps: found values outside 0 to 1; expected heat as probes.gradcam gives it")
    return dict(zip(once["image_id"], maps, strict=True))
