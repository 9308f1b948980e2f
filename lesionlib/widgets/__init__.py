"""Applications for a notebook: a reader study, in which people classify the images that a model classified."""

from lesionlib.widgets.codes import new_code
from lesionlib.widgets.plans import StudyPlan, contest
from lesionlib.widgets.reader_study import ReaderStudy
from lesionlib.widgets.sessions import Session, Trial
from lesionlib.widgets.study import Forgotten, Study

__all__ = ["Forgotten", "ReaderStudy", "Session", "Study", "StudyPlan", "Trial", "contest", "new_code"]
