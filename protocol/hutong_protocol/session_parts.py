"""The pass over missing parts: asked of the peer, a frame at a time, when the records are here.

Owns which scopes are passed over and how far. What the peer does not send is not held there; it
stays missing and is asked of others. Spec: 7.8.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from hutong_protocol.exchange import PartItem, PartWant, Scope
from hutong_protocol.faults import Fault, ProtocolFault
from hutong_protocol.frames import PART_WANTS_MAX, FrameType, Parts, PartsWanted
from hutong_protocol.ids import RecordId
from hutong_protocol.session_asking import Questions
from hutong_protocol.session_events import ListMissing, StoreParts
from hutong_protocol.session_outlet import Outlet


class PartsPass:
    """One pass at a time, begun anew whenever there may be missing parts."""

    def __init__(self, outlet: Outlet, questions: Questions, scopes: Sequence[Scope]) -> None:
        self._outlet = outlet
        self._questions = questions
        self._scopes = tuple(scopes)
        self._todo: deque[int] = deque()
        self._after: RecordId | None = None
        self._wants: tuple[PartWant, ...] = ()
        self._busy = False
        self.stored = 0

    @property
    def over(self) -> bool:
        """Whether nothing is left to be asked."""
        return not (self._busy or self._todo)

    def begin(self, positions: Sequence[int]) -> None:
        """Begins over these scopes, unless a pass is under way, which then takes them too."""
        self._todo.extend(position for position in positions if position not in self._todo)

    def pump(self) -> None:
        """Asks what can be asked."""
        if self._busy or not self._todo:
            return
        position = self._todo[0]
        if not self._wants:
            scope = self._scopes[position]
            request = ListMissing(self._outlet.key(), scope, self._after, PART_WANTS_MAX)
            self._outlet.request(request)
        elif self._questions.room:
            self._questions.ask(PartsWanted(position, self._wants))
        else:
            return
        self._busy = True

    def missing_listed(self, wants: Sequence[PartWant]) -> None:
        """Goes on with the wants of the scope at hand; none ends it."""
        self._busy = False
        self._wants = tuple(wants[:PART_WANTS_MAX])
        if wants:
            self._after = self._wants[-1].record
        else:
            self._todo.popleft()
            self._after = None

    def parts(self, frame: Parts) -> None:
        """Takes parts that were asked for; others in the frame are dropped.

        Raises:
            ProtocolFault: UNEXPECTED_FRAME if it answers no question.
        """
        self._questions.answered(FrameType.PARTS, scope=frame.scope)
        left = {want.record: want.mask for want in self._wants}
        items: list[PartItem] = []
        for item in frame.items:
            bit = 1 << item.position
            if left.get(item.record, 0) & bit:
                left[item.record] &= ~bit
                items.append(item)
        if len(items) < len(frame.items):
            raise ProtocolFault(Fault.UNEXPECTED_FRAME, "parts that were not asked for")
        # Without a part in it, a promise of more would only be repeated.
        rest = [PartWant(record, mask) for record, mask in left.items() if mask]
        self._wants = tuple(rest) if frame.more and items else ()
        self._busy = bool(items)
        if items:
            scope = self._scopes[frame.scope]
            self._outlet.request(StoreParts(self._outlet.key(), scope, tuple(items)))

    def parts_stored(self, count: int) -> None:
        """Goes on after parts were stored."""
        self._busy = False
        self.stored += count
