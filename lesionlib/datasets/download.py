"""One file from a server: gone on with where it stopped, and checked before it counts."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path

import requests
from tqdm import tqdm

from lesionlib import __version__
from lesionlib.atomic import writing_to
from lesionlib.errors import InputError

TIMEOUT = (10.0, 30.0)
"""Seconds until a connection must stand, and until the next bytes must come."""
ATTEMPTS = 5
"""Attempts in a row that bring nothing new before we give up."""
PAUSE = 1.0
"""Seconds before the second attempt; each further pause is twice as long."""
_LONGEST_PAUSE = 60.0
# Of a connection that is cut, up to one chunk is lost.
_CHUNK = 1 << 14
_LEADS_NOWHERE = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)


@dataclass(frozen=True)
class Remote:
    """A file on a server, and what its publisher says of it.

    Attributes
    ----------
    url : str
        Where it is.
    md5, bytes : str, int, optional
        Checksum and size, where the publisher gives them.
    page : str
        Where a person finds it, for the message when the address fails.
    auth : tuple of str, optional
        User and key. They go to the host of `url` alone, never to a host that it redirects to.
    """

    url: str
    md5: str | None = None
    bytes: int | None = None
    page: str = "the publisher's page"
    auth: tuple[str, str] | None = field(default=None, repr=False)


class Refused(InputError):
    """The server has answered, and the answer is no: asking again would not help."""


class _Unsteady(Exception):
    """The server or the line failed in a way that another attempt may mend."""

    def __init__(self, reason: str, pause: float = 0.0):
        super().__init__(reason)
        self.pause = pause


def session() -> requests.Session:
    """Open a session that says who asks, and asks for files as they are stored."""
    opened = requests.Session()
    opened.headers.update({"User-Agent": f"lesionlib/{__version__}", "Accept-Encoding": "identity"})
    return opened


def download(remote: Remote, target: Path) -> None:
    """Download `remote` to `target`, which comes into being whole and checked, or not at all.

    What has come stays beside it as ``<target>.part``, and the next call goes on from there with HTTP Range, as long as
    the server or the checksum can vouch that it is the same file; else it begins anew.

    Raises
    ------
    InputError
        The address fails (`Refused`), the connection keeps being cut, the file is not the one that was published,
        or it cannot be written.
    """
    with writing_to(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _Part(target)
        with session() as opened:
            _receive_all(opened, remote, part)
        check(remote, part.path)
        part.path.replace(target)
        part.note.unlink(missing_ok=True)


def check(remote: Remote, path: Path) -> None:
    """Remove `path` and say so where its size or checksum is not the published one.

    Raises
    ------
    InputError
        Names the file, what was found and what was expected.
    """
    name = path.name.removesuffix(".part")
    found = {"bytes": path.stat().st_size}
    if remote.md5:
        found["md5"] = digest(path, "md5")
    for fact, value in found.items():
        if getattr(remote, fact) not in (None, value):
            path.unlink()
            raise InputError(_not_as_published(name, fact, value, remote))


def _not_as_published(name: str, fact: str, value: str | int, remote: Remote) -> str:
    return (
        f"{name}: {fact} is {value}, expected {getattr(remote, fact)}; nothing was kept of what {remote.url} sends: "
        f"run it again, and if that does not help look at {remote.page}"
    )


def digest(path: Path, method: str) -> str:
    """Digest of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, method).hexdigest()


class _Part:
    """What has come of a file so far, and a note of whose bytes they are."""

    def __init__(self, target: Path):
        self.name = target.name
        self.path = target.with_name(f"{target.name}.part")
        self.note = target.with_name(f"{target.name}.part.json")

    @property
    def size(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    def noted(self) -> dict:
        try:
            return json.loads(self.note.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}

    def clear(self) -> None:
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)

    def begin(self, note: dict) -> None:
        self.clear()
        self.note.write_text(json.dumps(note), encoding="utf-8")


def _receive_all(opened: requests.Session, remote: Remote, part: _Part) -> None:
    furthest, failures = part.size, 0
    while True:
        try:
            return _receive(opened, remote, part)
        except _LEADS_NOWHERE:
            raise Refused(f"{part.name}: {remote.url} leads nowhere; look at {remote.page} for the file") from None
        except (requests.RequestException, _Unsteady) as error:
            failures = 0 if part.size > furthest else failures + 1
            furthest = max(furthest, part.size)
            if failures == ATTEMPTS:
                raise InputError(
                    f"{part.name}: {_reason(error)}, {ATTEMPTS} times in a row ({part.size:,} bytes are here), at "
                    f"{remote.url}; run it again later, it goes on where it stopped"
                ) from None
            pause = min(PAUSE * 2 ** max(failures - 1, 0), _LONGEST_PAUSE)
            time.sleep(max(pause, getattr(error, "pause", 0.0)))


def _reason(error: Exception) -> str:
    # A library's own words may hold the address of a redirect, which is signed for one user.
    if isinstance(error, _Unsteady):
        return str(error)
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "no secure connection"
    return "the connection was cut, or could not be made"


def _receive(opened: requests.Session, remote: Remote, part: _Part) -> None:
    """Make one request, and append to the part what it brings."""
    total = part.noted().get("total")
    if total and part.size == total:
        return
    headers = _range(remote, part)
    with opened.get(remote.url, headers=headers, stream=True, timeout=TIMEOUT, auth=remote.auth) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            part.clear()
            raise _Unsteady("the server has less of the file than is here")
        _refuse_no(answer, remote, part.name)
        if answer.status_code == requests.codes.partial_content:
            _refuse_other_part(answer, part)
        else:
            part.begin(_note(remote, answer))
        _append(answer, remote, part)


def _range(remote: Remote, part: _Part) -> dict[str, str]:
    """Ask for the rest of the file, where it can be told whether it is still the same one."""
    note = part.noted()
    vouched = note.get("validator") or remote.md5
    if part.size == 0 or not vouched or note.get("url") != remote.url:
        return {}
    headers = {"Range": f"bytes={part.size}-"}
    return headers | ({"If-Range": note["validator"]} if note.get("validator") else {})


def _refuse_no(answer: requests.Response, remote: Remote, name: str) -> None:
    """Raise unless the server sends the file.

    Raises
    ------
    Refused
        It does not have the file, or not for us, or sends a web page in its stead.
    """
    code = answer.status_code
    if code >= 500 or code in (requests.codes.request_timeout, requests.codes.too_many_requests):
        raise _Unsteady(f"the server answered {code} {answer.reason}", _wished_pause(answer))
    if code not in (requests.codes.ok, requests.codes.partial_content):
        raise Refused(f"{name}: {remote.url} answered {code} {answer.reason}; look at {remote.page} for the file")
    if answer.headers.get("Content-Type", "").startswith("text/html"):
        raise Refused(f"{name}: {remote.url} answered with a web page, not the file; look at {remote.page} for it")


def _wished_pause(answer: requests.Response) -> float:
    wished = answer.headers.get("Retry-After", "")
    return min(float(wished), _LONGEST_PAUSE) if wished.isdecimal() else 0.0


def _note(remote: Remote, answer: requests.Response) -> dict:
    if answer.headers.get("Content-Encoding", "identity") != "identity":
        # Packed for the way although we asked for none of that: sizes and ranges would be those of the packed bytes.
        return {}
    length = answer.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    return {"url": remote.url, "validator": _validator(answer), "total": total}


def _validator(answer: requests.Response) -> str | None:
    """What If-Range may hold: a strong ETag, else the date of the last change (RFC 9110, 13.1.5)."""
    etag = answer.headers.get("ETag", "W/")
    return answer.headers.get("Last-Modified") if etag.startswith("W/") else etag


def _refuse_other_part(answer: requests.Response, part: _Part) -> None:
    """Begin anew where the server sends another part than the missing one, or a part of another file."""
    note = part.noted()
    place, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
    missing_part = part.size > 0 and place.partition("-")[0] == str(part.size)
    same_size = not total.isdecimal() or note.get("total") in (None, int(total))
    same_file = None in (note.get("validator"), _validator(answer)) or note["validator"] == _validator(answer)
    if not (missing_part and same_size and same_file):
        part.clear()
        raise _Unsteady("the server sends another part than the missing one, or the file changes")


def _append(answer: requests.Response, remote: Remote, part: _Part) -> None:
    total = part.noted().get("total")
    if None not in (total, remote.bytes) and total != remote.bytes:
        part.clear()
        raise Refused(_not_as_published(part.name, "bytes", total, remote))
    bar = tqdm(desc=part.name, total=total, initial=part.size, unit="B", unit_scale=True, leave=False, disable=None)
    with bar, part.path.open("ab") as file:
        for chunk in answer.iter_content(_CHUNK):
            file.write(chunk)
            bar.update(len(chunk))
    if total is not None and part.size != total:
        raise _Unsteady("the connection was cut")
