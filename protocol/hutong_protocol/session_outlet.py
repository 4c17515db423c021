"""What leaves a session: frames for the peer, events for the shell, and requests not yet answered.

Owns the accounting that keeps a session bounded: an answer counts as given, and credit as given
back, only when the shell has taken the frame, which it does when the connection can send. A peer
that goes on asking without reading runs into its limit instead of filling memory. Spec: 7.2, 7.7.
"""

from __future__ import annotations

from hutong_protocol.frame_forms import encode_frame
from hutong_protocol.frames import Credit, Frame
from hutong_protocol.session_events import Event, News, Request


class Outlet:
    """Frames and events in the order in which they are to leave."""

    def __init__(self) -> None:
        self.answers_untaken = 0
        self.credits_untaken = 0
        self._frames: list[bytes] = []
        self._events: list[Event] = []
        self._awaited: dict[int, Request] = {}
        self._key = 0

    def send(self, frame: Frame) -> None:
        """Queues a frame."""
        if isinstance(frame, Credit):
            self.credits_untaken += frame.frames
        self._frames.append(encode_frame(frame))

    def send_bytes(self, data: bytes) -> None:
        """Queues a frame that is encoded already."""
        self._frames.append(data)

    def send_answer(self, frame: Frame) -> None:
        """Queues the last frame of an answer to one of the peer's questions."""
        self.answers_untaken += 1
        self._frames.append(encode_frame(frame))

    def report(self, news: News) -> None:
        """Queues an event that needs no answer."""
        self._events.append(news)

    def key(self) -> int:
        """A number for the next request."""
        self._key += 1
        return self._key

    def request(self, request: Request) -> None:
        """Queues an event that the shell answers."""
        self._awaited[request.key] = request
        self._events.append(request)

    def answered(self, request: Request) -> bool:
        """Whether this request was still unanswered; from now on it is answered."""
        return self._awaited.pop(request.key, None) is request

    @property
    def awaits_shell(self) -> bool:
        """Whether the shell owes an answer."""
        return bool(self._awaited)

    @property
    def has_frames(self) -> bool:
        """Whether there are frames that the shell has not taken."""
        return bool(self._frames)

    def take_frames(self) -> list[bytes]:
        """The queued frames, which count as sent from now on."""
        frames, self._frames = self._frames, []
        self.answers_untaken = self.credits_untaken = 0
        return frames

    def take_events(self) -> list[Event]:
        """The queued events."""
        events, self._events = self._events, []
        return events
