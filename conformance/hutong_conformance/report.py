"""Judges replies and tells the outcome: as text, as JSON, as JUnit XML.

Owns the four results and the exit code. `pass`: the reply equals the expectation exactly. `fail`:
another reply, a death or silence. `unsupported`: the subject says that it doesn't know the
operation. `error`: the subject calls the request itself malformed, so nothing was tested.
A known failure (listed by the implementer, with a reason) is reported and doesn't fail the run.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol
from xml.etree import ElementTree

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hutong_conformance.cases import SPEC_VERSION, Case, Json
from hutong_conformance.subject import SubjectFailed

SHOWN_CHARS_MAX = 200


class Result(StrEnum):
    """What a case says about a subject."""

    PASS = "pass"
    FAIL = "fail"
    UNSUPPORTED = "unsupported"
    ERROR = "error"


class Answerer(Protocol):
    """Whoever answers requests: a `Subject`, or a function of a test."""

    def ask(self, request: Mapping[str, Json]) -> dict[str, Json]:
        """The reply to `request`."""
        ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """A case, its result, and for a failure what came instead or what happened."""

    case: Case
    result: Result
    detail: str = ""


def judge(case: Case, reply: Mapping[str, Json]) -> Outcome:
    """The outcome of `case` for a reply that arrived."""
    if reply.get("unsupported") is True:
        return Outcome(case, Result.UNSUPPORTED)
    if "error" in reply:
        return Outcome(case, Result.ERROR, f"request called malformed: {_shown(reply['error'])}")
    if same(reply, case.expect):
        return Outcome(case, Result.PASS)
    return Outcome(case, Result.FAIL, f"expected {_shown(case.expect)}, got {_shown(reply)}")


def same(left: Json | Mapping[str, Json], right: Json | Mapping[str, Json]) -> bool:
    """Equality of JSON: unlike Python's it tells true from 1 and 1 from 1.0."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def run(cases: Iterable[Case], subject: Answerer) -> Iterator[Outcome]:
    """The outcomes of `cases`, one request each, in order."""
    for case in cases:
        try:
            reply = subject.ask(case.request)
        except SubjectFailed as failure:
            yield Outcome(case, Result.FAIL, str(failure))
        else:
            yield judge(case, reply)


@dataclass(frozen=True, slots=True)
class Report:
    """All outcomes of one run, and how strictly they count."""

    outcomes: Sequence[Outcome]
    vectors_digest: str
    command: str
    strict: bool = False
    known: Mapping[str, str] = field(default_factory=dict)

    @property
    def counts(self) -> dict[Result, int]:
        """How many outcomes there are of each result, known failures included."""
        found = Counter(outcome.result for outcome in self.outcomes)
        return {result: found[result] for result in Result}

    def counts_against(self, outcome: Outcome) -> bool:
        """Whether `outcome` makes the run fail: a MUST that failed, when strict also the rest."""
        if outcome.case.id in self.known:
            return False
        if outcome.result is Result.FAIL:
            return self.strict or outcome.case.level == "MUST"
        return self.strict and outcome.result is Result.UNSUPPORTED

    @property
    def stale_known(self) -> list[str]:
        """Known failures that pass by now, or that name no case of this run: to be taken out."""
        passed = {o.case.id for o in self.outcomes if o.result is Result.PASS}
        ran = {o.case.id for o in self.outcomes}
        return sorted(name for name in self.known if name in passed or name not in ran)

    @property
    def exit_code(self) -> int:
        """0 all well, 1 the subject failed, 2 the run couldn't judge (an error, or no case)."""
        if not self.outcomes or self.counts[Result.ERROR]:
            return 2
        failed = any(map(self.counts_against, self.outcomes))
        return 1 if failed or (self.strict and self.stale_known) else 0

    def to_json(self) -> str:
        """The report as one JSON object; passes only counted, everything else listed."""
        listed = [
            {
                "id": outcome.case.id,
                "section": outcome.case.section,
                "level": outcome.case.level,
                "result": outcome.result.value,
                "detail": outcome.detail,
                "known": self.known.get(outcome.case.id),
            }
            for outcome in self.outcomes
            if outcome.result is not Result.PASS
        ]
        content = {
            "ok": self.exit_code == 0,
            "spec_version": SPEC_VERSION,
            "vectors_digest": self.vectors_digest,
            "command": self.command,
            "strict": self.strict,
            "counts": {result.value: count for result, count in self.counts.items()},
            "stale_known": self.stale_known,
            "outcomes": listed,
        }
        return json.dumps(content, ensure_ascii=False)

    def to_junit(self) -> str:
        """The report as JUnit XML, a suite for each section."""
        root = ElementTree.Element("testsuites", name="hutong-conformance")
        suites: dict[str, list[Outcome]] = {}
        for outcome in self.outcomes:
            suites.setdefault(outcome.case.id.partition("/")[0], []).append(outcome)
        for section, outcomes in suites.items():
            found = Counter(outcome.result for outcome in outcomes)
            skipped = sum(map(self._skipped, outcomes))
            suite = ElementTree.SubElement(
                root,
                "testsuite",
                name=f"section {section}",
                tests=str(len(outcomes)),
                failures=str(sum(map(self.counts_against, outcomes))),
                errors=str(found[Result.ERROR]),
                skipped=str(skipped),
            )
            properties = ElementTree.SubElement(suite, "properties")
            for name, value in self._names():
                ElementTree.SubElement(properties, "property", name=name, value=value)
            for outcome in outcomes:
                self._junit_case(suite, outcome)
        ElementTree.indent(root)
        return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"

    def _skipped(self, outcome: Outcome) -> bool:
        return outcome.result in (Result.UNSUPPORTED, Result.FAIL) and not self.counts_against(
            outcome
        )

    def _junit_case(self, suite: ElementTree.Element, outcome: Outcome) -> None:
        element = ElementTree.SubElement(
            suite, "testcase", name=outcome.case.id, classname=f"hutong.{outcome.case.section}"
        )
        detail = self.known.get(outcome.case.id) or outcome.detail or outcome.result.value
        if outcome.result is Result.ERROR:
            ElementTree.SubElement(element, "error", message=_xml_text(detail))
        elif self.counts_against(outcome):
            ElementTree.SubElement(element, "failure", message=_xml_text(detail))
        elif self._skipped(outcome):
            ElementTree.SubElement(element, "skipped", message=_xml_text(detail))

    def _names(self) -> list[tuple[str, str]]:
        return [
            ("specification", SPEC_VERSION),
            ("vectors", self.vectors_digest),
            ("command", _xml_text(self.command)),
        ]

    def print(self, console: Console) -> None:
        """The report for a person: what isn't a pass, the counts by section, what was tested."""
        for outcome in self.outcomes:
            if outcome.result is not Result.PASS:
                self._print_outcome(console, outcome)
        table = Table(title="cases by section")
        table.add_column("section")
        for result in Result:
            table.add_column(result.value, justify="right")
        sections: dict[str, Counter[Result]] = {}
        for outcome in self.outcomes:
            number = outcome.case.id.partition("/")[0]
            sections.setdefault(number, Counter())[outcome.result] += 1
        for number, found in sections.items():
            table.add_row(number, *(str(found[result]) for result in Result))
        table.add_row("all", *(str(count) for count in self.counts.values()), style="bold")
        console.print(table)
        for name in self.stale_known:
            console.print(f"known failure to take out (passes or isn't run): {name}")
        console.print(
            f"specification {SPEC_VERSION}, vectors {self.vectors_digest}", soft_wrap=True
        )

    def _print_outcome(self, console: Console, outcome: Outcome) -> None:
        case = outcome.case
        known = self.known.get(case.id)
        word = "known" if known is not None else outcome.result.value
        style = "red" if self.counts_against(outcome) or word == "error" else "yellow"
        console.print(
            f"[{style}]{word}[/] {escape(case.id)} ({case.level}, {escape(case.section)}): "
            f"{escape(known or outcome.detail or case.op)}",
            soft_wrap=True,
        )


def _shown(value: Json | Mapping[str, Json]) -> str:
    content = json.dumps(value, ensure_ascii=False)
    if len(content) <= SHOWN_CHARS_MAX:
        return content
    return f"{content[:SHOWN_CHARS_MAX]}... ({len(content)} characters)"


def _xml_text(content: str) -> str:
    """`content` without the control characters that XML can't carry."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in content)
