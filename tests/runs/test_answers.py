import numpy as np
import pandas as pd
import pytest
from test_recording import record

from lesionlib import runs
from lesionlib.errors import InputError

IDS = ["b", "a", "d", "c"]
CASES = pd.DataFrame(
    {"image_id": IDS, "lesion_id": ["l1", "l1", None, "l2"], "split": "test", "truth": ["nv", "mel", "nv", "nv"]}
)


def predicted(ids, p_mel, **columns):
    p_mel = np.asarray(p_mel)
    return pd.DataFrame({"image_id": ids, "split": "test", **columns, "p_mel": p_mel, "p_nv": 1 - p_mel})


ONE = predicted(IDS, [0.1, 0.9, 0.2, 0.3])
TWO = pd.concat([ONE.assign(arm="softmax head"), predicted(IDS, [0.5, 0.25, 0.75, 0], arm="SVM head")])


def test_answers_stand_in_the_order_of_the_images(project):
    found = runs.answers(record(predictions=ONE, cases=CASES).key)
    assert found.frame["image_id"].tolist() == ["a", "b", "c", "d"]
    assert found.labels == ["mel", "nv"]
    assert found.y_true.tolist() == [0, 1, 1, 1]
    assert found.y_prob == pytest.approx(np.array([[0.9, 0.1], [0.1, 0.9], [0.3, 0.7], [0.2, 0.8]]))
    assert found.lesions.tolist() == ["l1", "l1", "l2", "d"]


def test_arms_are_told_apart(project):
    key = record(predictions=TWO, cases=CASES).key
    heads = {arm: runs.answers(key, arm=arm) for arm in ("softmax head", "SVM head")}
    assert heads["softmax head"].y_prob[:, 0] == pytest.approx([0.9, 0.1, 0.3, 0.2])
    assert heads["SVM head"].y_prob[:, 0] == pytest.approx([0.25, 0.5, 0, 0.75])
    assert len(runs.load(key).predictions) == 8


@pytest.mark.parametrize(
    ("predictions", "asked", "said"),
    [
        (TWO, {}, "arm: found None, expected one of softmax head, SVM head"),
        (TWO, {"arm": "forest"}, "arm: found 'forest', expected one of softmax head, SVM head"),
        (ONE, {"arm": "SVM head"}, "arm: found 'SVM head', expected none"),
        (ONE, {"split": "valid"}, "no predictions of the split 'valid', expected one of test"),
    ],
)
def test_an_arm_or_split_that_is_not_there(project, predictions, asked, said):
    key = record(predictions=predictions, cases=CASES).key
    with pytest.raises(InputError, match=said) as error:
        runs.answers(key, **asked)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("predictions", "said"),
    [
        (pd.concat([TWO, TWO.iloc[[5]]]), "image a twice"),
        (TWO.assign(arm=[None, *TWO["arm"][1:]]), "without its arm"),
    ],
)
def test_arms_that_cannot_be_told_apart_are_not_recorded(project, predictions, said):
    with pytest.raises(InputError, match=said):
        record(predictions=predictions, cases=CASES)
