"""A subject that dies, falls silent or talks nonsense costs one case, never the run."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

import pytest

from hutong_conformance.subject import CannotStart, Subject, SubjectFailed

ECHO = """
import json, os, sys, time
for line in sys.stdin:
    request = json.loads(line)
    match request["do"]:
        case "echo": print(json.dumps({"ok": request["say"]}), flush=True)
        case "die": sys.stderr.write("out of luck\\n"); sys.stderr.flush(); os._exit(7)
        case "close": os.close(1); time.sleep(9)
        case "wait": time.sleep(9)
        case "garbage": print("I think", flush=True)
        case "list": print("[1]", flush=True)
        case "twice": print("{}\\n{}", flush=True); time.sleep(0.1)
        case "deaf": os.close(0); time.sleep(9)
        case "bye": print("{}", flush=True); os._exit(0)
"""


def subject(program: str = ECHO, timeout_s: float = 5.0) -> Subject:
    return Subject(shlex.join([sys.executable, "-u", "-c", program]), timeout_s=timeout_s)


def echoes(running: Subject) -> bool:
    return running.ask({"do": "echo", "say": "雁塔"}) == {"ok": "雁塔"}


def test_requests_and_replies_go_one_by_one_through_one_process() -> None:
    with subject() as running:
        assert all(running.ask({"do": "echo", "say": i}) == {"ok": i} for i in range(50))
        assert running.starts == 1


def test_a_death_is_reported_with_its_last_words_and_the_next_request_has_a_new_process() -> None:
    with subject() as running:
        with pytest.raises(SubjectFailed, match="exit status 7"):
            running.ask({"do": "die"})
        assert echoes(running)
        assert running.starts == 2


def test_silence_ends_after_the_time_limit_and_a_late_reply_answers_nobody_else() -> None:
    with subject(timeout_s=1.5) as running:
        with pytest.raises(SubjectFailed, match="no reply within"):
            running.ask({"do": "wait"})
        assert echoes(running)


@pytest.mark.parametrize(
    ("do", "reason"),
    [("garbage", "not JSON"), ("list", "no object"), ("close", "closed its output")],
)
def test_a_reply_that_is_none_is_reported(do: str, reason: str) -> None:
    with subject() as running:
        with pytest.raises(SubjectFailed, match=reason):
            running.ask({"do": do})
        assert echoes(running)


def test_a_line_that_nobody_asked_for_is_not_taken_for_the_next_reply() -> None:
    with subject() as running:
        assert running.ask({"do": "twice"}) == {}
        time.sleep(0.5)  # nothing tells when a line that shouldn't come has come
        with pytest.raises(SubjectFailed, match="nobody asked"):
            running.ask({"do": "echo", "say": 1})
        assert echoes(running)


def test_a_subject_that_ends_between_two_requests_is_started_again() -> None:
    with subject() as running:
        assert running.ask({"do": "bye"}) == {}
        for _ in range(20):
            try:
                assert echoes(running)
                break
            except SubjectFailed:
                continue
        assert running.starts == 2


def test_a_subject_that_stops_reading_does_not_block_the_run() -> None:
    with subject(timeout_s=1.5) as running:
        with pytest.raises(SubjectFailed):
            running.ask({"do": "deaf", "say": "x" * 1_000_000})
        assert echoes(running)


def test_much_on_standard_error_does_not_block_the_run() -> None:
    program = "import sys\nfor line in sys.stdin:\n sys.stderr.write('x' * 500_000)\n print('{}')"
    with subject(program) as running:
        assert running.ask({}) == {}
        assert running.ask({}) == {}


@pytest.mark.parametrize("command", ["", "   ", "./no-such-program-here"])
def test_a_command_that_cannot_be_run_is_told_apart(command: str) -> None:
    with pytest.raises(CannotStart), Subject(command):
        pass


def test_leaving_ends_a_process_that_ignores_the_end_of_its_input(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    program = (
        f"import os, time\nopen({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
        "print('{}')\nwhile True: time.sleep(1)"
    )
    with subject(program) as running:
        assert running.ask({}) == {}
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text()), 0)
