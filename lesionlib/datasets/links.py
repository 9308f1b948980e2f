"""Images that stand one by one on pages of their own, as a table lists them."""

from __future__ import annotations

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter, Retry
from tqdm import tqdm

from lesionlib.atomic import writing_to
from lesionlib.datasets import download
from lesionlib.datasets.decoding import UNDECODABLE, decode
from lesionlib.datasets.readers.tables import read_table
from lesionlib.errors import InputError

AT_ONCE = 4
"""Images asked for at the same time: few, since all stand on two small sites."""
SILENT_AFTER = 5
"""Failed connections in a row after which a host is not asked again."""
_LARGEST = 50 * 2**20
_MD5 = re.compile(r"[0-9a-f]{32}")


def fetch_images(table: Path, folder: Path, table_url: str) -> list[str]:
    """Download what can still be had of the images that `table` lists; say what was taken and what was not.

    The table has the columns ``md5hash`` and ``url``, as fitzpatrick17k's; an image becomes ``<md5hash>.jpg`` in
    `folder`. What is there already is not asked for again. An address that is dead, or that answers with something that
    is no image, is counted. So is an image whose MD5 is not its ``md5hash``: it is kept, since a site may have packed
    its pictures anew, unless the same picture stands for several ones (a site's "not found" picture).

    Raises
    ------
    InputError
        This machine has no connection (`table_url` does not answer either), a site asks us to wait, or the disk is
        full.
    """
    rows = read_table(table, ["md5hash", "url"])
    wanted = dict(zip(rows["md5hash"].fillna(""), rows["url"].fillna(""), strict=True))
    missing = {key: url for key, url in wanted.items() if not (folder / f"{key}.jpg").exists()}
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with _session() as opened:
            refused = _fetch_all(_Visitor(opened, folder, table_url), missing)
        differing, stand_ins = _sift(folder)
    here = sum((folder / f"{key}.jpg").exists() for key in wanted)
    reasons = refused + Counter({"one picture for several": stand_ins} if stand_ins else {})
    counts = "; ".join(f"{reason} {number:,}" for reason, number in reasons.most_common())
    notes = [f"{here:,} of {len(wanted):,} images are here" + (f"; not taken: {counts}" if counts else "")]
    return notes + [f"{differing:,} of them are not byte for byte what the table's md5hash says"] * bool(differing)


def _session() -> requests.Session:
    opened = download.session()
    again = Retry(
        total=2,
        backoff_factor=download.PAUSE,
        status_forcelist=(500, 502, 503, 504),
        raise_on_status=False,
        # A site may ask for a day's wait.
        respect_retry_after_header=False,
    )
    for scheme in ("http://", "https://"):
        opened.mount(scheme, HTTPAdapter(max_retries=again, pool_maxsize=AT_ONCE))
    return opened


def _fetch_all(visit: Callable[[str, str], str | None], missing: dict[str, str]) -> Counter:
    refused = Counter()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = [pool.submit(visit, key, url) for key, url in missing.items()]
        try:
            for future in tqdm(as_completed(futures), desc="images", total=len(futures), leave=False, disable=None):
                if future.result() is not None:
                    refused[future.result()] += 1
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return refused


class _Visitor:
    """Fetch one image after another, and give up on a host that does not answer."""

    def __init__(self, opened: requests.Session, folder: Path, table_url: str):
        self.session = opened
        self.folder = folder
        self.table_url = table_url
        self.silences: Counter = Counter()
        self.lock = threading.Lock()

    def __call__(self, key: str, url: str) -> str | None:
        """Fetch the image `key`; return why it was not taken, or None."""
        host = urlsplit(url).netloc
        if not _MD5.fullmatch(key) or not host:
            return "without an address"
        if self.silences[host] >= SILENT_AFTER:
            return "host does not answer"
        try:
            code, content = self._content(url)
        except requests.RequestException:
            self._refuse_offline()
            self._count(host, self.silences[host] + 1)
            return "host does not answer"
        self._count(host, 0)
        if code == requests.codes.too_many_requests:
            raise InputError(f"{host} asks us to wait; {self._later()}")
        if code != requests.codes.ok:
            return f"dead link ({code})"
        try:
            decode(content)
        except UNDECODABLE:
            return "no image there"
        part = self.folder / f"{key}.part"
        part.write_bytes(content)
        part.replace(self.folder / f"{key}.jpg")
        return None

    def _count(self, host: str, silences: int) -> None:
        with self.lock:
            # A host that was given up stays so, whatever a request that was on its way still brings.
            if self.silences[host] < SILENT_AFTER:
                self.silences[host] = silences

    def _content(self, url: str) -> tuple[int, bytes]:
        try:
            return self._ask(url)
        except requests.exceptions.ChunkedEncodingError:
            # The session asks again where no answer comes; an answer that is cut is for us to mend.
            return self._ask(url)

    def _ask(self, url: str) -> tuple[int, bytes]:
        with self.session.get(url, stream=True, timeout=download.TIMEOUT) as answer:
            content = bytearray()
            for chunk in answer.iter_content(1 << 16):
                content += chunk
                if len(content) > _LARGEST:
                    return answer.status_code, b""
            return answer.status_code, bytes(content)

    def _refuse_offline(self) -> None:
        try:
            self.session.head(self.table_url, timeout=download.TIMEOUT).close()
        except requests.RequestException:
            raise InputError(f"the connection was lost; {self._later()}") from None

    def _later(self) -> str:
        here = sum(1 for _ in self.folder.glob("*.jpg"))
        return f"{here:,} images are here: run it again later, it goes on where it stopped"


def _sift(folder: Path) -> tuple[int, int]:
    """Remove pictures that stand for several images; count those kept that differ from their MD5, and those removed."""
    for part in folder.glob("*.part"):
        part.unlink()
    digests = {path: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.glob("*.jpg")}
    copies = Counter(digests.values())
    differing = [path for path, md5 in digests.items() if md5 != path.stem]
    stand_ins = [path for path in differing if copies[digests[path]] > 1]
    for path in stand_ins:
        path.unlink()
    return len(differing) - len(stand_ins), len(stand_ins)
