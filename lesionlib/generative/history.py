"""What happened at each step of a training."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

COLUMNS = (
    "step",
    "images",
    "resolution",
    "fade",
    "learning_rate",
    "critic_loss",
    "wasserstein",
    "penalty",
    "information",
    "guidance",
    "generator_loss",
    "diversity",
)


@dataclass
class History:
    """The course of a training.

    Attributes
    ----------
    rows : list of tuple
        One a step, in the order of `COLUMNS`.
    finished : bool
        Whether the plan's last step is done.
    resumed_at : int
        Real images after which the last call of `train` took up the work; 0 from the start.
    """

    rows: list[tuple[float, ...]] = field(default_factory=list)
    finished: bool = False
    resumed_at: int = 0

    @property
    def frame(self) -> pd.DataFrame:
        """One row a step.

        Columns: step (from 1), images (real images shown by then), resolution (pixels), fade (the newest block's
        part alpha, 1 when it is in), learning_rate, critic_loss, wasserstein (the critic's estimate), penalty
        (before its weight), information (lower bound of the mutual information of all live codes and a generated
        image, nats, as Q reads in the critic's step), guidance (cross-entropy of Q on labels, nats; 0 without),
        generator_loss, diversity (of generated images, as a share of that of real ones; NaN where not looked at).
        """
        frame = pd.DataFrame(self.array(), columns=list(COLUMNS))
        return frame.astype({"step": int, "images": int, "resolution": int})

    def array(self) -> np.ndarray:
        """Give all rows.

        Returns
        -------
        numpy.ndarray, shape (steps, columns)
            float64.
        """
        return np.array(self.rows, dtype=np.float64).reshape(-1, len(COLUMNS))

    def looks(self) -> np.ndarray:
        """Give the looks at diversity.

        Returns
        -------
        numpy.ndarray, shape (looks, 2)
            Resolution and diversity of the steps at which diversity was looked at.
        """
        found = self.array()[:, [COLUMNS.index("resolution"), COLUMNS.index("diversity")]]
        return found[~np.isnan(found[:, 1])]
