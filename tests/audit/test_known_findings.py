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


NEDELCU2021 = [
    ("nedelcu2021", "patients-by-sex", "", "3430", "3464 = 1422 + 2042"),
    ("nedelcu2021", "edra-rows", "", "1101", "1011 = 45 + 97 + 575 + 42 + 252"),
    ("nedelcu2021", "bcc-anatomical", "", "higher", "BCC (3 and 53)"),
    ("nedelcu2021", "dermatofibroma-right", "", "higher", "a over b (42.86 and 50), a over c (42.86 and 46.43)"),
    ("nedelcu2021", "paired-x-b", "", "8 of 686", "at least 43 images gained and 35 lost; McNemar's p is 0.428"),
    ("nedelcu2021", "macro-f1-x-b", "", "28.61 and 30.09", "154 answers differ at the least"),
    ("nedelcu2021", "images-x-a", "", "42.71 against 42.56", "1 of 686"),
    ("nedelcu2021", "merged-below-imagenet-by-class", "", "28.6 and 28.65", "32.16 and 29.5"),
    ("nedelcu2021", "majority-networks", "MobileNet-V2", "14.43", "34.5 by always"),
    ("nedelcu2021", "pretrained-accuracy", "", "all above 40", "not MobileNet-V2 14.43"),
    ("nedelcu2021", "best-weighted-f1", "", "b 44.17", "c 44.41"),
    ("nedelcu2021", "melanoma-interval", "", "3 of 10 against 20 %", "11 to 60 %"),
    ("nedelcu2021", "melanoma-few", "", "higher", "MM (0 and 2)"),
    ("nedelcu2021", "rounding-of-accuracies", "", "7 figures", "5 of 7 if rounded, 7 if cut off"),
    ("nedelcu2021", "macro-f1-a", "", "28.65", "28.6401"),
    ("nedelcu2021", "average-accuracy", "", "42.56", "32.1579"),
    ("nedelcu2021", "errors-hemangioma-b", "", "Nev, PenFib", "Haem is never called Nev"),
    ("nedelcu2021", "errors-lentigo-a", "", "SebKer 0", "SLent is called ActKer 6"),
    ("nedelcu2021", "brightness-holds-one", "", "0.2 to 0.8", "1 lies outside"),
    ("nedelcu2021", "dermatofibroma-sources", "", "65 images", "read by a person"),
]
NEDELCU2021_AGREES = [
    ("nedelcu2021", "precision-x", "VWart", "38.81", "38.806"),
    ("nedelcu2021", "f1-a", "SebKer", "55.92", "55.924"),
    ("nedelcu2021", "three-figures-c", "SebKer", "48.95 / 66.29 / 56.31", "116 of 237 right, 175 called so"),
    ("nedelcu2021", "answers-in-all-c", "", "686", "668 answers"),
    ("nedelcu2021", "best-size", "", "n = 686", "686 gives 5 of 7, the next best size 4"),
    ("nedelcu2021", "scratch-two-classes", "", "14.28 / 5.52 / 2.53", "together 576 to 653 of 686"),
    ("nedelcu2021", "stratified-split", "", "20 %", "every class fits"),
]
BHARDWAJ2021 = [
    ("bhardwaj2021", "prevalence", "Average+SVM", "0.179", "0.216 to 0.296"),
    ("bhardwaj2021", "prevalence-whole-percent", "Inception + fine tuning", "0.179", "0.105 to 0.136"),
    ("bhardwaj2021", "common-prevalence", "", "5 models", "Average+SVM 0.216 to 0.296"),
    ("bhardwaj2021", "macro-average", "Average+fine tuning", "85.2 / 0.5 / 0.5", "no answers to 904 positives"),
    ("bhardwaj2021", "majority-b", "MobileNet", "77.6", "82.1 by never"),
    ("bhardwaj2021", "two-classes-better", "", "86.3 above 77.3", "23 % and 54 %"),
    ("bhardwaj2021", "averaging-helps", "", "higher", "over Inception (85.2 and 88)"),
    ("bhardwaj2021", "number-of-classes", "", "8 / 7", "2 different"),
    ("bhardwaj2021", "all-from-ham10000", "", "25331", "0 to 10015"),
    ("bhardwaj2021", "minor-classes", "DF", "239", "300 to 800"),
    ("bhardwaj2021", "class-svc", "", "SVC", "not among AK"),
    ("bhardwaj2021", "tuning-points", "", "3", "2.3 = 77.3 - 75"),
    ("bhardwaj2021", "double-recall", "", "2", "1.2 = 0.6 of 0.5"),
    ("bhardwaj2021", "vgg-learned-nothing", "", "63", "61.9"),
    ("bhardwaj2021", "inception-in-table-2", "", "Inception", "not among CNN"),
    ("bhardwaj2021", "backed", "adam-best", "Adam", "no figure"),
]
BHARDWAJ2021_AGREES = [
    ("bhardwaj2021", "official-total", "", "25331", "25331 = 867"),
    ("bhardwaj2021", "abstract-accuracy", "", "86", "86.3"),
    ("bhardwaj2021", "prevalence", "MobileNet", "0.179", "0.172 to 0.213"),
    ("bhardwaj2021", "macro-average", "Average+SVM", "86.3", "a recall of 0.29 to 0.32"),
    ("bhardwaj2021", "tuning-relative", "", "103", "103.07"),
    ("bhardwaj2021", "inception-best", "", "Inception + fine tuning 88", "Inception + fine tuning 88"),
]
LUCIUS2020 = [
    ("lucius2020", "train-and-test", "Abstract", "10015", "10018"),
    ("lucius2020", "resolution-in-footnotes", "", "300x224 / 600x450", "2 different"),
    ("lucius2020", "contest-images", "", "163 / 162 / 162", "2 different"),
    ("lucius2020", "accuracy-and-error-images", "SEResNet50, 300x224", "77.82 + 22.22", "100.04"),
    ("lucius2020", "best-size-images", "", "n = 1702 gives 9", "1706 gives 14 of 16, the next best size 9"),
    ("lucius2020", "best-size-clinical", "", "n = 1702 gives 3", "1706 gives 15 of 16, the next best size 9"),
    ("lucius2020", "shifted-columns", "", "8 gains of 1.31 to 1.45", "unless under 0.3 % of the images change"),
    ("lucius2020", "same-gain", "", "6 gains", "6 of 6 gain just 24 images"),
    ("lucius2020", "same-gain-clinical", "", "7 gains", "5 of 7 gain just 24 images"),
    ("lucius2020", "vascular-specificity", "", "74.21", "at most 53.7"),
    ("lucius2020", "p-clinical-low", "", "p = 0.004", "two-sided 0.0379; Mann-Whitney, one-sided 0.019"),
    ("lucius2020", "paired-resolution", "", "p = 0.07", "two-sided: p = 0.0078"),
    ("lucius2020", "gps-nevi", "", "67 %", "at most 35.3 %"),
    ("lucius2020", "contest-readers", "", "27.74", "cut off, not rounded"),
]
LUCIUS2020_AGREES = [
    ("lucius2020", "vascular-specificity-product", "", "82.47", "at most 83.5"),
    ("lucius2020", "contest-network", "", "78.4", "127 of 162"),
]
GUPTA2021 = [
    ("gupta2021", "best-on-validation", "", "ResNet18 92", "DenseNet121 92.4"),
    ("gupta2021", "layers-of-resnet18", "", "50 / 18", "2 different"),
    ("gupta2021", "first-and-second", "", "92 against 92.4", "1.1 of 264"),
    ("gupta2021", "dark-resnet18-drop", "", "8 of 9", "57 to 98 %"),
]
GUPTA2021_AGREES = [
    ("gupta2021", "drop-from-validation", "", "592 of 660 and 243 of 264", "p = 0."),
    ("gupta2021", "deeper-densenet-is-worse", "", "each higher", "so it is"),
]
FOUND = [*MENDES2018, *NEDELCU2021, *BHARDWAJ2021, *LUCIUS2020, *GUPTA2021]
AGREES = [*MENDES2018_AGREES, *NEDELCU2021_AGREES, *BHARDWAJ2021_AGREES, *LUCIUS2020_AGREES, *GUPTA2021_AGREES]


@cache
def examined(paper):
    return audit.examine(paper)


def asked(paper, check, item):
    table = examined(paper)
    rows = table[table["id"].eq(check) & table["item"].eq(item)]
    assert len(rows) == 1, f"{paper}: {check} {item}"
    return rows.iloc[0]


@pytest.mark.parametrize(("paper", "check", "item", "printed", "recomputed"), FOUND)
def test_known_finding(paper, check, item, printed, recomputed):
    row = asked(paper, check, item)
    assert row["agrees"] == False  # noqa: E712
    assert printed in row["printed"]
    assert recomputed in row["recomputed"]


@pytest.mark.parametrize(("paper", "check", "item", "printed", "recomputed"), AGREES)
def test_known_to_agree(paper, check, item, printed, recomputed):
    row = asked(paper, check, item)
    assert row["agrees"] == True  # noqa: E712
    assert printed in row["printed"]
    assert recomputed in row["recomputed"]
