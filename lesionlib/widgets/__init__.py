"""Applications for a notebook: a reader study, a cut-off on its ROC curve, a model's answer to one's own picture."""

from lesionlib.widgets.codes import new_code
from lesionlib.widgets.cutoffs import cutoff_explorer
from lesionlib.widgets.own_image import try_own_image
from lesionlib.widgets.plans import StudyPlan, contest
from lesionlib.widgets.reader_study import ReaderStudy
from lesionlib.widgets.sessions import Session, Trial
from lesionlib.widgets.study import Forgotten, Study

__all__ = [
    "Forgotten",
    "ReaderStudy",
    "Session",
    "Study",
    "StudyPlan",
    "Trial",
    "contest",
    "cutoff_explorer",
    "new_code",
    "try_own_image",
]
