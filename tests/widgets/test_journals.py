import json
import multiprocessing
import os
import signal
import stat
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionlib import atomic
from lesionlib.errors import InputError
from lesionlib.widgets.journals import Answer, Consent, Journal, View

READER = "K7QM-2XPJ"


def consent():
    return Consent(study="trial-1", reader=READER, consent="0123")


def answer(position=1, label="nv", **other):
    values = dict(image_id=f"I{position}", seconds=2.5, ai_shown=False, ai_answer=None, order_seed=7)
    return Answer(round=1, position=position, answer=label, **{**values, **other})


@pytest.fixture
def journal(tmp_path):
    begun = Journal(tmp_path / "trial-1", READER)
    begun.begin(consent())
    return begun


def labels(journal):
    return [event.answer for event in journal.events() if isinstance(event, Answer)]


def test_what_is_added_is_read(journal):
    view, given = View(round=1, position=1, image_id="I1"), answer()
    assert journal.add(view) and journal.add(given)
    assert journal.events()[1:] == [view, given]


def test_lines_say_schema_and_time(journal):
    journal.add(answer(label=None))
    first, last = map(json.loads, journal.path.read_text().splitlines())
    assert (first["event"], first["version"], first["reader"]) == ("consent", 1, READER)
    assert (last["event"], last["answer"]) == ("answer", None)
    assert last["time"].endswith("Z")


def test_consent_twice_is_once(journal):
    journal.begin(consent())
    assert len(journal.events()) == 1


def test_nothing_is_kept_without_consent(tmp_path):
    with pytest.raises(InputError, match="no such reader here"):
        Journal(tmp_path, READER).add(answer())
    assert not list(tmp_path.glob("*.jsonl"))


def test_the_first_answer_to_an_image_counts(journal):
    assert journal.add(answer(label="nv"))
    assert not journal.add(answer(label="mel"))
    assert labels(journal) == ["nv"]


def test_only_the_owner_may_read_answers(journal):
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600


@given(keep=st.integers(0, 400), tail=st.sampled_from([b"", b"\x00" * 50, b"\n"]))
def test_wherever_the_file_is_cut_whole_answers_stay_and_it_goes_on(tmp_path_factory, keep, tail):
    journal = Journal(tmp_path_factory.mktemp("cut"), READER)
    journal.begin(consent())
    for position, label in enumerate(["nv", "mel", "bcc"], 1):
        journal.add(answer(position, label))
    content = journal.path.read_bytes()
    ends = [place for place, byte in enumerate(content) if byte == ord("\n")]
    journal.path.write_bytes(content[: max(keep, ends[0])] + tail)
    # A line is whole without its newline too, unless other bytes follow.
    whole = sum(max(keep, ends[0]) >= end + (tail[:1] == b"\x00") for end in ends)
    if whole == 0:
        assert journal.events() == []
        return
    assert labels(journal) == ["nv", "mel", "bcc"][: whole - 1]
    assert journal.add(answer(9, "df"))
    assert labels(journal) == [*["nv", "mel", "bcc"][: whole - 1], "df"]
    assert all(json.loads(line) for line in journal.path.read_text().splitlines())


def test_a_damaged_line_in_the_middle_is_named(journal):
    journal.add(answer(1))
    journal.add(answer(2))
    lines = journal.path.read_text().splitlines()
    journal.path.write_text("\n".join([lines[0], lines[1][:20], lines[2], ""]))
    with pytest.raises(InputError, match="line 2 is damaged"):
        journal.events()


def test_a_newer_version_is_refused_and_left_alone(journal):
    newer = json.dumps({**json.loads(journal.path.read_text()), "version": 2}) + "\n"
    journal.path.write_text(newer)
    with pytest.raises(InputError, match="line 1 is damaged"):
        journal.begin(consent())
    assert journal.path.read_text() == newer


def test_another_file_is_refused(journal):
    journal.path.write_text(answer().model_dump_json() + "\n")
    with pytest.raises(InputError, match="line 1 is no consent"):
        journal.events()


def test_a_full_disk_loses_no_answer(journal, monkeypatch):
    journal.add(answer(1, "nv"))

    def full(handle):
        raise OSError(28, "No space left on device", str(journal.path))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(InputError, match="the disk is full"):
            journal.add(answer(2, "mel"))
    # What was written may or may not have reached the disk: as after a crash, it is read or it is not.
    journal.path.write_bytes(journal.path.read_bytes()[:-30])
    assert labels(journal) == ["nv"]
    assert journal.add(answer(2, "bcc"))
    assert labels(journal) == ["nv", "bcc"]


def test_removal_leaves_no_trace(journal):
    journal.add(answer())
    assert len(journal.remove()) == 2
    assert not [path for path in journal.path.parent.rglob("*") if READER in path.name]
    with pytest.raises(InputError, match="nothing was removed"):
        journal.remove()
    with pytest.raises(InputError, match="withdrew"):
        journal.add(answer(2))


def test_a_busy_lock_is_said(journal, monkeypatch):
    monkeypatch.setattr("lesionlib.widgets.journals._WAIT", 0)
    with (
        atomic.locked(journal.path.parent / ".lock", InputError("mine")),
        pytest.raises(InputError, match="another process has written for 0 seconds"),
    ):
        journal.add(answer())


def _write(folder, label, start):
    journal = Journal(folder, READER)
    start.wait()
    for position in range(1, 31):
        journal.add(answer(position, label))


def test_two_writers_at_once_leave_one_whole_answer_an_image(journal):
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(2)
    writers = [context.Process(target=_write, args=(journal.path.parent, label, start)) for label in ("nv", "mel")]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
        assert writer.exitcode == 0
    places = [event.position for event in journal.events() if isinstance(event, Answer)]
    assert places == list(range(1, 31))


def test_a_killed_writer_loses_no_answer_that_it_acknowledged(journal):
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from pathlib import Path\n"
        "from test_journals import READER, Journal, answer\n"
        "journal = Journal(Path(sys.argv[1]), READER)\n"
        "for position in range(1, 10_000):\n"
        "    journal.add(answer(position)); print(position, flush=True)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(journal.path.parent), os.path.dirname(__file__)],  # noqa: PTH120
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert writer.stdout.readline() == "1\n"
        time.sleep(0.2)
    finally:
        writer.send_signal(signal.SIGKILL)
        rest = writer.stdout.read()
        writer.wait()
    acknowledged = int(rest.splitlines()[-1]) if rest else 1
    kept = len(labels(journal))
    assert kept in (acknowledged, acknowledged + 1)
    assert journal.add(answer(20_000, "mel"))
    assert len(labels(journal)) == kept + 1
