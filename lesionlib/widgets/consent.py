"""What a reader agrees to."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lesionlib.widgets.study import Study


def consent_text(study: Study, contact: str = "") -> tuple[str, tuple[str, ...]]:
    """Title and points that a reader agrees to."""
    plan = study.plan
    images = plan.images * plan.rounds
    timed = "without time limit" if plan.seconds is None else f"{plan.seconds:g} seconds each"
    seen = "drawn by a program, of no person" if study.images.is_phantom else f"of the data set {study.images.name}"
    points = (
        f"You will see {images} images of skin lesions ({seen}), {timed}, and choose one of "
        f"{len(study.images.classes)} diagnoses for each.",
        "This is for teaching and research. It is no examination, and nothing here is advice for a patient.",
        "What is kept: a random code, that you agreed, which images you saw and when, your answers, and how long they "
        "took. No name, no address, nothing else of you. Do not use your name as a code.",
        f"It is kept on the machine that runs this notebook, in {study.folder}. Whoever runs the study can read and "
        "export it.",
        "Taking part is voluntary. You can stop at any time, and have everything removed that stands under your code. "
        "Tables that were exported before cannot be called back.",
        *((f"Questions: {contact}",) if contact else ()),
    )
    return "A reader study", points
