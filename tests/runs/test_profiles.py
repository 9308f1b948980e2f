from math import prod
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_project import write_notebook

from lesionlib import papers, runs
from lesionlib.errors import InputError
from lesionlib.runs import Profile


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
        ("profile: real\nchapters:\n  01_toy: [{grid: [1]}]", r"01_toy: grid: found \[1\], expected parameters"),
        ("profile: real\nchapters:\n  01_toy: [{grid: {}}]", "01_toy: grid: found {}"),
        ("profile: real\nchapters:\n  01_toy: [{grid: {epochs: 2}}]", "grid: epochs: found 2, expected a list"),
        ("profile: real\nchapters:\n  01_toy: [{grid: {epochs: []}}]", r"grid: epochs: found \[\], expected a list"),
        ("profile: real\nchapters:\n  01_toy: [{grid: {epochs: [1, 1]}}]", "same parameter set twice"),
        ("profile: real\nchapters:\n  01_toy: [{grid: {epochs: [1]}}, {epochs: 1}]", "same parameter set twice"),
        (
            "profile: real\nchapters:\n  01_toy: [{grid: {epochs: [1]}, epochs: 2}]",
            "epochs stands in the grid",
        ),
        ("profile: real\nchapters:\n  01_toy: [{grid: {epochs: [{a: 1}]}}]", "01_toy"),
        ("profile: real\nchapters:\n  01_toy: [{grid: {epochs: [1], epochs: [2]}}]", "'epochs' stands twice"),
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


def test_a_grid_stands_for_each_combination(project):
    text = "profile: real\nchapters:\n  01_toy:\n    - {epochs: 1}\n"
    text += "    - {grid: {seed: [1, 0], clinical: [null, [age, sex]]}, lr: 2}\n    - {}\n"
    assert profile(project, text).chapters["01_toy"] == [
        {"epochs": 1},
        {"lr": 2, "seed": 1, "clinical": None},
        {"lr": 2, "seed": 1, "clinical": ["age", "sex"]},
        {"lr": 2, "seed": 0, "clinical": None},
        {"lr": 2, "seed": 0, "clinical": ["age", "sex"]},
        {},
    ]


@given(axes=st.dictionaries(st.text("abc", min_size=1), st.sets(st.integers(0, 9), min_size=1, max_size=3), max_size=3))
def test_a_grid_is_the_product_of_its_lists(axes):
    entry = {"grid": {name: sorted(values) for name, values in axes.items()}, "lr": 1} if axes else {"lr": 1}
    sets = Profile(profile="any", chapters={"01_toy": [entry]}).chapters["01_toy"]
    assert len(sets) == prod(len(values) for values in axes.values())
    assert sets == sorted(sets, key=lambda one: [one[name] for name in axes])
    assert all(set(one) == {"lr", *axes} and one["lr"] == 1 for one in sets)
    assert len({tuple(one.items()) for one in sets}) == len(sets)


def test_a_merged_grid_may_stand_beside_other_values(project):
    text = "profile: real\nchapters:\n  01_toy:\n  - &low {grid: {seed: [0, 1]}, lr: 1}\n  - {<<: *low, lr: 2}\n"
    sets = profile(project, text).chapters["01_toy"]
    assert sets == [{"lr": lr, "seed": seed} for lr in (1, 2) for seed in (0, 1)]


def test_an_unknown_profile_names_the_known(project):
    profile(project, "profile: quick\nchapters:\n  01_toy: [{}]", "quick")
    with pytest.raises(InputError, match=r"no profile 'fast'.*known: quick"):
        runs.load_profile("fast", project)


def test_the_papers_grid_is_eight_networks_two_inputs_two_sizes_and_five_repeats():
    project = Path(__file__).parents[2]
    sets = runs.load_profile("paper", project).chapters["04_lucius2020"]
    notebook = project / "notebooks" / "04_lucius2020.ipynb"
    values = [runs.resolve(notebook, one) for one in sets]
    axes = {name: {str(one[name]) for one in values} for name in ("arch", "clinical", "height", "width", "seed")}
    assert [len(found) for found in axes.values()] == [8, 2, 2, 2, 5]
    assert len(sets) == len({str(one) for one in values}) == 8 * 2 * 2 * 5
    assert {(one["width"], one["height"]) for one in values} == {(300, 224), (600, 450)}
    printed = papers.load("lucius2020").hyperparameters.set_index("name")["value"]
    assert {one["epochs"] for one in values} == {printed["epochs"]}
    assert {one["dropout"] for one in values} == {printed["dropout"]}
    assert len(axes["seed"]) == printed["repeats"]
    assert len(axes["arch"]) == len(printed["networks"])
