"""How much of a heat map lies on the lesion, and how much would by chance."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from PIL import Image

from lesionlib.datasets.schema import LesionDataset
from lesionlib.errors import InputError


def heat_on_lesion(maps: np.ndarray, masks: Iterable[np.ndarray | Image.Image | None]) -> pd.DataFrame:
    """Share of the heat inside each lesion's mask, beside the share that even heat would have there.

    Parameters
    ----------
    maps : numpy.ndarray, shape (n, h, w)
        Heat, 0 or more, as `gradcam` gives it.
    masks : n masks
        Arrays of shape (h, w), or images, as ``ds.mask(row)`` gives; not 0 is lesion. One of another size is
        brought to h x w (nearest pixel); None where there is no mask. See `lesion_masks`.

    Returns
    -------
    pandas.DataFrame
        One row an image, float64:

        - ``heat``: share of the heat inside the mask, in [0, 1] ("relevance mass accuracy" in Arras et al.,
          Information Fusion 81, 2022);
        - ``chance``: the mask's share of the picture, in [0, 1]: the heat that an even map has inside, and the
          probability that a random pixel hits the lesion;
        - ``ratio``: heat / chance. 1 is chance, more is heat on the lesion; it cannot be more than 1 / chance, so
          for a lesion that fills the picture it says nothing;
        - ``hit``: the pointing game (Zhang et al., IJCV 126, 2018, without their margin of 15 pixels): 1 where the
          hottest pixel lies inside the mask, else 0; of several hottest pixels, the share that does. Compare its
          mean with the mean of ``chance``.

        NaN: without a mask, all of them; for a map without heat, all but ``chance``; for an empty mask, the ratio.

    Raises
    ------
    InputError
        Another shape, heat that is negative or not finite, or not one mask a map.
    """
    heat = np.asarray(maps, dtype=np.float64)
    if heat.ndim != 3:
        raise InputError(f"maps: found shape {heat.shape}, expected (n, height, width)")
    if not np.isfinite(heat).all() or (heat < 0).any():
        raise InputError("maps: found heat that is negative or not finite, expected 0 or more")
    given = list(masks)
    if len(given) != len(heat):
        raise InputError(
            f"masks: found {len(given)}, expected {len(heat)}, one for each map (None where there is none)"
        )
    rows = [_judge(one, _fitted(mask, one.shape, i)) for i, (one, mask) in enumerate(zip(heat, given, strict=True))]
    return pd.DataFrame(rows, columns=["heat", "chance", "ratio", "hit"], dtype=np.float64)


def lesion_masks(dataset: LesionDataset, rows: Sequence[int] | None = None) -> list[Image.Image | None]:
    """Give the masks of a dataset's rows.

    Parameters
    ----------
    dataset : LesionDataset
        With masks, such as HAM10000 or a phantom.
    rows : sequence of int, optional
        Row numbers of ``dataset.frame``; all unless given.

    Returns
    -------
    list of PIL.Image.Image or None
        Mode L, one a row; None where a row has no mask.

    Raises
    ------
    InputError
        A mask that cannot be decoded.
    """
    has_mask = dataset.frame["mask"].notna()
    wanted = range(len(dataset)) if rows is None else rows
    return [dataset.mask(row) if has_mask.iat[row] else None for row in wanted]


def _fitted(mask: np.ndarray | Image.Image | None, shape: tuple[int, int], i: int) -> np.ndarray | None:
    if mask is None:
        return None
    found = np.asarray(mask)
    if found.ndim != 2 or not found.size:
        raise InputError(f"masks: mask {i} has the shape {found.shape}, expected (height, width)")
    lesion = found != 0
    if lesion.shape == shape:
        return lesion
    height, width = shape
    return np.asarray(Image.fromarray(lesion).resize((width, height), Image.Resampling.NEAREST))


def _judge(heat: np.ndarray, lesion: np.ndarray | None) -> tuple[float, float, float, float]:
    if lesion is None:
        return (np.nan,) * 4
    chance, total = lesion.mean(), heat.sum()
    if total == 0:
        return np.nan, chance, np.nan, np.nan
    inside = heat[lesion].sum() / total
    return inside, chance, inside / chance if chance else np.nan, lesion[heat == heat.max()].mean()
