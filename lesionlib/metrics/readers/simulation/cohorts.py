"""Simulated readers: declared rates, declared spreads, and no claim that anybody is like them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
import pandas as pd
from numpy.polynomial.hermite_e import hermegauss

from lesionlib.errors import InputError
from lesionlib.metrics import checks
from lesionlib.metrics.readers.answers import ALONE, WITH_AI
from lesionlib.numeric import is_number


@dataclass(frozen=True)
class Cohort:
    """Readers as they are declared to be.

    A reader has an ability, an image a difficulty, both normal on the logit scale; a reader's own opinion is right with
    a probability that follows from the two and averages to `alone` over readers and images. A wrong opinion is one of
    the other classes, in the proportions of `habits`. Where the model's output is shown, the reader gives up their
    opinion for it with a probability that averages to `follow_right` or `follow_wrong`, and whatever their opinion is.

    Attributes
    ----------
    alone : mapping of str to float
        Class: probability of a right opinion, in [0, 1]. Its keys are the classes, in order.
    follow_right : mapping of str to float
        True class: probability of following a model that is right.
    follow_wrong : float
        Probability of following a model that is wrong.
    habits : mapping of str to float, optional
        Class: how often it is named, in any unit; without, all classes alike.
    reader_sd, image_sd : float
        Standard deviations of ability and difficulty, in logits.
    trust_sd : float
        Standard deviation between readers of how readily they follow, in logits.
    redrawn : float
        Probability that a reader who sees an image again forms an opinion anew.
    missed : float
        Probability that no answer is given in time.

    Raises
    ------
    InputError
        A probability outside [0, 1], a negative spread, or another set of classes somewhere.
    """

    alone: Mapping[str, float]
    follow_right: Mapping[str, float]
    follow_wrong: float
    habits: Mapping[str, float] = field(default_factory=dict)
    reader_sd: float = 0.5
    image_sd: float = 1.0
    trust_sd: float = 1.0
    redrawn: float = 0.0
    missed: float = 0.0

    def __post_init__(self):
        checks.class_labels(self.labels, max(2, len(self.alone)))
        for name in ("alone", "follow_right", "habits"):
            found = getattr(self, name)
            if set(found) != set(self.alone) and (found or name != "habits"):
                raise InputError(f"{name}: found classes {', '.join(found)}, expected {', '.join(self.alone)}")
        shares = {name: getattr(self, name) for name in ("follow_wrong", "redrawn", "missed")}
        for name in ("alone", "follow_right"):
            shares |= {f"{name}, {label}": value for label, value in getattr(self, name).items()}
        for name, value in shares.items():
            if not is_number(value, 0, 1):
                raise InputError(f"{name}: found {value!r}, expected a probability in [0, 1]")
        spreads = {name: getattr(self, name) for name in ("reader_sd", "image_sd", "trust_sd")}
        for name, value in (spreads | {f"habits, {label}": value for label, value in self.habits.items()}).items():
            if not is_number(value, 0):
                raise InputError(f"{name}: found {value!r}, expected a number of 0 or more")

    @property
    def labels(self) -> list[str]:
        """The classes, in order."""
        return list(self.alone)

    def expected(self, ai: Mapping[str, float]) -> pd.DataFrame:
        """Give the rates to be expected with a model of these sensitivities: exact, no simulation.

        Parameters
        ----------
        ai : mapping of str to float
            Sensitivity of the model for each class, in [0, 1].

        Returns
        -------
        DataFrame
            One row a class: ai, alone, with AI.
        """
        rows = pd.DataFrame({"ai": pd.Series(ai), ALONE: pd.Series(self.alone)}).loc[self.labels]
        right = rows["ai"] * pd.Series(self.follow_right)
        wrong = (1 - rows["ai"]) * self.follow_wrong
        rows[WITH_AI] = right + (1 - right - wrong) * rows[ALONE]
        return rows

    def at_gain(self, gain: float, ai: Mapping[str, float]) -> Cohort:
        """Give the same readers, following more or less readily, so that accuracy over even classes rises by `gain`.

        Parameters
        ----------
        gain : float
            Accuracy with AI minus accuracy alone, in shares.
        ai : mapping of str to float
            Sensitivity of the model for each class, in [0, 1].

        Returns
        -------
        Cohort
            With other probabilities of following.

        Raises
        ------
        InputError
            No probability of following reaches this gain, or the model brings none at all.
        """
        rates = self.expected(ai)
        now = float((rates[WITH_AI] - rates[ALONE]).mean())
        factor = gain / now if now > 0 else (np.nan if gain else 0.0)
        most = max(self.follow_wrong, *self.follow_right.values())
        if not 0 <= factor * most <= 1:
            raise InputError(
                f"gain: found {gain:g}, expected 0 to {max(now, 0) / most if most else 0:.3f} with this model"
            )
        follow = {label: factor * value for label, value in self.follow_right.items()}
        return replace(self, follow_right=follow, follow_wrong=factor * self.follow_wrong)


def simulate(cohort: Cohort, shown: pd.DataFrame, n_readers: int, seed: int = 0) -> pd.DataFrame:
    """Answers of a simulated cohort, in the frame that real answers have.

    Parameters
    ----------
    cohort : Cohort
    shown : DataFrame
        One row an image that is shown, once or in both arms: image_id, truth, ai_answer, ai_shown (bool). Other columns
        are carried along. ai_answer may be <NA> where the output is not shown.
    n_readers : int
        All of them see all rows.
    seed : int
        Same seed, same answers.

    Returns
    -------
    DataFrame
        One row an answer: reader ("simulated-01" ...), the columns of `shown`, answer (<NA>: none in time).

    Raises
    ------
    InputError
        An unknown class, no row, or output that is to be shown and is not there.
    """
    n_readers, labels = checks.positive(n_readers, "n_readers"), np.array(cohort.labels)
    if shown.empty or not shown["truth"].isin(labels).all() or not shown["ai_answer"].dropna().isin(labels).all():
        raise InputError(f"shown: expected one row an image or more, with truth and ai_answer of {', '.join(labels)}")
    if shown.loc[shown["ai_shown"].astype(bool), "ai_answer"].isna().any():
        raise InputError("shown: ai_answer is missing where ai_shown is True, expected the model's class")
    rng = np.random.default_rng(seed)
    images, first, place = np.unique(shown["image_id"].astype(str), return_index=True, return_inverse=True)
    truth = pd.Categorical(shown["truth"], categories=labels).codes.astype(int)
    ai = pd.Categorical(shown["ai_answer"], categories=labels).codes.astype(int)
    ability, trust = rng.standard_normal((2, n_readers, 1))
    chance = chance_right(cohort, truth[first], ability, rng.standard_normal(len(images)))
    own = _opinions(cohort, truth[first], chance, rng)[:, place]
    anew = rng.random(own.shape) < cohort.redrawn
    own = np.where(anew, _opinions(cohort, truth, chance[:, place], rng), own)
    follows = rng.random(own.shape) < chance_to_follow(cohort, truth, ai == truth, trust)
    codes = np.where(follows & shown["ai_shown"].to_numpy(bool), ai, own)
    rows = pd.concat([shown] * n_readers, ignore_index=True)
    rows.insert(0, "reader", np.repeat([f"simulated-{k + 1:02d}" for k in range(n_readers)], len(shown)))
    given = pd.Series(labels[codes.ravel()], dtype="string")
    rows["answer"] = given.mask(rng.random(len(rows)) < cohort.missed)
    return rows


def chance_right(
    cohort: Cohort, truth: np.ndarray, ability: np.ndarray, difficulty: np.ndarray, easier=0.0
) -> np.ndarray:
    """Probability of a right opinion, from class codes, abilities and difficulties in their deviations, and logits."""
    from scipy.special import expit

    spread = float(np.hypot(cohort.reader_sd, cohort.image_sd))
    level = np.array([_level(rate, spread) for rate in cohort.alone.values()])
    return expit(level[truth] + cohort.reader_sd * ability + cohort.image_sd * difficulty + easier)


def chance_to_follow(cohort: Cohort, truth: np.ndarray, ai_right: np.ndarray, trust: np.ndarray) -> np.ndarray:
    """Probability of following, from class codes, whether the model is right, and trust in standard deviations."""
    from scipy.special import expit

    right = np.array([_level(cohort.follow_right[label], cohort.trust_sd) for label in cohort.labels])
    level = np.where(ai_right, right[truth], _level(cohort.follow_wrong, cohort.trust_sd))
    return expit(level + cohort.trust_sd * trust)


@lru_cache(maxsize=1000)
def _level(rate: float, spread: float) -> float:
    """Logit at which a normal spread around it averages to `rate`: the mean of a logistic curve is not its middle."""
    from scipy.optimize import brentq
    from scipy.special import expit

    if rate in (0, 1):
        return np.inf if rate else -np.inf
    nodes, weights = hermegauss(61)
    return float(brentq(lambda at: weights @ expit(at + spread * nodes) / weights.sum() - rate, -60, 60))


def _opinions(cohort: Cohort, truth: np.ndarray, chance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw class codes (R, C): right by `chance`, else another class by habit."""
    habits = np.array([cohort.habits.get(label, 1.0) if cohort.habits else 1.0 for label in cohort.labels])
    others = habits * ~np.eye(len(habits), dtype=bool)
    # A habit of nothing but the true class leaves no wrong answer to give: then all others are alike.
    others[others.sum(axis=1) == 0] = 1
    np.fill_diagonal(others, 0)
    ends = np.cumsum(others / others.sum(axis=1, keepdims=True), axis=1)
    wrong = (rng.random((*chance.shape, 1)) > ends[truth][..., :-1]).sum(axis=-1)
    return np.where(rng.random(chance.shape) < chance, truth, wrong)
