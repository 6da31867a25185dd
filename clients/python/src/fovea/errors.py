"""What can go wrong, in words that say what to do next. The key never stands in any of them."""

from __future__ import annotations


class FoveaError(Exception):
    """Anything that this package raises, but for arguments that make no sense (``ValueError``, ``TypeError``)."""


class ConnectionFailedError(FoveaError):
    """The server was not reached, or the connection broke off before the answer was whole."""


class AnswerTimeoutError(FoveaError):
    """Nothing came for as long as the client waits. The server may still be at work on what was asked."""


class AnswerError(FoveaError):
    """An answer came, and it is not what the API says: something else listens there, or it is cut off."""


class JobFailedError(FoveaError):
    """An index job ended with an error; ``job`` is its number."""

    def __init__(self, message: str, job: int) -> None:
        super().__init__(message)
        self.job = job


class ProblemError(FoveaError):
    """The server said why it did not do what was asked (a problem document, RFC 9457).

    ``status`` is that of HTTP, ``title`` its name, ``detail`` what went wrong and what to do about it, ``request_id`` what
    the server's log calls this request, ``character`` (from 1) the place in the query, where it is about one, and
    ``retry_after`` the seconds after which it may be asked again, where it said so.
    """

    def __init__(
        self,
        *,
        status: int,
        title: str,
        detail: str,
        type: str = "about:blank",
        character: int | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        place = "" if character is None else f"character {character}: "
        log = "" if request_id is None else f" (request {request_id})"
        super().__init__(f"{status} {title}: {place}{detail}{log}")
        self.status = status
        self.title = title
        self.detail = detail
        self.type = type
        self.character = character
        self.request_id = request_id
        self.retry_after = retry_after


class BadRequestError(ProblemError):
    """400: the query or a parameter cannot mean anything."""


class UnauthorizedError(ProblemError):
    """401: a key is needed, or this one opens nothing."""


class ForbiddenError(ProblemError):
    """403: this key may not do that, or not there."""


class NotFoundError(ProblemError):
    """404: no such item, collection, job, name or picture."""


class TooLargeError(ProblemError):
    """413: more bytes than the server takes (``fovea serve --max-upload-mb``)."""


class MisdirectedError(ProblemError):
    """421: the server is not known by that name (``fovea serve --host NAME``)."""


class UndecodableError(ProblemError):
    """422: these bytes are no picture that can be decoded."""


class TooManyRequestsError(ProblemError):
    """429: this key asks too often, or too many jobs wait."""


class ServerError(ProblemError):
    """5xx: the server failed; its log has the request under ``request_id``."""


class UnavailableError(ServerError):
    """503: the server cannot now: its disk, its model pack, or it took too long."""


BY_STATUS: dict[int, type[ProblemError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    413: TooLargeError,
    421: MisdirectedError,
    422: UndecodableError,
    429: TooManyRequestsError,
    503: UnavailableError,
}


def problem_class(status: int) -> type[ProblemError]:
    """The class of a status; ``ProblemError`` itself for those without one of their own."""
    return BY_STATUS.get(status, ServerError if status >= 500 else ProblemError)
