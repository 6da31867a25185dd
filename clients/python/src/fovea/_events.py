"""Server-sent events out of bytes (WHATWG HTML, section 9.2). Does no I/O."""

from __future__ import annotations

from .errors import AnswerError

LONGEST = 4 << 20
"""Bytes of one event."""


class EventReader:
    """Takes bytes as they come and gives the events that are whole. What breaks off in the middle is no event."""

    def __init__(self) -> None:
        self._rest = b""
        self._skip_newline = False
        self._name = ""
        self._data: list[str] = []
        self._size = 0

    def feed(self, piece: bytes) -> list[tuple[str, str]]:
        """Name and data of each event that ends in these bytes."""
        if self._skip_newline and piece:
            piece = piece[1:] if piece.startswith(b"\n") else piece
            self._skip_newline = False
        text = self._rest + piece
        # A line feed that belongs to this return may be in the next piece.
        self._skip_newline = text.endswith(b"\r")
        *lines, self._rest = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        events = [event for event in map(self._line, lines) if event is not None]
        self._check(len(self._rest))
        return events

    def _check(self, more: int) -> None:
        if self._size + more > LONGEST:
            raise AnswerError(f"an event is longer than {LONGEST} bytes")

    def _line(self, line: bytes) -> tuple[str, str] | None:
        if not line:
            event = (self._name or "message", "\n".join(self._data))
            is_event = bool(self._data)
            self._name, self._data, self._size = "", [], 0
            return event if is_event else None
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "event":
            self._name = value
        elif name == "data":
            self._data.append(value)
            self._size += len(line)
            self._check(0)
        return None
