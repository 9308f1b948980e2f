import pytest
from toy_project import write_notebook

from lesionlib import runs
from lesionlib.errors import InputError


def profile(project, text, name="real"):
    write_notebook(project, "01_toy")
    (project / "notebooks" / "profiles" / f"{name}.yml").write_text(text)
    return runs.load_profile(name, project)


def test_a_profile_lists_parameter_sets(project):
    text = "profile: real\nchapters:\n  01_toy:\n    - {epochs: 2, clinical: [age, sex]}\n    - {}\n"
    assert profile(project, text).chapters == {"01_toy": [{"epochs": 2, "clinical": ["age", "sex"]}, {}]}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("profile: real\nchapters:\n  01_toy: [{}]\n  01_toy: [{epochs: 2}]", "'01_toy' stands twice"),
        ("profile: real\nchapters:\n  01_toy: [{epochs: 2, epochs: 3}]", "'epochs' stands twice"),
        ("profile: real\nchapters:\n  02_none: [{}]", "no chapter '02_none'.*known: 01_toy"),
        ("profile: real\nchapters:\n  01_toy: [{}, {}]", "same parameter set twice"),
        ("profile: real\nchapters:\n  01_toy: []", "no parameter set"),
        ("profile: real\nchapters:\n  01_toy: {epochs: 2}", "valid list"),
        ("profile: real\nchapters:\n  01_toy: [{epochs: {a: 1}}]", "01_toy"),
        ("profile: quick\nchapters:\n  01_toy: [{}]", "calls itself 'quick'"),
        ("profile: real", "chapters"),
        ("profile: [real", "real.yml"),
        ("", "real.yml"),
    ],
)
def test_bad_profiles(project, text, said):
    with pytest.raises(InputError, match=said) as caught:
        profile(project, text)
    assert "\n" not in str(caught.value)


def test_merged_keys_may_be_overridden(project):
    text = "profile: real\nchapters:\n  01_toy:\n  - &base {epochs: 2, lr: 1}\n  - &more {<<: *base, epochs: 3}\n"
    text += "  - {<<: *more, lr: 2}\n"
    sets = profile(project, text).chapters["01_toy"]
    assert sets == [{"epochs": 2, "lr": 1}, {"epochs": 3, "lr": 1}, {"epochs": 3, "lr": 2}]


def test_an_unknown_profile_names_the_known(project):
    profile(project, "profile: quick\nchapters:\n  01_toy: [{}]", "quick")
    with pytest.raises(InputError, match=r"no profile 'fast'.*known: quick"):
        runs.load_profile("fast", project)
