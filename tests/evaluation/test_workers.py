"""Work in other processes: who does it, what is said when it fails, and that nobody stays behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import work_steps

from dualcam.errors import InputError
from dualcam.evaluation.workers import WorkError, each, naming

posix = pytest.mark.skipif(os.name != "posix", reason="signals")


def do(step, paths, jobs=2, busy_with=lambda _: ""):
    return list(each(step, paths, jobs=jobs, name=lambda path: f"task {path.name}", busy_with=busy_with))


def busy_in(folder):
    def busy_with(process):
        path = folder / str(process)
        return path.read_text() if path.exists() else ""

    return busy_with


def test_every_task_is_done_by_a_process_with_one_thread(tmp_path):
    before = os.environ.get("OMP_NUM_THREADS")
    paths = [tmp_path / str(n) for n in range(5)]
    assert sorted(do(work_steps.leave_mark, paths)) == paths
    marks = [path.read_text().split() for path in paths]
    assert {(threads, environment) for _, threads, environment in marks} == {("1", "1")}
    assert str(os.getpid()) not in {process for process, *_ in marks}
    assert os.environ.get("OMP_NUM_THREADS") == before
    assert not multiprocessing.active_children()


def test_no_jobs_means_here(tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert do(work_steps.leave_mark, [tmp_path / "a"], jobs=0) == [tmp_path / "a"]
    assert (tmp_path / "a").read_text() == f"{os.getpid()} 1 7"
    with pytest.raises(WorkError, match="task bad: ZeroDivisionError: nothing"):
        do(work_steps.fail, [tmp_path / "bad"], jobs=0)


def test_a_fault_names_its_task_and_ends_the_others_at_once(tmp_path):
    started = time.perf_counter()
    with pytest.raises(WorkError, match=r"^task bad: ZeroDivisionError: nothing to divide$"):
        do(work_steps.fail, [tmp_path / "slow", tmp_path / "bad", tmp_path / "slow2"])
    assert time.perf_counter() - started < 30
    assert not multiprocessing.active_children()


def test_an_error_for_the_user_stays_one(tmp_path):
    with pytest.raises(InputError) as caught:
        do(work_steps.refuse, [tmp_path / "a"], jobs=1)
    assert caught.value.cause.endswith("is no good.") and caught.value.remedy == "Use another one."


@posix
def test_the_work_of_a_killed_worker_is_named(tmp_path):
    with pytest.raises(WorkError, match="died at the bad one") as caught:
        do(work_steps.die, [tmp_path / "good", tmp_path / "bad"], busy_with=busy_in(tmp_path))
    assert "innocent" not in str(caught.value)
    assert not multiprocessing.active_children()


@posix
def test_workers_end_with_a_killed_parent(tmp_path):
    code = (
        "import sys; from pathlib import Path; import work_steps\n"
        "from dualcam.evaluation.workers import each\n"
        "if __name__ == '__main__':\n"
        "    paths = [Path(sys.argv[1]) / n for n in 'ab']\n"
        "    list(each(work_steps.sleep, paths, jobs=2, name=str))\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen([sys.executable, str(script), str(tmp_path)], env=environment) as parent:
        marks = [tmp_path / "a", tmp_path / "b"]
        wait_until(lambda: all(mark.exists() and mark.read_text() for mark in marks))
        parent.send_signal(signal.SIGKILL)
    wait_until(lambda: not any(is_alive(int(mark.read_text())) for mark in marks))


def wait_until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def is_alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    try:
        # A process that nobody waits for any more stays in the list as a zombie.
        return "zombie" not in Path(f"/proc/{process}/status").read_text("ascii")
    except FileNotFoundError:
        return not Path("/proc").exists()


def test_a_fault_can_say_where_it_happened():
    with pytest.raises(ValueError) as caught, naming("file track", "dis"), naming("inside"):
        raise ValueError("bad")
    assert caught.value.__notes__ == ["file track", "dis", "inside"]
