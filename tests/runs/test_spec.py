import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_project import COMPUTE, PARAMETERS, notebook, write_notebook

from lesionlib import runs
from lesionlib.errors import InputError
from lesionlib.runs.spec import computing_sources, read_cells, resolve, run_key

values = st.one_of(st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5), st.none())
parameters = st.dictionaries(st.text(min_size=1, max_size=5), values | st.lists(values, max_size=3), max_size=5)


@settings(max_examples=40, deadline=None)
@given(parameters, st.randoms())
def test_the_order_of_parameters_does_not_matter(given_parameters, random):
    names = list(given_parameters)
    random.shuffle(names)
    shuffled = {name: given_parameters[name] for name in names}
    assert run_key("c", ["x = 1"], given_parameters, "f") == run_key("c", ["x = 1"], shuffled, "f")


@settings(max_examples=40, deadline=None)
@given(parameters, st.text(min_size=1, max_size=5), values)
def test_another_value_is_another_key(given_parameters, name, value):
    other = given_parameters | {name: value}
    same = repr(other.get(name)) == repr(given_parameters.get(name, object()))
    keys = {run_key("c", ["x = 1"], one, "f") for one in (given_parameters, other)}
    assert len(keys) == (1 if same else 2)


def test_what_changes_the_key_and_what_only_the_code(project):
    first = runs.plan(write_notebook(project, "01_toy"), {}, "f00d")
    looks = runs.plan(write_notebook(project, "01_toy", look="runs.table()  # another figure"), {}, "f00d")
    assert looks.key == first.key
    assert looks.code != first.code

    prose = notebook("01_toy")
    prose.cells[0].source += "\n\nOne more word."
    path = project / "notebooks" / "01_toy.ipynb"
    nbformat.write(prose, path)
    told = runs.plan(path, {}, "f00d")
    assert told.key == first.key
    assert told.code != first.code

    path = write_notebook(project, "01_toy")
    assert runs.plan(path, {}, "f00d") == first
    spaced = COMPUTE.replace(" + ", "+") + "  # why"
    assert runs.plan(write_notebook(project, "01_toy", compute=spaced), {}, "f00d").key == first.key
    path = write_notebook(project, "01_toy")
    others = [
        runs.plan(path, {"epochs": 2}, "f00d"),
        runs.plan(path, {}, "beef"),
        runs.plan(write_notebook(project, "01_toy", compute=COMPUTE + " + 0"), {}, "f00d"),
        runs.plan(write_notebook(project, "02_toy"), {}, "f00d"),
    ]
    assert len({first.key, *(other.key for other in others)}) == 5


def test_outputs_change_neither_key_nor_code(project):
    path = write_notebook(project, "01_toy")
    first = runs.plan(path, {}, "f00d")
    ran = notebook("01_toy")
    ran.cells[2].outputs = [nbformat.v4.new_output("stream", text="0.6")]
    ran.cells[2].execution_count = 3
    nbformat.write(ran, path)
    assert runs.plan(path, {}, "f00d") == first


def test_a_default_given_by_hand_is_the_same_run(project):
    path = write_notebook(project, "01_toy")
    assert runs.plan(path, {"epochs": 1, "lr": 0.1}, "f").key == runs.plan(path, {}, "f").key


def test_where_the_data_stand_is_not_in_the_key(project):
    path = write_notebook(project, "01_toy")
    keys = {runs.plan(path, {"data": where}, "f").key for where in ("/home/a/set", "/mnt/b/set", "C:\\data\\set")}
    assert len(keys) == 1


def test_cells_that_compute(project):
    cells = read_cells(write_notebook(project, "01_toy"))
    sources = computing_sources(cells)
    assert len(sources) == 2
    assert sources[0] == COMPUTE
    assert PARAMETERS not in sources


@pytest.mark.parametrize(
    ("name", "value", "resolved"),
    [
        ("epochs", 3, 3),
        ("lr", 1, 1.0),
        ("lr", 1e-3, 1e-3),
        ("verbose", True, True),
        ("clinical", ["age", "sex"], ["age", "sex"]),
        ("clinical", ("age",), ["age"]),
        ("clinical", None, None),
        ("data", "ham10000", "ham10000"),
    ],
)
def test_values_of_the_right_type(project, name, value, resolved):
    found = resolve(write_notebook(project, "01_toy"), {name: value})[name]
    assert found == resolved
    assert type(found) is type(resolved)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("epochs", "three", "found 'three' (str), expected a whole number like the default 1"),
        ("epochs", 1.5, "expected a whole number"),
        ("epochs", True, "found True (bool), expected a whole number"),
        ("epochs", None, "expected a whole number"),
        ("epochs", [1], "expected a whole number"),
        ("lr", "1e-3", "YAML takes 1e-3 for a text: write 0.001"),
        ("lr", False, "expected a number"),
        ("verbose", 1, "expected true or false"),
        ("data", 5, "found 5 (int), expected a text"),
        ("clinical", {"age": 1}, "a list of them"),
        ("clinical", [["age"]], "a list of them"),
    ],
)
def test_values_of_the_wrong_type(project, name, value, said):
    with pytest.raises(InputError) as caught:
        resolve(write_notebook(project, "01_toy"), {name: value})
    line = str(caught.value)
    assert f"01_toy: parameter {name}" in line
    assert said in line
    assert "\n" not in line


def test_an_unknown_parameter_names_the_known_and_the_nearest(project):
    with pytest.raises(InputError, match=r"unknown parameter epoch; known: data, epochs, .*mean epochs") as caught:
        resolve(write_notebook(project, "01_toy"), {"epoch": 3})
    assert "\n" not in str(caught.value)


def test_a_default_must_be_written_out(project):
    path = project / "notebooks" / "01_toy.ipynb"
    book = notebook("01_toy")
    book.cells[1].source = "epochs = 1\nsize = 2 * epochs"
    nbformat.write(book, path)
    with pytest.raises(InputError, match="line 2: the default of size"):
        resolve(path, {})


def test_parameters_are_read_whatever_their_comments_say(project):
    path = project / "notebooks" / "01_toy.ipynb"
    book = notebook("01_toy")
    book.cells[1].source = "epochs: int = 1  # 0 = none\nclinical = [\n    'age',  # in years\n    'sex',\n]"
    nbformat.write(book, path)
    assert resolve(path, {"epochs": 2}) == {"epochs": 2, "clinical": ["age", "sex"]}


def test_no_notebook(project):
    with pytest.raises(InputError, match="no such notebook"):
        runs.plan(project / "notebooks" / "99.ipynb", {}, "f")
    bad = project / "notebooks" / "98.ipynb"
    bad.write_text("{")
    with pytest.raises(InputError, match=r"98\.ipynb: cannot be read"):
        runs.plan(bad, {}, "f")
