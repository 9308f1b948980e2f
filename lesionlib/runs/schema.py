"""The files of a run (``run.json``, ``metrics.json``, ``verdicts.json``): versioned, checked on the way in and out."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    field_validator,
    model_validator,
)

from lesionlib.atomic import atomic_file
from lesionlib.errors import InputError

SCHEMA = 1
KEY = r"^[0-9a-f]{12}$"

Scalar = StrictBool | StrictInt | StrictFloat | StrictStr | None
Value = Scalar | list[Scalar]


def now() -> str:
    """Return the present time, UTC, in ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    # What to do where the file is damaged.
    _remedy: ClassVar[str] = "remove its folder"
    schema_: Literal[1] = Field(SCHEMA, alias="schema")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MetricRow(_Part):
    """One number of a run.

    Attributes
    ----------
    split : str
        Such as ``"test"``.
    metric : str
        Such as ``"balanced_accuracy"``.
    label : str or None
        The class that it is about; None: all.
    epoch : int or None
        From 1; None: at the end.
    value : float or None
        None where it is not defined (a NaN).
    low, high : float or None
        Its interval.
    """

    split: str
    metric: str
    label: str | None = None
    epoch: int | None = None
    value: float | None
    low: float | None = None
    high: float | None = None

    @field_validator("value", "low", "high")
    @classmethod
    def _undefined_is_none(cls, value: float | None) -> float | None:
        # JSON has no NaN and no infinity.
        return value if value is not None and math.isfinite(value) else None


class MetricsFile(_File):
    """The content of ``metrics.json``.

    Attributes
    ----------
    rows : list of MetricRow
        One a number.
    schema_ : int
        Version of the file's form; ``schema`` in the file.
    """

    rows: list[MetricRow]


class Opening(_Part):
    """One look at a split that was held back.

    Attributes
    ----------
    split : str
        Such as ``"test"``.
    images : int
        How many were looked at.
    time : str
        ISO 8601, UTC.
    """

    split: str
    images: int = Field(ge=0)
    time: str = Field(default_factory=now)


class RunFile(_File):
    """The content of ``run.json``: what was run, on what, with what, when.

    No path and no name of a machine stands in it.

    Attributes
    ----------
    chapter : str
        The notebook's name.
    key : str
        Twelve hex digits: what was computed.
    profile : str or None
        Which profile asked for it; None: somebody, by hand.
    status : {"recorded", "finished"}
        "recorded" once the notebook has written its metrics, "finished" once the whole notebook ended well.
    parameters : dict
        Every parameter's value.
    data : str
        The dataset's name.
    fingerprint : str
        Of the data.
    cases : str or None
        Digest of what is known of the images; the name of their file in ``results/cases/``.
    classes : list of str
        In the order of the probability columns.
    seed : int or None
        Of the training.
    device : str
        Such as "cpu" or "cuda".
    versions : dict of str to str
        Of Python and of the packages that matter.
    code, seen : str or None
        Digests: of the library and the notebook, and of the finished runs that the notebook could show.
    commit : str or None
        Of the repository.
    started : str or None
        ISO 8601, UTC.
    seconds : float or None
        How long it took.
    openings : list of Opening
        Looks at splits that were held back.
    schema_ : int
        Version of the file's form; ``schema`` in the file.
    """

    chapter: str
    key: str = Field(pattern=KEY)
    profile: str | None = None
    status: Literal["recorded", "finished"] = "recorded"
    parameters: dict[str, Value]
    data: str
    fingerprint: str
    cases: str | None = None
    classes: list[str]
    seed: int | None = None
    device: str
    versions: dict[str, str]
    code: str | None = None
    seen: str | None = None
    commit: str | None = None
    started: str | None = None
    seconds: float | None = Field(None, ge=0)
    openings: list[Opening] = []

    @property
    def is_phantom(self) -> bool:
        """Whether the run's data are synthetic."""
        return self.data.partition(":")[0] == "phantom"

    @property
    def is_made_again(self) -> bool:
        """Whether the run is cheap enough to follow each change of the code and of the runs that it shows."""
        return self.profile == "quick" or not self.fingerprint


class VerdictWord(StrEnum):
    """What came of a claim, by its criterion; the last two say why there is no answer."""

    HOLDS = "holds"
    FAILS = "does not hold"
    OPEN = "cannot be told"
    NOT_RUN = "not run here"
    NOT_TESTABLE = "not testable here"


class Verdict(_Part):
    """What a chapter says of one claim of a paper.

    Attributes
    ----------
    chapter : str
        The notebook's name.
    paper, claim : str
        The paper's key, and the claim's.
    verdict : VerdictWord
        What came of it.
    measured : str
        What was measured, in a few words.
    runs : list of str
        Keys of the runs behind it.
    """

    chapter: str
    paper: str
    claim: str
    verdict: VerdictWord
    measured: str = ""
    runs: list[Annotated[str, Field(pattern=KEY)]] = []


class VerdictsFile(_File):
    """The content of ``verdicts.json``, beside a run's metrics or, of all chapters, in ``results/``.

    Attributes
    ----------
    rows : list of Verdict
        One a claim.
    schema_ : int
        Version of the file's form; ``schema`` in the file.
    """

    _remedy: ClassVar[str] = "`lesionlib results verdicts` writes that of results/ anew"
    rows: list[Verdict]

    @model_validator(mode="after")
    def _one_answer_a_claim(self) -> VerdictsFile:
        given: dict[tuple[str, str], str] = {}
        for row in self.rows:
            named = row.paper, row.claim
            if named in given:
                both = f"by {given[named]} and by {row.chapter}"
                raise ValueError(f"{row.paper}, claim {row.claim}: answered twice, {both}")
            given[named] = row.chapter
        return self


FileT = TypeVar("FileT", bound=_File)


def read(path: Path, model: type[FileT]) -> FileT:
    """Read and check one file of a run.

    Raises
    ------
    InputError
        The file is missing, no JSON, of a newer schema, or not what `model` says.
    """
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file, so this run is not whole: {model._remedy}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}): {model._remedy}") from error
    version = raw.get("schema") if isinstance(raw, dict) else None
    if isinstance(version, int) and version > SCHEMA:
        raise InputError(
            f"{path}: schema {version}, and this lesionlib reads up to {SCHEMA}: update lesionlib to read it"
        )
    return checked(raw, model, str(path))


def checked(raw: Any, model: type[FileT], where: str) -> FileT:
    """Return `raw` as `model`, or raise an InputError of one line that names `where` and the field."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise InputError(
            f"{where}: {field}: {first['msg'].lower()}, found {first['input']!r:.80} "
            f"({error.error_count()} problem(s) in all)"
        ) from error


def write(path: Path, content: _File) -> None:
    """Write one file of a run, whole or not at all."""
    text = json.dumps(content.model_dump(by_alias=True), indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_file(path) as part:
        part.write_text(text + "\n", encoding="utf-8")


def portable(value: Any) -> Any:
    """Return a parameter's value as it may be published: plain Python, tuples as lists, no machine's path.

    An absolute path is reduced to its last part: where the data stand is the machine's matter,
    and what they are is told by the fingerprint.
    """
    if isinstance(value, (list, tuple)):
        return [portable(one) for one in value]
    if isinstance(value, str):
        return _without_folder(value)
    # NumPy's scalars are no JSON; their item() is the Python value.
    return value.item() if hasattr(value, "item") else value


def _without_folder(text: str) -> str:
    for kind in (PurePosixPath, PureWindowsPath):
        if kind(text).is_absolute():
            return kind(text).name or text
    return text
