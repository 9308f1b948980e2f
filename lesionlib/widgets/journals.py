"""What a reader did, on disk: one append-only file of JSON lines for each reader of a study.

Why lines in one file, and not a file an answer: an answer is one short write at the end of the file, flushed to the
disk (fsync) before the next image is shown; what stands before it is never touched again, the order of the lines is the
order of events, and a reader who withdraws is one file to remove. A process that is killed in the middle of a write
leaves a torn last line: it is no answer, and the next write takes its place. All writes of a study hold one lock, so
that two tabs of one reader cannot mix.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, TypeAdapter
from pydantic import ValidationError as Invalid

from lesionlib.atomic import locked, writing_to
from lesionlib.errors import InputError, first_fault

SCHEMA = 1
_WAIT = 10  # seconds, for another tab's write


class _Event(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    time: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))


class Consent(_Event):
    """The reader agreed; the first line of every file. `consent` is the digest of the text that was shown."""

    event: Literal["consent"] = "consent"
    version: Literal[1] = SCHEMA
    study: str
    reader: str
    consent: str


class View(_Event):
    """An image was put on the screen."""

    event: Literal["view"] = "view"
    round: PositiveInt
    position: PositiveInt
    image_id: str


class Answer(_Event):
    """An image was answered; `answer` is None where the time ran out."""

    event: Literal["answer"] = "answer"
    round: PositiveInt
    position: PositiveInt
    image_id: str
    answer: str | None
    seconds: NonNegativeFloat
    ai_shown: bool
    ai_answer: str | None
    order_seed: int

    @property
    def place(self) -> tuple[int, int]:
        """Round and position."""
        return self.round, self.position


Event = Consent | View | Answer
_LINE: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="event")])


class Journal:
    """The file of one reader.

    Parameters
    ----------
    folder : Path
        The study's folder; made by the first write.
    reader : str
        The code.
    """

    def __init__(self, folder: Path, reader: str) -> None:
        self.path = folder / f"{reader}.jsonl"

    def events(self) -> list[Event]:
        """Read what happened, in order; nothing, if the reader has not begun.

        Raises
        ------
        InputError
            A line other than a torn last one is damaged, or of a newer version.
        """
        return self._read()[0]

    def begin(self, consent: Consent) -> None:
        """Write the first line, where there is none yet."""
        with self._held():
            if not self.path.exists():
                # Only the owner may read answers.
                self.path.touch(mode=0o600)
                _sync(self.path.parent)
            if not self.events():
                self._append(consent)

    def add(self, event: View | Answer) -> bool:
        """Append a line; False if the event is an answer to what is answered already, by another tab.

        Raises
        ------
        InputError
            The reader has not consented, or has withdrawn; the disk is full; another process holds the lock.
        """
        with self._held():
            events = self.events()
            if not events:
                raise InputError(f"{self.path}: no such reader here, or one who withdrew; begin anew with a new code")
            answered = {done.place for done in events if isinstance(done, Answer)}
            if isinstance(event, Answer) and event.place in answered:
                return False
            self._append(event)
            return True

    def remove(self) -> list[Event]:
        """Remove the file; give what stood in it.

        Raises
        ------
        InputError
            There is no such file.
        """
        if not self.path.exists():
            raise InputError(f"{self.path}: no such file; nothing was removed")
        with self._held():
            events = self.events()
            self.path.unlink(missing_ok=True)
            _sync(self.path.parent)
        return events

    @contextmanager
    def _held(self) -> Iterator[None]:
        busy = InputError(f"{self.path.parent}: another process has written for {_WAIT} seconds; try again")
        # One lock for all readers: a lock of one's own would stay behind, with the code in its name.
        with locked(self.path.parent / ".lock", busy, timeout=_WAIT), writing_to(self.path):
            yield

    def _append(self, event: Event) -> None:
        end = self._read()[1]
        line = event.model_dump_json().encode() + b"\n"
        with self.path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if end > size:
                # The last line is whole, but its newline was not written.
                line = b"\n" + line
            file.truncate(min(end, size))
            file.seek(0, os.SEEK_END)
            file.write(line)
            file.flush()
            os.fsync(file.fileno())

    def _read(self) -> tuple[list[Event], int]:
        """Give the events, and where in the file the next line begins."""
        if not self.path.exists():
            return [], 0
        lines = self.path.read_bytes().split(b"\n")
        while lines and not lines[-1]:
            lines.pop()
        events, end = [], 0
        for number, line in enumerate(lines, 1):
            try:
                events.append(_LINE.validate_json(line))
            except Invalid as error:
                if number == len(lines) and error.errors()[0]["type"] == "json_invalid":
                    break
                raise InputError(
                    f"{self.path}: line {number} is damaged ({first_fault(error)}); mend or remove that line"
                ) from error
            end += len(line) + 1
        if events and not isinstance(events[0], Consent):
            raise InputError(f"{self.path}: line 1 is no consent; this is no file of a reader study")
        return events, end


def _sync(folder: Path) -> None:
    """Flush a folder's entries, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
