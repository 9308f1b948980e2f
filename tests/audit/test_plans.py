"""The plans: that each fits its paper, and that what is known to be wrong is found."""

import pytest

from lesionlib import audit, packaged, papers
from lesionlib.audit import plan
from lesionlib.errors import InputError, LesionlibError

CHECK = """
schema: 1
paper: lucius2020
checks:
  - id: some-check
    asks: Is it so?
    check: {check}
    place: [Table 2]
    with: {arguments}
    severity: slip
    meaning: It is not.
"""


@pytest.fixture(scope="module", params=papers.available())
def key(request):
    return request.param


def parsed(text):
    return packaged.parse(text, plan.Plan, "audit/plans/x.yaml")


def examined(text):
    figures = plan.Figures(papers.load("lucius2020"))
    return [row for check in parsed(text).checks for row in audit._outcomes("lucius2020", check, figures)]


def test_every_paper_has_a_plan():
    assert audit.available() == papers.available()


def test_a_plan_names_places_of_its_paper(key):
    places = papers.load(key).places
    for check in plan.load(key).checks:
        assert set(check.place) <= set(places), check.id


def test_every_check_can_be_asked_and_says_something(key):
    table = audit.examine(key)
    assert set(table["id"]) == {check.id for check in plan.load(key).checks}
    assert table["printed"].str.len().gt(0).all()
    assert table["recomputed"].str.len().gt(0).all()
    assert table["paper"].eq(key).all()
    assert not table.duplicated(["id", "item"]).any()


def test_findings_are_what_does_not_agree(key):
    everything, findings = audit.examine(key), audit.run(key)
    assert list(findings.columns) == list(audit.COLUMNS)
    assert len(findings) == int((everything["agrees"] == False).sum())  # noqa: E712
    # A plan that only lists what fails would be no audit.
    assert everything["agrees"].eq(True).any()


@pytest.mark.parametrize("known", ["bhardwaj2021", "gupta2021", "lucius2020", "mendes2018", "nedelcu2021"])
def test_each_of_the_five_has_findings(known):
    assert len(audit.run(known)) > 0


@pytest.mark.parametrize(
    ("check", "arguments", "says"),
    [
        ("agreement.nothing", "{}", "there is no check 'agreement.nothing'"),
        ("nowhere.total", "{}", "there is no check"),
        ("agreement.total", "{parts: [1]}", "missing 1 required positional argument"),
        ("agreement.total", "{parts: {of: nowhere.1, column: x}, printed: 1}", "no figures called 'nowhere.1'"),
        ("agreement.total", "{parts: [1], printed: {of: splits, cell: train}}", "names 4 rows, expected one"),
    ],
)
def test_a_plan_that_does_not_fit_is_named(check, arguments, says):
    with pytest.raises(LesionlibError) as caught:
        examined(CHECK.format(check=check, arguments=arguments))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_references():
    rows = examined(
        CHECK.format(
            check="agreement.total",
            arguments="{parts: {of: tables.1, where: \"label != 'nv'\", column: train}, printed: 2748}",
        )
    )
    assert [(row["agrees"], row["recomputed"]) for row in rows] == [(True, "2748 = 912 + 118 + 96 + 271 + 427 + 924")]
    total = "{parts: [{sum: {of: cards.ham10000, column: images}}], printed: 10015}"
    assert examined(CHECK.format(check="agreement.total", arguments=total))[0]["agrees"] is True


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("schema: 1\npaper: [", "not valid YAML"),
        ("schema: 2\npaper: x\nchecks: []", "schema: Input should be 1"),
        (CHECK.format(check="a.b", arguments="{}") + "    colour: red\n", "Extra inputs are not permitted"),
        (
            CHECK.format(check="a.b", arguments="{}") + CHECK.format(check="a.b", arguments="{}").split("checks:\n")[1],
            "check id 'some-check' stands twice",
        ),
    ],
)
def test_a_damaged_plan_is_one_line(text, says):
    with pytest.raises(LesionlibError) as caught:
        parsed(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_paper_is_one_line():
    with pytest.raises(InputError, match=r"expected one of: .*lucius2020"):
        audit.run("nobody2000")


def test_a_printed_matrix_as_a_frame():
    figures = plan.Figures(papers.load("nedelcu2021"))
    frame = figures.frame("matrices.VI").set_index("label")
    assert frame.loc["SebKer", ["images", "called", "right"]].tolist() == [237, 185, 118]
    assert frame.loc["MM", "sensitivity"] == pytest.approx(20.0)
    assert frame["images"].sum() == frame["called"].sum() == 686


def test_totals_and_joined_columns():
    figures = plan.Figures(papers.load("nedelcu2021"))
    assert figures.value({"of": "tables.I", "total": "anatomical"}, None) == 296
    both = {"joined": [{"of": "tables.III", "column": "accuracy"}, {"of": "tables.IV", "column": "accuracy"}]}
    assert figures.value(both, None) == [14.43, 43.0, 42.71, 14.28, 42.56, 42.71, 43.73, 43.44]
