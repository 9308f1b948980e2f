"""One picture of one's own: is it usable, and what does a saved model say about it? Not for diagnosis."""

from lesionlib.own_image.answers import NOTICE, Answer, ask
from lesionlib.own_image.origin import phantom_of
from lesionlib.own_image.saved import SavedModel, load_model, save_model
from lesionlib.own_image.usable import opened, why_not

__all__ = ["NOTICE", "Answer", "SavedModel", "ask", "load_model", "opened", "phantom_of", "save_model", "why_not"]
