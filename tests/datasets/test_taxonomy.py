"""The vocabulary of diagnoses and the papers' label maps: known answers, rules that hold, and faults."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_ham10000 import refused

from lesionlib import packaged, papers
from lesionlib.datasets import card, cards, label_map, label_maps, taxonomy
from lesionlib.errors import LesionlibError

TERMS = taxonomy.vocabulary()
NAMES = [name for term, row in TERMS.iterrows() for name in [term, row["title"], *row["synonyms"].split("; ")] if name]

# The words of each dataset and paper, and the term for them.
SAID = {
    "HAM10000": {
        "akiec": "actinic_keratosis",
        "bcc": "basal_cell_carcinoma",
        "bkl": "benign_keratosis",
        "df": "dermatofibroma",
        "mel": "melanoma",
        "nv": "nevus",
        "vasc": "vascular_lesion",
    },
    "ISIC 2019": {"MEL": "melanoma", "AK": "actinic_keratosis", "SCC": "squamous_cell_carcinoma", "UNK": "unknown"},
    "ISIC 2020": {
        "unknown": "unknown",
        "nevus": "nevus",
        "seborrheic keratosis": "seborrheic_keratosis",
        "lentigo NOS": "lentigo",
        "lichenoid keratosis": "lichenoid_keratosis",
        "solar lentigo": "solar_lentigo",
        "cafe-au-lait macule": "cafe_au_lait_macule",
        "atypical melanocytic proliferation": "atypical_melanocytic_proliferation",
    },
    "MED-NODE": {"melanoma": "melanoma", "naevus": "nevus"},
    "Dermofit, as mendes2018 prints it": {
        "Actinic Keratosis": "actinic_keratosis",
        "Basal Cell Carcinoma": "basal_cell_carcinoma",
        "Melanocytic Nevus (mole)": "nevus",
        "Seborrhoeic Keratosis": "seborrheic_keratosis",
        "Squamous Cell Carcinoma": "squamous_cell_carcinoma",
        "Intraepithelial Carcinoma": "intraepithelial_carcinoma",
        "Pyogenic Granuloma": "pyogenic_granuloma",
        "Haemangioma": "hemangioma",
        "Dermatofibroma": "dermatofibroma",
        "Malignant Melanoma": "melanoma",
    },
    "atlas, as mendes2018 prints it": {"Lentigo": "lentigo", "Melanocytic nevus (mole)": "nevus", "Wart": "wart"},
    "derm7pt": {
        "basal cell carcinoma": "basal_cell_carcinoma",
        "blue nevus": "blue_nevus",
        "clark nevus": "clark_nevus",
        "combined nevus": "combined_nevus",
        "congenital nevus": "congenital_nevus",
        "dermal nevus": "dermal_nevus",
        "dermatofibroma": "dermatofibroma",
        "lentigo": "lentigo",
        "melanoma": "melanoma",
        "melanoma (0.76 to 1.5 mm)": "melanoma",
        "melanoma (in situ)": "melanoma_in_situ",
        "melanoma (less than 0.76 mm)": "melanoma",
        "melanoma (more than 1.5 mm)": "melanoma",
        "melanoma metastasis": "melanoma_metastasis",
        "melanosis": "melanosis",
        "miscellaneous": "other",
        "recurrent nevus": "recurrent_nevus",
        "reed or spitz nevus": "spitz_nevus",
        "seborrheic keratosis": "seborrheic_keratosis",
        "vascular lesion": "vascular_lesion",
    },
    "PAD-UFES-20": {"ACK": "actinic_keratosis", "NEV": "nevus", "SEK": "seborrheic_keratosis"},
    "PH2": {"Common Nevus": "common_nevus", "Atypical Nevus": "atypical_nevus", "Melanoma": "melanoma"},
    "fitzpatrick17k": {
        "basal cell carcinoma morpheiform": "basal_cell_carcinoma",
        "solid cystic basal cell carcinoma": "basal_cell_carcinoma",
        "granuloma pyogenic": "pyogenic_granuloma",
        "nevocytic nevus": "nevus",
        "naevus comedonicus": "nevus_comedonicus",
        "nevus sebaceous of jadassohn": "nevus_sebaceus",
        "superficial spreading melanoma ssm": "superficial_spreading_melanoma",
        "lentigo maligna": "lentigo_maligna",
        "kaposi sarcoma": "kaposi_sarcoma",
        "mycosis fungoides": "mycosis_fungoides",
        "port wine stain": "port_wine_stain",
        "telangiectases": "telangiectasia",
        "malignant cutaneous lymphoma": "cutaneous_lymphoma",
        "benign melanocyte": "nevus",
    },
    "ddi": {
        "acral-melanotic-macule": "melanotic_macule",
        "atypical-spindle-cell-nevus-of-reed": "spitz_nevus",
        "basal-cell-carcinoma-superficial": "basal_cell_carcinoma",
        "condyloma-accuminatum": "condyloma_acuminatum",
        "dysplastic-nevus": "atypical_nevus",
        "eczema-spongiotic-dermatitis": "eczema",
        "melanocytic-nevi": "nevus",
        "melanoma-acral-lentiginous": "acral_lentiginous_melanoma",
        "nodular-melanoma-(nm)": "nodular_melanoma",
        "seborrheic-keratosis-irritated": "seborrheic_keratosis",
        "squamous-cell-carcinoma-in-situ": "intraepithelial_carcinoma",
        "squamous-cell-carcinoma-keratoacanthoma": "keratoacanthoma",
        "subcutaneous-t-cell-lymphoma": "subcutaneous_t_cell_lymphoma",
        "verruca-vulgaris": "wart",
    },
    "DermAI, as nedelcu2021 prints it": {
        "Nevus, Non-neoplastic": "nevus",
        "Molluscum Contagiosum": "molluscum_contagiosum",
        "Neoplasm Unc. Behavior": "uncertain_neoplasm",
        "Pendulum Fibroma": "acrochordon",
        "Viral Warts": "wart",
        "Other Malignant Neoplasm": "other_malignant_neoplasm",
    },
    "anyone": {"Bowen's disease": "intraepithelial_carcinoma", "Bowens  Disease": "intraepithelial_carcinoma"},
}

# The column `disease` of ddi, but for what stands above.
DDI = """abrasions-ulcerations-and-physical-injuries abscess acne-cystic acquired-digital-fibrokeratoma acrochordon
actinic-keratosis angioleiomyoma angioma arteriovenous-hemangioma basal-cell-carcinoma basal-cell-carcinoma-nodular
benign-keratosis blastic-plasmacytoid-dendritic-cell-neoplasm blue-nevus cellular-neurothekeoma chondroid-syringoma
clear-cell-acanthoma coccidioidomycosis dermatofibroma dermatomyositis eccrine-poroma epidermal-cyst epidermal-nevus
fibrous-papule focal-acral-hyperkeratosis folliculitis foreign-body-granuloma glomangioma graft-vs-host-disease
hematoma hyperpigmentation inverted-follicular-keratosis kaposi-sarcoma keloid leukemia-cutis lichenoid-keratosis
lipoma lymphocytic-infiltrations melanoma melanoma-in-situ metastatic-carcinoma molluscum-contagiosum morphea
mycosis-fungoides neurofibroma neuroma nevus-lipomatosus-superficialis onychomycosis
pigmented-spindle-cell-nevus-of-reed prurigo-nodularis pyogenic-granuloma reactive-lymphoid-hyperplasia scar
sebaceous-carcinoma seborrheic-keratosis solar-lentigo squamous-cell-carcinoma syringocystadenoma-papilliferum
tinea-pedis trichilemmoma trichofolliculoma verruciform-xanthoma wart xanthogranuloma"""


@pytest.mark.parametrize("source", SAID)
def test_the_words_of_each_dataset_have_their_term(source):
    assert {text: taxonomy.term(text) for text in SAID[source]} == SAID[source]
    assert set(SAID[source].values()) <= set(TERMS.index)


def test_every_disease_of_ddi_is_a_term():
    assert [disease for disease in DDI.split() if taxonomy.term(disease) not in TERMS.index] == []


@given(st.sampled_from(NAMES), st.data())
@settings(max_examples=60, deadline=None)
def test_case_spaces_and_punctuation_make_no_difference(name, data):
    between = data.draw(
        st.lists(st.sampled_from(["", " ", "-", "_", ".", "'"]), min_size=len(name), max_size=len(name))
    )
    upper = data.draw(st.booleans())
    noisy = "".join((letter.upper() if upper else letter) + gap for letter, gap in zip(name, between, strict=True))
    assert taxonomy.term(noisy) == taxonomy.term(name)
    assert taxonomy.term(taxonomy.term(noisy)) == taxonomy.term(noisy) in TERMS.index


def test_categories_are_those_of_the_papers():
    groups = {"benign", "malignant", "precancerous", "uncertain"}
    assert set(TERMS["category"]) == groups
    # mendes2018, section I: of its 12 lesions, 4 are malignant and 8 benign, one of these precancerous.
    found = [taxonomy.category(name) for name in label_map("mendes2018").classes]
    assert [found.count(group) for group in ("malignant", "benign", "precancerous")] == [4, 7, 1]
    # nedelcu2021, section III-A: of Dermofit's 1,300 images, 481 are carcinogenic.
    classes = card("dermofit").classes.values()
    assert sum(facts.images for facts in classes if taxonomy.category(facts.diagnosis) == "malignant") == 481
    assert taxonomy.category("akiec") == "precancerous"
    assert taxonomy.category("other") == taxonomy.category("what nobody has heard of") == "uncertain"


def test_the_family_tree():
    assert taxonomy.lineage("lentigo maligna") == ["lentigo_maligna", "melanoma_in_situ", "melanoma"]
    assert taxonomy.lineage("Clark nevus") == ["clark_nevus", "nevus"]
    assert taxonomy.lineage("epidermal nevus") == ["epidermal_nevus"]
    assert taxonomy.lineage("SK") == ["seborrheic_keratosis", "benign_keratosis"]
    assert taxonomy.lineage("no such thing") == ["no_such_thing"]


def test_an_unknown_diagnosis_is_a_name_of_its_own():
    assert taxonomy.term("  Lichen Planus (oral) ") == "lichen_planus_oral"
    assert taxonomy.term("Darier's disease") == "dariers_disease"
    for bad in (None, pd.NA, 7, "", " - "):
        refused(lambda bad=bad: taxonomy.term(bad), "a diagnosis is", "expected a text")


def test_the_vocabulary_is_a_table():
    assert list(TERMS) == ["title", "category", "parent", "synonyms", "note"]
    assert TERMS.index.is_unique
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) for name in TERMS.index)
    assert TERMS.loc["intraepithelial_carcinoma", ["title", "category"]].tolist() == [
        "intraepithelial carcinoma",
        "malignant",
    ]
    assert set(TERMS["parent"].dropna()) <= set(TERMS.index)


FAULTS = {
    "circle": ("a: {title: A, category: benign, parent: b}\nb: {title: B, category: benign, parent: a}", "in a circle"),
    "own parent": ("a: {title: A, category: benign, parent: a}", "in a circle: a -> a"),
    "no such parent": ("a: {title: A, category: benign, parent: b}", "the parent of a is b, which is no term"),
    "one name twice": (
        "a: {title: A, category: benign, synonyms: [Mole]}\nb: {title: B, category: benign, synonyms: [mo-le]}",
        "'mole' is a name of both a and b",
    ),
    "a title that is another's name": (
        "a: {title: A, category: benign}\nb: {title: a, category: benign}",
        "both a and b",
    ),
    "British and American": (
        "nevus: {title: x, category: benign}\nnaevus: {title: y, category: benign}",
        "'nevus' is a name of both nevus and naevus",
    ),
    "idle synonym": ("a: {title: A, category: benign, synonyms: ['(a)']}", "says nothing new"),
    "no such category": ("a: {title: A, category: harmless}", "a.category"),
    "unknown field": ("a: {title: A, category: benign, colour: red}", "a.colour"),
    "not YAML": ("a: {title: A", "not valid YAML"),
    "not a dict": ("- a", "the whole"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_vocabulary_at_fault_is_refused(case):
    text, expected = FAULTS[case]
    with pytest.raises(LesionlibError, match=re.escape(expected)) as caught:
        packaged.parse(text, taxonomy.Vocabulary, "datasets/taxonomy.yaml")
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("datasets/taxonomy.yaml: ")


@pytest.mark.parametrize("name", cards.names())
def test_the_classes_of_every_card_are_terms(name):
    facts = card(name)
    for key, each in facts.classes.items():
        assert each.diagnosis in TERMS.index, f"{name}: {key}"
        # A card that deviates says so among its traps.
        agrees = each.category == taxonomy.category(each.diagnosis)
        assert agrees or any(key in trap and each.category in trap for trap in facts.traps), f"{name}: {key}"


def test_there_is_a_map_for_every_paper():
    assert {label_map(name).paper for name in label_maps()} == {
        "bhardwaj2021",
        "gupta2021",
        "lucius2020",
        "mendes2018",
        "nedelcu2021",
    }
    assert [label_map(name).name for name in label_maps()] == label_maps()
    refused(lambda: label_map("mendes"), "no label map is called 'mendes'", "choose one of bhardwaj2021", "mendes2018")


@pytest.mark.parametrize("name", label_maps())
def test_the_places_of_a_map_are_places_of_the_paper(name):
    chosen = label_map(name)
    if chosen.paper not in papers.available():
        pytest.skip(f"{chosen.paper} is not transcribed")
    assert set(chosen.places) <= set(papers.load(chosen.paper).places)


@pytest.mark.parametrize("name", label_maps())
def test_a_map_covers_every_class_of_its_datasets(name):
    for source, rules in label_map(name).sources.items():
        classes = card(source).classes
        assert set(classes) <= set(rules), source
        assert set(rules) - set(classes) <= set(TERMS.index), source


@pytest.mark.parametrize("name", [*label_maps(), "taxonomy"])
def test_no_key_stands_twice_in_a_file(name):
    # YAML would take the last one without a word.
    place = "taxonomy.yaml" if name == "taxonomy" else f"label_maps/{name}.yaml"
    text = (Path(taxonomy.__file__).parent / place).read_text(encoding="utf-8")

    def check(node):
        if isinstance(node, yaml.MappingNode):
            keys = [key.value for key, _ in node.value]
            assert len(keys) == len(set(keys)), sorted(keys)
        for child in node.value if not isinstance(node, yaml.ScalarNode) else []:
            for each in child if isinstance(child, tuple) else [child]:
                check(each)

    check(yaml.compose(text))


def totals(name: str) -> dict[str, int]:
    """Images a class of the paper, from the cards' counts."""
    chosen, found = label_map(name), dict.fromkeys(label_map(name).classes, 0)
    for source, rules in chosen.sources.items():
        for label, facts in card(source).classes.items():
            if rules[label] is not None:
                found[rules[label]] += facts.images
    return found


def test_mendes2018_adds_up_to_the_images_of_its_three_datasets():
    found = totals("mendes2018")
    assert sum(found.values()) == 1300 + 170 + 3816
    assert found["melanoma"] == 76 + 70 + 228
    assert found["nevus"] == 331 + 100 + 626
    assert (found["hemangioma"], found["lentigo"], found["wart"]) == (97, 69, 435)
    # The order of Table IV.
    assert list(found)[:3] == ["actinic_keratosis", "basal_cell_carcinoma", "dermatofibroma"]


def test_bhardwaj2021_has_eight_classes_or_seven_or_two():
    eight = totals("bhardwaj2021")
    assert eight == {
        "AK": 867,
        "BCC": 3323,
        "BKL": 2624,
        "DF": 239,
        "MEL": 4522,
        "NV": 12875,
        "SCC": 628,
        "VASC": 253,
    }
    seven = totals("bhardwaj2021_7")
    assert len(seven) == 7
    assert seven["AK_SCC"] == 867 + 628
    assert totals("bhardwaj2021_melanoma") == {"others": 25331 - 4522, "melanoma": 4522}


def test_lucius2020_is_ham10000_as_it_is():
    chosen = label_map("lucius2020")
    assert list(chosen.classes) == list(card("ham10000").classes)
    assert all(label == target for label, target in chosen.sources["ham10000"].items())
    for key, facts in card("ham10000").classes.items():
        assert chosen.diagnosis(key) == facts.diagnosis


def test_gupta2021_puts_each_class_where_its_category_is_but_for_the_precancerous():
    chosen = label_map("gupta2021")
    assert list(chosen.classes) == ["benign", "malignant"]
    for source, rules in chosen.sources.items():
        for label, facts in card(source).classes.items():
            expected = "malignant" if facts.category == "precancerous" else facts.category
            assert rules[label] == expected, (source, label)
    assert any(note.about.startswith("akiec") and "precancerous" in note.note for note in chosen.notes)


def test_nedelcu2021_joins_what_section_iii_b_joins():
    chosen = label_map("nedelcu2021")
    assert len(chosen.classes) == 13
    edra, dermofit = chosen.sources["derm7pt"], chosen.sources["dermofit"]
    both = {"SK": "SebKer", "BCC": "BCC", "MEL": "MM"}
    assert both.items() <= edra.items()
    assert both.items() <= dermofit.items()
    assert (edra["NEV"], dermofit["ML"]) == ("Nev", "Nev")
    assert (dermofit["AK"], dermofit["VASC"], dermofit["PYO"]) == ("ActKer", "Haem", "UncNeop")
    assert (dermofit["IEC"], dermofit["SCC"]) == ("OtMalNeop", "OtMalNeop")
    assert (edra["dermatofibroma"], edra["lentigo"]) == ("Drmfib", "SLent")
    assert [key for key, target in edra.items() if target is None] == ["melanosis", "vascular_lesion", "MISC"]
    # What was decided has its reason on record.
    assert dermofit["DF"] == "Drmfib"
    assert "disagree" in next(note.note for note in chosen.notes if note.about == "dermatofibroma of Dermofit")
    assert "stand-in" in next(note.note for note in chosen.notes if note.about == "PAD-UFES-20")


def test_a_map_is_a_table():
    table = label_map("nedelcu2021").table()
    assert list(table) == ["dataset", "label", "class"]
    assert len(table) == 9 + 10 + 6 + 13
    assert table["class"].isna().sum() == 3


MAP = """
name: toy
title: Toy
paper: mendes2018
places: [Section I]
classes: {a: {title: A, diagnosis: melanoma}, nevus: {title: B}}
sources: {one: {x: a, y: nevus, z: null}}
"""


def test_a_label_map_at_fault_is_refused():
    assert packaged.parse(MAP, taxonomy.LabelMap, "toy.yaml").diagnosis("nevus") == "nevus"
    faults = {
        "differ by c": MAP.replace("x: a", "x: c, w: a"),
        "differ by a": MAP.replace("x: a", "x: nevus"),
        "'b' is no term": MAP.replace("nevus", "b"),
        "notes": MAP + "notes: [{about: this}]",
    }
    for expected, text in faults.items():
        with pytest.raises(LesionlibError, match=expected) as caught:
            packaged.parse(text, taxonomy.LabelMap, "toy.yaml")
        assert "\n" not in str(caught.value)
