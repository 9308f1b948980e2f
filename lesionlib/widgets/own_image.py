"""An application for one picture of one's own: choose a file, and see what a saved model says of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ipywidgets import HTML, Button, FileUpload, HBox, VBox

from lesionlib.errors import InputError
from lesionlib.widgets import markup
from lesionlib.widgets.style import STYLE

if TYPE_CHECKING:
    from lesionlib.own_image import Answer, SavedModel


class OwnImage(VBox):
    """Choose a picture, and read what the model says; see `try_own_image`."""

    def __init__(self, model: SavedModel, alpha: float) -> None:
        from lesionlib.own_image import NOTICE

        self._model, self._alpha = model, alpha
        self.upload = FileUpload(accept="image/*", multiple=False, description="Choose a picture")
        self.upload.layout.width = "auto"
        self.upload.observe(self._chosen, "value")
        self.remove = Button(description="Remove it", disabled=True)
        self.remove.on_click(lambda _: self._clear())
        self.answer = HTML()
        intro = markup.text("One picture of your own", NOTICE, f"The model: {model}.")
        super().__init__([HTML(STYLE), HTML(intro), HBox([self.upload, self.remove]).add_class("ll-row"), self.answer])
        self.add_class("ll-study")

    def __repr__(self) -> str:
        return f"OwnImage({self._model})"

    def _chosen(self, change: dict[str, Any]) -> None:
        if not change["new"]:
            return
        (file,) = change["new"]
        content, name = bytes(file["content"]), file["name"]
        # The widget would keep the picture, and a notebook that is saved with its widgets would, too.
        self.upload.value = ()
        self.answer.value = markup.status("The model is looking at it.")
        self.remove.disabled = False
        self._ask(content, name)

    def _ask(self, content: bytes, name: str) -> None:
        from lesionlib import own_image

        try:
            self.answer.value = _told(own_image.ask(self._model, content, self._alpha, name))
        except InputError as error:
            self.answer.value = markup.alert(str(error))
        except Exception:
            # It ends in the notebook's log, which nobody sees who only chooses a picture.
            self.answer.value = markup.alert("Something failed here. Nothing of the picture was kept.")
            raise

    def _clear(self) -> None:
        self.answer.value, self.remove.disabled = "", True


def try_own_image(model: SavedModel | str | Path, alpha: float = 0.1) -> OwnImage:
    """An application that takes a picture and shows what a saved model says of it, under the notice.

    The last line of a cell, or ``display(...)``. The picture stays in memory: nothing is written, and the file's name
    and metadata are not kept.

    Parameters
    ----------
    model : SavedModel or path
        From `own_image.load_model`, or the folder of `own_image.save_model`.
    alpha : float
        As for `own_image.ask`.

    Returns
    -------
    ipywidgets.VBox
        For the last line of a cell.

    Raises
    ------
    InputError
        The folder holds no such model.
    """
    from lesionlib import own_image

    return OwnImage(model if isinstance(model, own_image.SavedModel) else own_image.load_model(model), alpha)


def _told(answer: Answer) -> str:
    from lesionlib.own_image.figure import percent

    rows = [
        f"{title}: {percent(share)}"
        for title, share in answer.table[["title", "probability"]].itertuples(index=False, name=None)
    ]
    alt = f"The picture, the heat map over it, and the probabilities; the highest is that of {rows[0]}"
    numbers = markup.text("In numbers", points=tuple(rows))
    return markup.status(answer.sentence) + markup.drawing(answer.figure(), alt) + numbers
