"""The files of a run, ``run.json`` and ``metrics.json``: versioned, checked on the way in and out."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Literal, TypeVar

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
    schema_: Literal[1] = Field(SCHEMA, alias="schema")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MetricRow(_Part):
    """One number: of a split, of a class (`label`) or of all, at an epoch or at the end.

    `low` and `high` bound its interval. A value that is not defined (a NaN) is None.
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
    """The content of ``metrics.json``."""

    rows: list[MetricRow]


class Opening(_Part):
    """One look at a split that was held back: which, how many images, when (ISO 8601, UTC)."""

    split: str
    images: int = Field(ge=0)
    time: str = Field(default_factory=now)


class RunFile(_File):
    """The content of ``run.json``: what was run, on what, with what, when.

    `status` is "recorded" once the notebook has written its metrics, "finished" once the whole
    notebook ended well. `code` is the digest of the library and the notebook, `seen` that of the
    finished runs that the notebook could show. No path and no name of a machine stands in it.
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
    """What a chapter says of one claim of a paper: the word, what was measured, and the runs (keys) behind it."""

    chapter: str
    paper: str
    claim: str
    verdict: VerdictWord
    measured: str = ""
    runs: list[Annotated[str, Field(pattern=KEY)]] = []


class VerdictsFile(_File):
    """The content of ``verdicts.json``, beside a run's metrics or, of all chapters, in ``results/``."""

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
        raise InputError(f"{path}: no such file, so this run is not whole: remove its folder") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as JSON ({error}): remove its folder") from error
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
