"""What the papers' figures are known to say: each finding with the printed and the recomputed figure.

A list a paper of (paper, id, item, part of what is printed, part of what is recomputed).
"""

from functools import cache

import pytest

from lesionlib import audit

MENDES2018 = [
    ("mendes2018", "all-images-used", "", "5286", "4753 = 3797 + 956"),
    ("mendes2018", "stated-split", "", "20 % of each class", "10 of 12 classes do not fit: 8 of 45 (17.8 %)"),
    ("mendes2018", "rule-of-section-c", "", "36 cells", "1 of 36 by"),
    ("mendes2018", "copies-train", "", "29 copies", "not in 10 of 12: Actinic Keratosis 742"),
    ("mendes2018", "leak", "", "20 % of 29 copies", "99.8 % of the originals"),
    ("mendes2018", "factor-with-originals", "", "110113", "113910 = 3797 x 30"),
    ("mendes2018", "epochs-as-caffe-counts", "", "10", "120 = 176180 x 60 / 88090"),
    ("mendes2018", "epochs-of-the-tested-network", "", "10", "2.2 = 38000 x 5 / 88090"),
    ("mendes2018", "rate-when-tested", "", "above 0.0001", "0.0001 at iteration 38000, after 2 steps"),
    ("mendes2018", "hours-with-validation", "", "35 hours", "37.4 hours"),
    ("mendes2018", "eighty-and-seventy-eight", "", "78", "at least 765 of 956 = 80"),
    ("mendes2018", "eighty-against-the-rest", "melanoma", "above 80", "92.9 by never answering"),
    ("mendes2018", "eighty-on-few-images", "pyogenic_granuloma", "on 5 images", "interval from 56.6"),
    ("mendes2018", "four-classes", "", "78", "83.9 by the 4 largest of 12"),
    ("mendes2018", "optimal-point", "", "specificity 0", "J = 0"),
    ("mendes2018", "told-from-han", "basal_cell_carcinoma", "0.91 against 0.9", "0.888 to 0.932"),
    ("mendes2018", "source-above-han", "hemangioma", "0.83", "0.884 by the image's source alone"),
    ("mendes2018", "beyond-source", "dermatofibroma", "0.9 against 0.882", "0.783 to 1"),
    ("mendes2018", "nasr-epochs", "", "200", "209.2"),
]
MENDES2018_AGREES = [
    ("mendes2018", "rule-that-fits", "", "36 cells", "36 of 36 by: 10 % aside, 20 % of the rest to test, 29 of each"),
    ("mendes2018", "copies-train-and-valid", "", "29 copies", "in all classes"),
    ("mendes2018", "epochs", "", "10", "10 = 176180 x 5 / 88090"),
    ("mendes2018", "accuracy-over-majority", "", "78", "33.9"),
    ("mendes2018", "eighty-and-mean", "", "78", "76.7"),
    ("mendes2018", "dermofit-official", "melanoma", "76 / 76", "1 different value"),
    ("mendes2018", "told-from-han", "melanoma", "0.96 against 0.88", "0.927 to 0.993"),
]


@cache
def examined(paper):
    return audit.examine(paper)


def asked(paper, check, item):
    table = examined(paper)
    rows = table[table["id"].eq(check) & table["item"].eq(item)]
    assert len(rows) == 1, f"{paper}: {check} {item}"
    return rows.iloc[0]


@pytest.mark.parametrize(("paper", "check", "item", "printed", "recomputed"), [*MENDES2018])
def test_known_finding(paper, check, item, printed, recomputed):
    row = asked(paper, check, item)
    assert row["agrees"] == False  # noqa: E712
    assert printed in row["printed"]
    assert recomputed in row["recomputed"]


@pytest.mark.parametrize(("paper", "check", "item", "printed", "recomputed"), [*MENDES2018_AGREES])
def test_known_to_agree(paper, check, item, printed, recomputed):
    row = asked(paper, check, item)
    assert row["agrees"] == True  # noqa: E712
    assert printed in row["printed"]
    assert recomputed in row["recomputed"]
