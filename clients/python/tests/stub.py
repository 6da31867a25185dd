"""A server on loopback that answers what a test tells it to, however wrong that is."""

from __future__ import annotations

import json
import socket
import threading
import time
from typing import Any


class Stub:
    """Answers each connection with the next of ``answers`` (the last one again and again) and closes it.

    An answer is bytes as they go over the wire, or a number of seconds of silence before the next one in the same connection, or a list of
    these. ``asked`` has the heads of all requests.
    """

    def __init__(self) -> None:
        self.answers: list[Any] = []
        self.asked: list[str] = []
        self._closing = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __enter__(self) -> Stub:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        # What waits in `accept` is woken by a connection.
        with socket.create_connection(self._socket.getsockname()):
            self._thread.join(timeout=10)
        self._socket.close()

    def _serve(self) -> None:
        while True:
            connection, _ = self._socket.accept()
            with connection:
                if self._closing.is_set():
                    return
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        head = b""
        try:
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            self.asked.append(head.decode("latin-1"))
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            for part in answer if isinstance(answer, list) else [answer]:
                if isinstance(part, bytes):
                    connection.sendall(part)
                else:
                    self._closing.wait(part)
            connection.shutdown(socket.SHUT_WR)
            # Until the client has read all of it: a connection that is closed with unread bytes in it is reset.
            deadline = time.monotonic() + 1
            while time.monotonic() < deadline and connection.recv(65536):
                pass
        except OSError:
            return


def answer(status: int, body: Any, *headers: str, kind: str = "application/json", length: int | None = None) -> bytes:
    """An answer as it goes over the wire; ``length`` may lie about its body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    size = len(raw) if length is None else length
    lines = [f"HTTP/1.1 {status} Stub", f"content-type: {kind}", f"content-length: {size}", "connection: close", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + raw


def problem(status: int, detail: str, *headers: str, **more: Any) -> bytes:
    document = {"type": "about:blank", "title": "Title", "status": status, "detail": detail, **more}
    return answer(status, document, *headers, kind="application/problem+json")


def stream(*pieces: bytes, kind: str = "text/event-stream") -> list[bytes]:
    """An answer without a length, which ends with its connection."""
    return [f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\nconnection: close\r\n\r\n".encode(), *pieces]


JOB: dict[str, Any] = {
    "id": 7,
    "collection": "default",
    "paths": ["/p"],
    "state": "running",
    "doing": "reading pictures",
    "n_files": 9,
    "n_jobs": 9,
    "n_done": 0,
    "n_skipped": 0,
}


def event(**changes: Any) -> bytes:
    return b"event: job\ndata: " + json.dumps({**JOB, **changes}).encode() + b"\n\n"
