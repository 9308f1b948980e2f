"""MED-NODE, as the University of Groningen publishes it."""

from __future__ import annotations

import pandas as pd

from lesionlib.datasets.files import ImageFiles
from lesionlib.datasets.readers.tables import class_folders


def read(files: ImageFiles) -> pd.DataFrame:
    """Read the images of the folders ``melanoma`` and ``naevus``.

    An image id is the class and the name of the file (``naevus_3``): the files are only numbered.

    Raises
    ------
    InputError
        A folder is missing or has no images.
    """
    rows = class_folders(files, "mednode", {"melanoma": "melanoma", "naevus": "naevus"}, (".jpg", ".jpeg"))
    return pd.DataFrame(
        {"image_id": rows["folder"] + "_" + rows["stem"], "image": rows["image"], "label": rows["folder"]}
    )
