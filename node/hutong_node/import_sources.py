"""What a program is told of a source before it imports a file of it.

Owns this look back: what was read last, how far an interrupted run got, whether just this was read
before, here or as another source. Whether that stops an import is for the program and its people.
"""

from __future__ import annotations

from hutong_node.intake import Intake, RunNote
from hutong_node.intake_shapes import RunItem, SourceAnswer, SourceRun
from hutong_node.showing import time_text


def source_answer(intake: Intake, source: str, state: bytes | None) -> SourceAnswer:
    """What is known of a source, held against the digest of a file where there is one."""
    newest = intake.newest(source)
    latest = intake.latest_run(source, finished=False)
    same = None if state is None else intake.run_with_state(source, state)
    elsewhere = [] if state is None else intake.runs_elsewhere(source, state)
    return SourceAnswer(
        source=source,
        open=intake.open_count(source),
        last=_run_item(intake.latest_run(source, finished=True)),
        begun=None if latest is None or latest.finished else _run_item(latest),
        same=_run_item(same),
        elsewhere=[
            SourceRun(source=run.source, at=time_text(run.touched_ms) or "") for run in elsewhere
        ],
        newest=newest,
    )


def _run_item(run: RunNote | None) -> RunItem | None:
    if run is None:
        return None
    return RunItem(
        run=run.run,
        mapping=run.mapping,
        state=run.state.hex() or None,
        columns=list(run.columns),
        rows=run.rows,
        taken=run.taken,
        finished=run.finished,
        at=time_text(run.touched_ms) or "",
    )
