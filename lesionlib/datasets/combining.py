"""Datasets in other classes, and several datasets as one; both keep a record of what they dropped."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import cache

import pandas as pd

from lesionlib.datasets import cards, taxonomy
from lesionlib.datasets.cards import Card, ClassFacts
from lesionlib.datasets.merged import MergedFiles
from lesionlib.datasets.schema import LesionDataset, digest, refuse_duplicates
from lesionlib.datasets.taxonomy import LabelMap
from lesionlib.errors import InputError

# Datasets cut from the ISIC archive name an image, a lesion or a patient alike.
_ISIC = {"ham10000", "isic2019", "isic2020"}
_STRICTEST = ("license", "form", "account", "links", "own", "open")
_UNCOUNTED = {"images": None, "lesions": None, "patients": None}
_UNMATCHED = object()

Rules = dict[str, str | None]


def relabel(dataset: LesionDataset, mapping: Rules | LabelMap | str, drop_unmatched: bool = False) -> LesionDataset:
    """Give the dataset in other classes; `dataset` itself stays as it is.

    Of the frame, only `label` changes: `diagnosis` goes on saying what the dataset itself said. For each image, the
    first of these that the mapping knows decides: its diagnosis, its label, the broader terms above its diagnosis.

    Parameters
    ----------
    dataset : LesionDataset
    mapping : dict, LabelMap or str
        From label or diagnosis to the new class, or to None (dropped); or a paper's map, or its name: of it, the
        entry of each image's source is taken.
    drop_unmatched : bool
        Drop the images that the mapping says nothing of.

    Returns
    -------
    LesionDataset
        With the classes in the mapping's order (of a `LabelMap`, all of them). Its `dropped` says what is missing, and
        a warning does. Its card expects no counts.

    Raises
    ------
    InputError
        Images that the mapping says nothing of (without `drop_unmatched`), a key that names nothing, a class that is no
        text, a label map without this dataset, or no image left.
    """
    mapping = taxonomy.label_map(mapping) if isinstance(mapping, str) else mapping
    title = f"the label map {mapping.name}" if isinstance(mapping, LabelMap) else "the mapping"
    frame = dataset.frame
    targets = _targets(frame, _rules(dataset, mapping))
    unmatched = targets.map(lambda target: target is _UNMATCHED).astype(bool)
    if unmatched.any() and not drop_unmatched:
        raise InputError(
            f"{dataset.name}: {title} says nothing of {unmatched.sum()} images, labeled "
            f"{_counted(frame['label'][unmatched])}; map them to a class, or to None to drop them, "
            "or choose drop_unmatched=True"
        )
    drop = targets.isna() | unmatched
    if drop.all():
        raise InputError(f"{dataset.name}: {title} leaves none of the {len(frame)} images; map some labels to a class")
    reasons = unmatched[drop].map({True: f"not in {title}", False: f"left out by {title}"})
    classes = _new_classes(dataset, mapping, targets[~drop])
    return replace(
        dataset,
        frame=frame.assign(label=targets.mask(drop).astype("string"))[~drop].reset_index(drop=True),
        classes=list(classes),
        card=dataset.card.model_copy(update={"classes": classes, **_UNCOUNTED}),
        dropped_images=_record(dataset.name, [dataset], frame[drop].assign(reason=reasons)),
    )


def merge(datasets: Iterable[LesionDataset], classes: Sequence[str] | None = None) -> LesionDataset:
    """Join datasets; of a picture that stands in several, the first one's copy is kept.

    Two images are one picture where they have one id in one archive (ham10000, isic2019 and isic2020 are cut from
    the same), or the same file content. A picture that was resized or saved again, as those of isic_binary, has
    neither: `verify` lists such pairs as near duplicates. Repeats within one dataset are its publisher's, and stay.

    An id that two archives use for different things gets its source in front (``mednode/1``), so that their lesions
    and patients stay apart; within an archive they stay together. What is a test image of one publisher is one in the
    merged dataset, whichever copy is kept. `split` stays where every image has one; else it is cleared, so that no
    dataset is left out of training in silence.

    Parameters
    ----------
    datasets : iterable of LesionDataset
        With the same classes (see `relabel`); phantoms go with phantoms only.
    classes : sequence of str, optional
        The classes in their order; with them, a dataset may lack some. Else those of the first dataset.

    Returns
    -------
    LesionDataset
        The images in the order of the datasets, named ``a+b``. Its `dropped` says what is missing, and a warning
        does. Its card expects no counts, and lets pictures be published where all of the cards do. The same datasets
        in another order have another fingerprint, since other copies may be kept.

    Raises
    ------
    InputError
        Nothing to merge, different classes, phantoms beside data, or a file that cannot be read.
    """
    parts = list(datasets)
    order = _common_classes(parts, classes)
    keys = _distinct(part.name.replace("/", "_") for part in parts)
    files = MergedFiles({key: part._files for key, part in zip(keys, parts, strict=True)})
    rows = pd.concat([_rows(part, key) for part, key in zip(parts, keys, strict=True)], ignore_index=True)

    rows, same_id = _without_twins(rows, rows["archive"] + "/" + rows["archive_id"], "the same image id")
    rows, same_file = _without_twins(rows, _contents(rows, files), "the same file")
    rows = _with_ids_apart(rows)
    name = "+".join(dict.fromkeys(origin for part in parts for origin in part.name.split("+")))
    frame = rows[list(parts[0].frame)].reset_index(drop=True)
    if frame["split"].isna().any():
        frame["split"] = pd.Series(pd.NA, index=frame.index, dtype="string")
    refuse_duplicates(name, frame)
    return LesionDataset(
        name=name,
        frame=frame,
        classes=order,
        card=_merged_card([part.card for part in parts], order),
        root=None,
        files_digest=digest([f"{key}:{part.files_digest}" for key, part in zip(keys, parts, strict=True)]),
        _files=files,
        official_test=frozenset(rows["image_id"][rows["official"]]),
        dropped_images=_record(name, parts, pd.concat([same_id, same_file])),
    )


def _rules(dataset: LesionDataset, mapping: Rules | LabelMap) -> Callable[[str], Rules]:
    """Give the rules for the images of each source, after a look whether they can be meant."""
    if isinstance(mapping, LabelMap):
        lost = [source for source in dataset.frame["source"].unique() if _base(source) not in mapping.sources]
        if lost:
            raise InputError(
                f"{dataset.name}: the label map {mapping.name} has no entry for {lost[0]}, only for "
                f"{', '.join(mapping.sources)}; give a dict of its labels"
            )
        return lambda source: mapping.sources[_base(source)]
    if not isinstance(mapping, dict) or not mapping:
        raise InputError(
            f"{dataset.name}: the mapping is {mapping!r}; expected a dict from label to class, or a label map"
        )
    odd = [target for target in mapping.values() if target is not None and (not isinstance(target, str) or not target)]
    if odd:
        raise InputError(f"{dataset.name}: the mapping leads to {odd[0]!r}; expected the name of a class, or None")
    known = {*dataset.classes, *dataset.frame["label"], *dataset.frame["diagnosis"].dropna()}
    lost = [key for key in mapping if key not in known and not taxonomy.is_term(key)]
    if lost:
        raise InputError(
            f"{dataset.name}: the mapping names {lost[0]!r}, which is neither a class nor a diagnosis; "
            f"the classes are {', '.join(dataset.classes)}"
        )
    return lambda source: mapping


def _targets(frame: pd.DataFrame, rules: Callable[[str], Rules]) -> pd.Series:
    """Find each image's new class, None or `_UNMATCHED`."""

    @cache
    def find(source: str, label: str, diagnosis: str) -> str | object | None:
        known = rules(source)
        broader = taxonomy.lineage(diagnosis)[1:] if diagnosis else []
        return next((known[key] for key in (diagnosis, label, *broader) if key in known), _UNMATCHED)

    rows = frame[["source", "label", "diagnosis"]].fillna("").itertuples(index=False, name=None)
    return pd.Series([find(*row) for row in rows], index=frame.index, dtype=object)


def _new_classes(dataset: LesionDataset, mapping: Rules | LabelMap, targets: pd.Series) -> dict[str, ClassFacts]:
    if isinstance(mapping, LabelMap):
        return {
            name: ClassFacts(
                title=each.title,
                diagnosis=mapping.diagnosis(name),
                category=taxonomy.category(mapping.diagnosis(name)),
                images=None,
            )
            for name, each in mapping.classes.items()
        }
    return {
        name: _class_facts(dataset, name, set(dataset.frame["label"][targets.index[targets == name]]))
        for name in dict.fromkeys(target for target in mapping.values() if target is not None)
    }


def _class_facts(dataset: LesionDataset, name: str, labels: set[str]) -> ClassFacts:
    """Describe a class by its own name, else by what the labels that went into it have in common."""
    old = dataset.card.classes
    facts = _uncounted(old.get(name), name)
    categories = {old[label].category for label in labels}
    if name in old or taxonomy.is_term(facts.diagnosis) or len(categories) != 1:
        return facts
    return facts.model_copy(update={"category": categories.pop()})


def _common_classes(parts: list[LesionDataset], classes: Sequence[str] | None) -> list[str]:
    if not parts:
        raise InputError("there is nothing to merge; expected a list of datasets")
    for part in parts:
        if not isinstance(part, LesionDataset):
            raise InputError(f"cannot merge {part!r}; expected a list of datasets, such as load('mednode')")
    data = [part.name for part in parts if not part.is_phantom]
    if data and len(data) < len(parts):
        raise InputError(f"phantoms are not data: merge them with phantoms only, not with {', '.join(data)}")
    order = list(parts[0].classes if classes is None else classes)
    for part in parts:
        wrong = set(part.classes) - set(order) if classes is not None else set(part.classes) ^ set(order)
        if wrong:
            raise InputError(
                f"{part.name} has the classes {', '.join(part.classes)}; expected {', '.join(order)}: "
                "relabel it first, or give classes="
            )
    return order


def _rows(part: LesionDataset, key: str) -> pd.DataFrame:
    """Give the rows with references into the merged files, and what tells pictures and origins apart."""
    frame = part.frame
    own = f"{part.name}@{part.files_digest}"
    archives = {source: _archive(source, own) for source in frame["source"].unique()}
    archive = frame["source"].map(archives)
    return frame.assign(
        image=f"{key}/" + frame["image"],
        mask=f"{key}/" + frame["mask"],
        part=key,
        archive=archive,
        # ISIC 2019 marks the copies of large images so.
        archive_id=frame["image_id"].mask(archive == "isic", frame["image_id"].str.removesuffix("_downsampled")),
        official=frame["image_id"].isin(part.official_test),
    )


def _archive(source: str, own: str) -> str:
    """Name the archive that gave the ids: of a catalog dataset its own, of all else this one copy's."""
    if source in _ISIC:
        return "isic"
    return source if source in cards.names() else f"{own}/{source}"


def _contents(rows: pd.DataFrame, files: MergedFiles) -> pd.Series:
    """Digest the files that may be the same: of one size, in two archives. The others stay ``<NA>``."""
    sizes = rows["image"].map(files.size)
    suspects = rows["archive"].groupby(sizes).transform("nunique") > 1
    contents = rows["image"][suspects].map(lambda reference: hashlib.sha256(files.read(reference)).hexdigest())
    return contents.reindex(rows.index).astype("string")


def _without_twins(rows: pd.DataFrame, picture: pd.Series, reason: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep of each picture what the first part has; the rest comes back with its reason."""
    known = rows[picture.notna()]
    picture = picture[known.index]
    firsts = known[["part", "source", "label"]].groupby(picture).transform("first")
    twins = known[known["part"] != firsts["part"]]
    keeper = firsts.loc[twins.index]
    other_label = (", labeled " + keeper["label"] + " there").where(keeper["label"] != twins["label"], "")
    dropped = twins.assign(reason=f"{reason} as in " + keeper["source"] + other_label)
    held_out = known["official"].groupby(picture).transform("any").reindex(rows.index, fill_value=False)
    return rows.assign(official=rows["official"] | held_out).drop(index=twins.index), dropped


def _with_ids_apart(rows: pd.DataFrame) -> pd.DataFrame:
    """Give two archives of one name two names, and an id that two archives share its source in front."""
    origins = rows[["source", "archive"]].drop_duplicates()
    origins = origins.assign(name=_distinct(origins["source"]))
    source = rows[["source", "archive"]].merge(origins, how="left")["name"].set_axis(rows.index).astype("string")
    rows = rows.assign(source=source)
    for column in ("image_id", "lesion_id", "patient_id"):
        shared = rows.groupby(column)["archive"].transform("nunique") > 1
        rows[column] = rows[column].mask(shared, source + "/" + rows[column])
    return rows


def _merged_card(parts: list[Card], order: list[str]) -> Card:
    known = {name: facts for card in reversed(parts) for name, facts in card.classes.items()}
    classes = {name: _uncounted(known.get(name), name) for name in order}
    parts = list({card.name: card for card in parts}.values())
    if len(parts) == 1:
        return parts[0].model_copy(update={"classes": classes, **_UNCOUNTED})
    modalities = {card.modality for card in parts}
    mixed = "unknown" if "unknown" in modalities else "both"
    kind = min((card.access.kind for card in parts), key=_STRICTEST.index)
    return Card(
        name="+".join(card.name for card in parts),
        title=" + ".join(card.title for card in parts),
        modality=modalities.pop() if len(modalities) == 1 else mixed,
        images=None,
        classes=classes,
        license="; ".join(dict.fromkeys(card.license for card in parts)),
        citation=" ".join(card.citation for card in parts),
        access=cards.Access(kind=kind, how=" ".join(f"{card.name}: {card.access.how}" for card in parts)),
        may_publish_images=all(card.may_publish_images for card in parts),
        layout=(),
        traps=tuple(f"{card.name}: {trap}" for card in parts for trap in card.traps),
    )


def _uncounted(facts: ClassFacts | None, name: str) -> ClassFacts:
    if facts:
        return facts.model_copy(update={"images": None})
    term = taxonomy.term(name)
    return ClassFacts(title=name, diagnosis=term, category=taxonomy.category(term), images=None)


def _record(name: str, parts: list[LesionDataset], dropped: pd.DataFrame) -> pd.DataFrame:
    """Write down what was dropped, beside what had been dropped before, and say it."""
    earlier = [part.dropped_images for part in parts]
    columns = list(earlier[0])
    if len(dropped):
        by_reason = dropped.groupby("reason", sort=False)["label"]
        said = "; ".join(f"{reason}: {_counted(labels)}" for reason, labels in by_reason)
        warnings.warn(f"{name}: {len(dropped)} images dropped ({said})", stacklevel=3)
    return (
        pd.concat([*earlier, dropped[columns]], ignore_index=True).drop_duplicates(ignore_index=True).astype("string")
    )


def _counted(labels: pd.Series) -> str:
    return ", ".join(f"{label} ({images})" for label, images in labels.value_counts(sort=False).items())


def _distinct(names: Iterable[str]) -> list[str]:
    """Number the repeats of a name: a, b, a#2."""
    found: list[str] = []
    for name in names:
        candidate, number = name, 1
        while candidate in found:
            number += 1
            candidate = f"{name}#{number}"
        found.append(candidate)
    return found


def _base(source: str) -> str:
    return source.removeprefix("phantom:").partition("#")[0]
