from functools import cache
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
        ("profile: real\nchapters:\n  01_toy: [3]", r"chapters.01_toy.0: .*valid dictionary"),
        ("profile: real\nchapters:\n  01_toy: [{estimated_gpu_hours: -1}]", "estimated_gpu_hours: .*greater than or"),
        ("profile: real\nchapters:\n  01_toy: [{estimated_gpu_hours: .inf}]", "estimated_gpu_hours: .*finite"),
        ("profile: real\nchapters:\n  01_toy: [{estimated_gpu_hours: 1}, {}]", "same parameter set twice"),
        ("profile: real\nentries:\n  01_toy: [{}]", "chapters: Field required"),
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


def test_estimated_hours_stand_beside_the_parameters_and_are_none(project):
    text = "profile: real\nchapters:\n  01_toy:\n  - &low {grid: {seed: [0, 1]}, lr: 1, estimated_gpu_hours: 0.5}\n"
    text += "  - {<<: *low, lr: 2, estimated_gpu_hours: 3}\n  - {lr: 3}\n"
    found = profile(project, text)
    assert [(one.parameters, one.estimated_gpu_hours) for one in found.entries["01_toy"]] == [
        ({"lr": 1, "seed": 0}, 0.5),
        ({"lr": 1, "seed": 1}, 0.5),
        ({"lr": 2, "seed": 0}, 3.0),
        ({"lr": 2, "seed": 1}, 3.0),
        ({"lr": 3}, None),
    ]
    assert found.chapters["01_toy"] == [one.parameters for one in found.entries["01_toy"]]


def test_an_unknown_profile_names_the_known(project):
    profile(project, "profile: quick\nchapters:\n  01_toy: [{}]", "quick")
    with pytest.raises(InputError, match=r"no profile 'fast'.*known: quick"):
        runs.load_profile("fast", project)


PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["quick", "real", "paper"])
def test_each_of_the_books_profiles_has_every_chapter(name):
    found = runs.load_profile(name, PROJECT)
    assert set(found.chapters) == set(runs.chapters(PROJECT))


@cache
def paper_values(chapter):
    """Return every value of each run of the paper profile."""
    notebook = runs.chapters(PROJECT)[chapter]
    return [runs.resolve(notebook, one) for one in runs.load_profile("paper", PROJECT).chapters[chapter]]


def test_every_run_of_the_paper_profile_can_be_planned_and_has_an_estimate():
    found = runs.load_profile("paper", PROJECT)
    for chapter, entries in found.entries.items():
        values = paper_values(chapter)
        assert len({repr(one) for one in values}) == len(values), f"{chapter}: two entries mean the same run"
        assert all(entry.estimated_gpu_hours is not None for entry in entries), chapter
        if chapter not in ("00_phantoms", "09_audit", "10_synthesis"):
            assert not any(one["data"].startswith("phantom:") for one in values), chapter


def paper_runs(chapter, **parameters):
    """Return the runs of the paper profile with these parameters, each with all its values."""
    return [one for one in paper_values(chapter) if parameters.items() <= one.items()]


def printed(paper):
    return papers.load(paper).hyperparameters.set_index("name")["value"]


def test_the_papers_mendes2018_is_the_solver_that_the_paper_prints():
    says, runs_of_it = printed("mendes2018"), paper_runs("02_mendes2018", split_by="paper")
    assert runs_of_it
    for one in runs_of_it:
        assert (one["lr"], one["batch_size"], one["iter_size"]) == (
            says["base lr"],
            says["batch size"],
            says["iter size"],
        )
        assert one["head_mult"] == says["head learning rate"]
        assert one["copies"] == says["factor"]
        assert one["arch"] == "resnet152" and one["pretrained"] and one["body"] == "fine-tuned"
        assert one["tests"] == says["iteration tested"] // says["test interval"]
        photographs = papers.load("mendes2018").tables["IV"][["train", "valid"]].to_numpy().sum() / says["factor"]
        iterations = one["epochs"] * photographs / (one["batch_size"] * one["iter_size"])
        assert iterations == pytest.approx(says["iteration tested"], rel=0.01)


def test_the_papers_gupta2021_is_table_1_with_the_printed_settings():
    says = printed("gupta2021")
    named = {"resnet18", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "densenet121", "densenet161"}
    found = [one for one in paper_runs("07_gupta2021", pretrained=True) if one["arch"] in named]
    assert {one["arch"] for one in found} == named
    assert len(named) == len(papers.load("gupta2021").tables["1"])
    for one in found:
        assert (one["epochs"], one["batch_size"], one["lr"]) == (
            says["epochs"],
            says["batch size"],
            says["learning rate"],
        )
        assert f"{one['size']}x{one['size']}" == says["size"]
    for one in paper_runs("07_gupta2021", arch="gupta2021_cnn"):
        assert one["epochs"] == says["baseline epochs"] and not one["pretrained"]
        assert (one["batch_size"], one["lr"]) == (says["baseline batch size"], says["baseline learning rate"])


def test_the_papers_nedelcu2021_is_tables_iii_and_iv_with_the_printed_settings():
    says = printed("nedelcu2021")
    found = paper_runs("08_nedelcu2021", data="dermai")
    by_strategy = {one["strategy"] for one in found if one["arch"] == "efficientnet_b3"}
    assert by_strategy == set(papers.load("nedelcu2021").tables["IV"]["strategy"])
    assert {one["arch"] for one in found if one["strategy"] == "a"} == {
        "efficientnet_b3",
        "resnet50",
        "mobilenetv2_100",
    }
    for one in found:
        assert one["epochs_per_block"] == says["epochs per block"]
        assert one["top_lr"] == says["learning rate of the top layer"]
        assert one["lr"] == says["learning rate of the other blocks"]
        assert f"{one['size']}x{one['size']}" == says["input size"]
        assert (one["resample"], one["fit"], one["per_class"], one["thaw"]) == ("nearest", "squash", 1, "blockwise")
    assert {one["blocks"] for one in found if one["arch"] == "efficientnet_b3"} == {says["EfficientNet-B3 blocks"]}


def test_the_papers_bhardwaj2021_has_the_networks_of_both_tables():
    says, found = printed("bhardwaj2021"), paper_runs("03_bhardwaj2021", data="isic2019")
    assert {one["epochs"] for one in found} == {says["epochs"]}
    assert {one["augment"] for one in found} == {says["augmentation"]}
    assert {one["patience"] for one in found if one["schedule"] == "plateau"} == {says["patience"]}
    assert {one["holdout"] for one in found} == {"paper", "test"}
    of = {task: {tuple(one["members"]) for one in found if one["task"] == task} for task in "AB"}
    assert of["A"] >= {("bhardwaj2021_cnn_g1",), ("vgg16",), ("alexnet",)}
    assert of["B"] >= {("mobilenetv2_100",), ("inception_v3",)}
    averages = [one for one in found if one["task"] == "B" and len(one["members"]) > 1]
    assert averages and all(one["heads"] and len(one["members"]) == len(says["averaged"]) for one in averages)


def test_the_papers_contests_have_the_printed_readers_and_images():
    found = paper_runs("06_reader_study", n_readers=0, round_images=0)
    assert {one["contest"] for one in found} == set(papers.load("lucius2020").contests)


def test_the_papers_grid_is_eight_networks_two_inputs_two_sizes_and_five_repeats():
    values = paper_values("04_lucius2020")
    axes = {name: {str(one[name]) for one in values} for name in ("arch", "clinical", "height", "width", "seed")}
    assert [len(found) for found in axes.values()] == [8, 2, 2, 2, 5]
    assert len(values) == len({str(one) for one in values}) == 8 * 2 * 2 * 5
    assert {(one["width"], one["height"]) for one in values} == {(300, 224), (600, 450)}
    says = printed("lucius2020")
    assert {one["epochs"] for one in values} == {says["epochs"]}
    assert {one["dropout"] for one in values} == {says["dropout"]}
    assert len(axes["seed"]) == says["repeats"]
    assert len(axes["arch"]) == len(says["networks"])
