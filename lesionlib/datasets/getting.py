"""Getting a dataset: download what is open, and say what to do where something stands in between."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from tqdm import tqdm

from lesionlib.atomic import atomic_file, locked, writing_to
from lesionlib.datasets import cards, download, links
from lesionlib.datasets.cards import Card, FileFacts
from lesionlib.datasets.download import Refused, Remote
from lesionlib.datasets.files import refuse_outside
from lesionlib.datasets.library import cache_root, find, load
from lesionlib.datasets.verification import counts
from lesionlib.errors import InputError

SOURCES = "SOURCES.json"
"""Stands beside the files of a dataset and says where they came from; no reader looks at it."""
_PACKED = ".packed"
_UNPACKED = ".unpacked"
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError)


@dataclass(frozen=True)
class Delivery:
    """Where a dataset is, and what is to be said of how it came there.

    Attributes
    ----------
    folder : Path
        That holds its files.
    notes : tuple of str
        A line each: what was left out, or that it was here already.
    """

    folder: Path
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Source:
    """One file as it came: its address, size, SHA-256, and the day (UTC)."""

    name: str
    url: str
    bytes: int
    sha256: str
    date: str


def get(name: str) -> Delivery:
    """Download a dataset into the user's cache, optional files too; what is here already stays as it is.

    A download that was interrupted goes on where it stopped. Sizes and checksums are compared with the card's; archives
    that have no published checksum are read to the end; at last the reader reads the whole and the card's counts are
    compared. Only then does the folder take its place. ``SOURCES.json`` in it says where each file came from.

    An optional file that cannot be had is left out and named in the notes.

    Parameters
    ----------
    name : str
        Of the dataset, in the catalog.

    Returns
    -------
    Delivery
        Its folder, and what is to be said of how it came there.

    Raises
    ------
    InputError
        Something stands between us and the files (a form, a license, an account), the download fails, or what came is
        not the dataset. The line says what to do.
    """
    facts = cards.card(name)
    if name.startswith("phantom:"):
        raise InputError(f"{name} is drawn when it is first loaded: there is nothing to get")
    here = find(name)
    if here is not None:
        return Delivery(here, ("it was here already; remove that folder to get it again",))
    _refuse_closed(facts)
    auth = _kaggle_credentials(facts) if facts.access.kind == "account" else None
    target = cache_root() / "data" / facts.name
    busy = InputError(f"{name} is being downloaded by another process: wait for it, or stop it")
    with locked(target.with_name(f".{facts.name}.lock"), busy), writing_to(target):
        if target.is_dir():
            return Delivery(target, ("it was here already",))
        partial = target.with_name(f".partial-{facts.name}")
        notes = [*_collect(facts, partial, auth), *_read(facts, partial)]
        shutil.rmtree(partial / _PACKED, ignore_errors=True)
        partial.rename(target)
    return Delivery(target, tuple(notes))


def _refuse_closed(facts: Card) -> None:
    if facts.access.kind in ("open", "account", "links") and any(file.url for file in facts.files):
        return
    raise InputError(f"{facts.name} cannot be downloaded from here. {_by_hand(facts)}")


def _by_hand(facts: Card) -> str:
    return (
        f"{facts.access.how} Expected in one folder: {'; '.join(facts.layout)}. "
        f"Then run `lesionlib data add {facts.name} --from DIR`"
    )


def _kaggle_credentials(facts: Card) -> tuple[str, str]:
    """Find the user and the key where Kaggle's own tools look for them."""
    user, key = os.environ.get("KAGGLE_USERNAME"), os.environ.get("KAGGLE_KEY")
    if user and key:
        return user, key
    chosen = os.environ.get("KAGGLE_CONFIG_DIR")
    folders = [Path(chosen)] if chosen else [Path.home() / ".kaggle", Path.home() / ".config" / "kaggle"]
    path = next((place for folder in folders if (place := folder / "kaggle.json").is_file()), None)
    if path is None:
        raise InputError(
            f"{facts.name} needs a Kaggle account, and no credentials are here: set KAGGLE_USERNAME and KAGGLE_KEY, or "
            f"put kaggle.json into {folders[0]} (on Kaggle: Settings, API, Create New Token), and run it again. "
            f"By hand: {_by_hand(facts)}"
        )
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return str(found["username"]), str(found["key"])
    except (OSError, ValueError, KeyError, TypeError):
        raise InputError(
            f"{path}: no Kaggle credentials; expected a JSON object with username and key: "
            "create a new token (on Kaggle: Settings, API, Create New Token)"
        ) from None


def _collect(facts: Card, folder: Path, auth: tuple[str, str] | None) -> list[str]:
    """Download all files of the card into `folder`; return what is to be said of it."""
    page = "your Kaggle credentials and " if auth else ""
    page += (
        f"https://doi.org/{facts.doi}" if facts.doi else f"the publisher's page (`lesionlib data card {facts.name}`)"
    )
    notes = []
    for file in facts.files:
        if file.url is None:
            continue
        try:
            _take(file, Remote(file.url, file.md5, file.bytes, page, auth), folder)
        except Refused as refusal:
            if not file.optional:
                raise
            notes.append(f"left out, since it is optional: {refusal}")
    if facts.access.kind == "links":
        table = facts.files[0]
        notes += links.fetch_images(folder / table.name, folder / "images", table.url)
    return notes


def _take(file: FileFacts, remote: Remote, folder: Path) -> None:
    """Download one file, check it, unpack it if the card says so, and note where it came from."""
    # An archive that is to be unpacked is kept apart, since it may hold a file of its own name.
    target = (folder / _PACKED if file.unpack else folder) / file.name
    known = _sources(folder)
    if file.name in known and (file.unpack or target.is_file()):
        return
    if target.is_file():
        download.check(remote, target)
    else:
        download.download(remote, target)
    with _removing_damaged(target, remote):
        if file.unpack:
            _unpack(target, folder)
        elif target.suffix == ".zip" and file.md5 is None:
            _read_through(target)
    source = _Source(
        file.name,
        remote.url,
        target.stat().st_size,
        download.digest(target, "sha256"),
        datetime.now(UTC).date().isoformat(),
    )
    _note(folder, known | {file.name: source})
    if file.unpack:
        target.unlink()


@contextmanager
def _removing_damaged(archive: Path, remote: Remote) -> Iterator[None]:
    try:
        yield
    except _DAMAGED as error:
        archive.unlink()
        raise InputError(
            f"{archive.name}: a damaged archive ({error}); nothing was kept of what {remote.url} sends: "
            f"run it again, and if that does not help look at {remote.page}"
        ) from error
    except InputError:
        archive.unlink()
        raise


def _read_through(archive: Path) -> None:
    """Compare every member with its checksum."""
    with zipfile.ZipFile(archive) as packed:
        damaged = packed.testzip()
    if damaged is not None:
        raise zipfile.BadZipFile(f"{damaged} is not as it was packed")


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack beside the other files; what a killed attempt left is done over."""
    part = folder / _UNPACKED
    shutil.rmtree(part, ignore_errors=True)
    try:
        with zipfile.ZipFile(archive) as packed:
            for member in packed.namelist():
                refuse_outside(archive, member)
            for member in tqdm(packed.infolist(), desc=f"unpack {archive.name}", leave=False, disable=None):
                packed.extract(member, part)
        for entry in sorted(part.iterdir()):
            place = folder / entry.name
            if place.is_dir():
                shutil.rmtree(place)
            entry.replace(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _sources(folder: Path) -> dict[str, _Source]:
    try:
        listed = json.loads((folder / SOURCES).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {each["name"]: _Source(**each) for each in listed}


def _note(folder: Path, sources: dict[str, _Source]) -> None:
    with atomic_file(folder / SOURCES) as part:
        part.write_text(json.dumps([asdict(each) for each in sources.values()], indent=2) + "\n", encoding="utf-8")


def _read(facts: Card, folder: Path) -> list[str]:
    """Let the reader read what came, compare the counts, and say which files only the reader vouches for."""
    try:
        table = counts(load(facts.name, root=folder))
        wrong = table[~table["ok"]]
        if len(wrong):
            first = wrong.iloc[0]
            raise InputError(f"{folder}: {first['check']}: {first['found']}, expected {first['expected']}")
    except InputError as error:
        unchecked = [file for file in facts.files if file.md5 is None and not file.name.endswith(".zip")]
        for file in unchecked:
            (folder / file.name).unlink(missing_ok=True)
        removed = f" (removed: {', '.join(file.name for file in unchecked)})" if unchecked else ""
        raise InputError(
            f"what came of {facts.name} is not the dataset: {error}; run it again{removed}, or look at the card: "
            f"`lesionlib data card {facts.name}`"
        ) from error
    sources = _sources(folder)
    vouched = [file.name for file in facts.files if file.md5 is None and file.name in sources]
    return [
        f"{name}: no published checksum; the reader has read it, SHA-256 {sources[name].sha256}" for name in vouched
    ]
