"""The queue: order, bounds, what a restart finds, and what is forgotten."""

from __future__ import annotations

import os
import shutil
import time
from dataclasses import replace
from pathlib import Path

import pytest

pytest.importorskip("prometheus_client", reason="needs the extra web")

from sla_cli.serve.driven import LostError
from sla_cli.serve.files import RESULT
from sla_cli.serve.job import Job, new_id, read_job
from sla_cli.serve.jobs import LAST, TOO_OFTEN, FullError, Jobs
from sla_cli.serve.limits import Limits

LIMITS = Limits(queue=3, upload=1000, length=60, work=60, memory=1 << 30, keep=100)


@pytest.fixture(autouse=True)
def _no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.serve.jobs.MOMENT", 0.01)


def jobs_in(folder: Path, limits: Limits = LIMITS) -> Jobs:
    return Jobs(folder / "jobs", limits, workers=2, counted=lambda state, seconds: None)


def sent(jobs: Jobs) -> Job:
    job = jobs.begin()
    job.upload.write_bytes(b"video")
    jobs.submit(job)
    return job


def finished(jobs: Jobs, fault: str = "", seconds: float = 1.0, frames: int = 0) -> Job:
    work = jobs.take()
    assert work is not None
    work.job.record.frames = frames
    (work.job.folder / RESULT).write_text("{}")
    work.finish(work.job, fault, seconds)
    return work.job


def test_first_in_first_out_in_the_order_in_which_the_bytes_were_complete(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path)
    slow = jobs.begin()
    first, second = sent(jobs), sent(jobs)
    assert (jobs.place(first), jobs.place(second), jobs.place(slow)) == (0, 1, 0)
    assert (jobs.taken, jobs.running) == (3, 0)
    with pytest.raises(FullError):
        jobs.begin()
    assert [finished(jobs), finished(jobs)] == [first, second]
    slow.upload.write_bytes(b"video")
    jobs.submit(slow)
    assert finished(jobs) is slow and jobs.take() is None


def test_what_runs_is_counted_until_it_has_ended(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path)
    sent(jobs), sent(jobs)
    work = jobs.take()
    assert work is not None and (jobs.taken, jobs.running) == (1, 1)
    work.finish(work.job, "", 1.0)
    assert (jobs.taken, jobs.running) == (1, 0)


def test_the_time_until_a_place_is_free_comes_from_what_jobs_took(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path)
    for seconds in (10, 30):
        sent(jobs)
        finished(jobs, seconds=seconds)
    for _ in range(3):
        sent(jobs)
    with pytest.raises(FullError) as full:
        jobs.begin()
    assert full.value.seconds == 10  # a mean of 20 s, two workers


def test_the_video_is_deleted_with_the_end_of_its_job(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path)
    for fault in ("", "not a video"):
        sent(jobs)
        job = finished(jobs, fault)
        assert not job.upload.exists() and job.record.state == ("failed" if fault else "done") and job.ended.done()
    assert oct((tmp_path / "jobs").stat().st_mode)[-3:] == oct(job.folder.stat().st_mode)[-3:] == "700"


def test_a_video_that_cannot_be_deleted_ends_no_worker(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path)
    job = sent(jobs)
    job.upload.unlink()
    job.upload.mkdir()
    assert finished(jobs) is job and job.ended.done() and job.record.state == "done"


def test_a_state_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path / "state")
    shutil.rmtree(tmp_path / "state")
    sent(jobs)
    assert finished(jobs).record.state == "done"
    assert oct((tmp_path / "state" / "jobs").stat().st_mode)[-3:] == "700"


def test_a_restart_finds_what_waits_what_ran_and_what_is_done(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path, replace(LIMITS, queue=5))
    done, failed, ran, waits = (sent(jobs) for _ in range(4))
    cut = jobs.begin()
    finished(jobs, frames=60)
    finished(jobs, "not a video")
    jobs.take()
    done.upload.touch()  # of a service that was killed before it removed the video
    again = jobs_in(tmp_path)
    assert not done.upload.exists() and waits.upload.exists()
    assert [(job := again.find(one.id)) and job.record.state for one in (done, failed, ran, waits, cut)] == [
        "done", "failed", "waiting", "waiting", None,
    ]  # fmt: skip
    assert (found := again.find(done.id)) is not None and found.record.frames == 60
    assert not cut.folder.exists()
    assert [finished(again).id, finished(again).id] == [ran.id, waits.id]


def test_only_what_a_service_wrote_is_removed(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path)
    cut, with_notes = jobs.begin(), sent(jobs)
    for path in (cut.upload, cut.folder / ".job.json.host-1-2-abcd.partial", cut.folder / "transcript.html.~1~"):
        path.touch()
    folder, other = tmp_path / "jobs", tmp_path / "other" / new_id()
    other.mkdir(parents=True)
    strangers = [folder / "exp-1" / "upload", folder / new_id() / "notes.txt", folder / "a file", other / "upload"]
    for path in (*strangers, with_notes.folder / "notes.txt"):
        path.parent.mkdir(exist_ok=True)
        path.write_text("of somebody")
    (folder / other.name).symlink_to(other)
    again = jobs_in(tmp_path)
    assert not cut.folder.exists() and all(path.exists() for path in strangers) and (folder / other.name).is_symlink()
    found = again.find(with_notes.id)
    assert found is not None
    again.delete(found)
    assert [path.name for path in found.folder.iterdir()] == ["notes.txt"]


def test_a_video_that_ends_the_service_twice_is_not_tried_again(tmp_path: Path) -> None:
    sent(jobs_in(tmp_path))
    for _ in range(TOO_OFTEN):
        jobs = jobs_in(tmp_path)
        work = jobs.take()
        assert work is not None
    found = jobs_in(tmp_path).find(work.job.id)
    assert found is not None and (found.record.state, found.record.fault) == ("failed", LAST)


def test_a_video_whose_process_ends_is_first_in_the_queue_once_more(tmp_path: Path) -> None:
    jobs = jobs_in(tmp_path)
    for _ in range(3):
        sent(jobs)
    for error, state in (
        (LostError("it crashed", by_itself=True), "waiting"),
        (LostError("it crashed", by_itself=True), "failed"),
        (LostError("too much memory"), "failed"),
    ):
        work = jobs.take()
        assert work is not None
        work.lost(error)
        assert (work.job.record.state, work.job.record.fault) == (state, str(error) if state == "failed" else "")
    assert jobs.taken == 1


@pytest.mark.timeout(200)
def test_a_folder_whose_record_is_damaged_or_a_pipe_holds_no_job(tmp_path: Path) -> None:
    folder = tmp_path / new_id()
    folder.mkdir()
    record = folder / "job.json"
    for data in (b"", b"{}", b"\xff", b'{"a":' * 100_000 + b"1" + b"}" * 100_000):
        record.write_bytes(data)
        assert read_job(folder) is None
    record.unlink()
    os.mkfifo(record)
    assert read_job(folder) is None


def test_a_job_that_the_end_of_the_service_interrupts_is_done_later(tmp_path: Path) -> None:
    for _ in range(TOO_OFTEN + 2):
        jobs = jobs_in(tmp_path)
        if not jobs.taken:
            sent(jobs)
        work = jobs.take()
        assert work is not None
        jobs.closing = True
        work.finish(work.job, "the process ended", 1.0)
    assert finished(jobs_in(tmp_path)).record.state == "done"


@pytest.mark.parametrize("running", [False, True])
def test_what_is_deleted_is_gone_also_after_a_restart(tmp_path: Path, running: bool) -> None:
    jobs = jobs_in(tmp_path)
    job = sent(jobs)
    work = jobs.take() if running else None
    jobs.delete(job)
    assert job.ended.done() and jobs.find(job.id) is None and jobs.take() is None
    if work is not None:
        assert jobs_in(tmp_path).find(job.id) is None
        work.finish(job, "it was deleted", 1.0)
    assert not job.folder.exists()


def test_results_are_kept_for_a_time_and_a_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sla_cli.serve.jobs.MOST_KEPT", 2)
    jobs = jobs_in(tmp_path)
    ended = []
    for _ in range(3):
        sent(jobs)
        ended.append(finished(jobs))
    assert [jobs.find(job.id) is not None for job in ended] == [False, True, True]
    now = time.time()
    monkeypatch.setattr("sla_cli.serve.jobs.time.time", lambda: now + 101)
    assert jobs.find(ended[2].id) is None and not list((tmp_path / "jobs").iterdir())
