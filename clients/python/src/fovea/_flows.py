"""How a conversation with the server goes: what is tried again and when, pages, streams, jobs.

Written once, as generators that yield what is to be done (``Send``, ``Open``, ``Read``, ``Sleep``) and are sent what came of it. The two
clients carry the steps out, one of them waiting, the other awaiting. Does no I/O itself.
"""

from __future__ import annotations

import random
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, Union, cast

import httpx

from . import _operations as operations
from . import records
from ._events import EventReader
from ._operations import Call, ItemRef, PictureLike
from ._pictures import Known, picture_bytes
from .errors import (
    AnswerError,
    AnswerTimeoutError,
    ConnectionFailedError,
    FoveaError,
    JobFailedError,
    NotFoundError,
    UnavailableError,
)

T = TypeVar("T")

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
LONGEST_WAIT_S = 60.0
"""A server that wants to be left alone for longer is not waited for."""
QUIET_S = 45.0
"""The server lets itself be heard every 15 seconds while a job is followed."""


@dataclass(frozen=True)
class Send:
    """Ask, and have the whole answer: ``httpx.Response``, or the ``httpx.RequestError`` that came instead."""

    call: Call[Any]


@dataclass(frozen=True)
class Open:
    """Ask, and have the answer as soon as it begins; its body is read piece by piece."""

    call: Call[Any]
    quiet_s: float | None = None


@dataclass(frozen=True)
class Read:
    """The next piece of the open answer: bytes, none at its end, or the ``httpx.RequestError`` that came instead."""


@dataclass(frozen=True)
class Sleep:
    seconds: float


@dataclass(frozen=True)
class Emit:
    """A value for whoever iterates."""

    value: Any


Step = Union[Send, Open, Read, Sleep, Emit]
Flow = Generator[Step, Any, T]


@dataclass(frozen=True)
class Settings:
    """What a client was told; the key is not among it, so that nothing here can tell it."""

    server: str
    timeout_s: float
    retries: int


def pause(attempt: int) -> float:
    """Seconds before the next attempt: twice as long each time, and not at the same moment for everybody."""
    longest = min(FIRST_PAUSE_S * 2.0**attempt, LONGEST_PAUSE_S)
    return longest * random.uniform(0.5, 1.0)


def failure(settings: Settings, error: httpx.RequestError) -> FoveaError:
    """What happened on the way, and what to do about it."""
    server, why = settings.server, str(error) or type(error).__name__
    if isinstance(error, (httpx.ConnectTimeout, httpx.ConnectError)):
        hint = "start it with `fovea serve`, or check address and certificate"
        return ConnectionFailedError(f"nothing answers at {server}: {hint} ({why})")
    if isinstance(error, httpx.PoolTimeout):
        return AnswerTimeoutError(f"all connections to {server} are in use: ask less at once")
    if isinstance(error, httpx.TimeoutException):
        waited = f"{server} said nothing for {settings.timeout_s:g} s"
        return AnswerTimeoutError(f"{waited}: it may be busy; look at its log, or give the client a longer timeout")
    if isinstance(error, (httpx.UnsupportedProtocol, httpx.TooManyRedirects)):
        return ConnectionFailedError(f"{server}: {why}")
    return ConnectionFailedError(f"the connection to {server} broke off before the answer was whole: try again ({why})")


def may_retry(call: Call[Any], came: httpx.Response | httpx.RequestError) -> float | None:
    """Seconds to wait at least before the same is asked again, or ``None`` where it must not be.

    What was never received may be sent again, and what is the same twice as once after a broken connection or a 503. Of a server that
    is slow nothing is asked again: that would make it slower.
    """
    if isinstance(came, httpx.Response):
        if came.status_code == 429:
            after = operations.retry_after(came)
            return after if after is not None and after <= LONGEST_WAIT_S else None
        return 0.0 if came.status_code == 503 and call.of.repeatable and call.operation != "readyz" else None
    if isinstance(came, (httpx.ConnectError, httpx.ConnectTimeout)):
        return 0.0
    if isinstance(came, httpx.TimeoutException):
        return None
    return 0.0 if call.of.repeatable and isinstance(came, (httpx.NetworkError, httpx.RemoteProtocolError)) else None


def attempt(settings: Settings, step: Send | Open) -> Flow[httpx.Response]:
    """An answer that is none of an error, after as many attempts as are allowed."""
    for n in range(settings.retries + 1):
        came = yield step
        after = may_retry(step.call, came) if n < settings.retries else None
        if after is None:
            break
        yield Sleep(max(after, pause(n)))
    if isinstance(came, httpx.RequestError):
        raise failure(settings, came) from came
    if came.status_code >= 400:
        raise operations.problem(came)
    if came.status_code >= 300:
        where = came.headers.get("location", "nowhere")
        raise AnswerError(f"{settings.server} sends the client elsewhere ({came.status_code}, {where}): use that address")
    return cast(httpx.Response, came)


def perform(settings: Settings, call: Call[T]) -> Flow[T]:
    """One question, one answer."""
    response = yield from attempt(settings, Send(call))
    return call.parse(response)


def add_picture(settings: Settings, known: Known, content: bytes) -> Flow[records.Picture]:
    picture = yield from perform(settings, operations.add_picture(content))
    known.keep(content, picture)
    return picture


def with_picture(settings: Settings, known: Known, options: Mapping[str, Any], make: Any) -> Flow[Any]:
    """A call that may name a picture: it is handed in before, and again where the server has forgotten it."""
    picture: PictureLike | None = options.get("picture")
    if picture is None or isinstance(picture, records.Picture):
        return (yield from perform(settings, make(options)))
    content = picture_bytes(picture)
    found = known.find(content)
    handed = found or (yield from add_picture(settings, known, content))
    try:
        return (yield from perform(settings, make({**options, "picture": handed})))
    except NotFoundError:
        if found is None:
            raise
        known.forget(content)
        handed = yield from add_picture(settings, known, content)
        return (yield from perform(settings, make({**options, "picture": handed})))


def search(settings: Settings, known: Known, query: str | records.Plan | None, options: Mapping[str, Any]) -> Flow[records.SearchAnswer]:
    answer = yield from with_picture(settings, known, options, lambda options: operations.search(query, options))
    return cast(records.SearchAnswer, answer)


def search_all(
    settings: Settings,
    known: Known,
    query: str | records.Plan | None,
    limit: int | None,
    page: int,
    options: Mapping[str, Any],
) -> Flow[None]:
    """Results one by one, each with its place in the whole list."""
    options = {"cut": True, **options, "top": page}
    rank = 0
    while True:
        answer = yield from search(settings, known, query, options)
        for result in answer.results:
            if limit is not None and rank >= limit:
                return
            rank += 1
            yield Emit(replace(result, rank=rank))
        if answer.next is None or not answer.results:
            return
        options = {**options, "cursor": answer.next}


def items(settings: Settings, filter: str, order: str, limit: int | None, page: int) -> Flow[None]:
    cursor: str | None = None
    n_told = 0
    while limit is None or n_told < limit:
        top = page if limit is None else min(page, limit - n_told)
        listed = yield from perform(settings, operations.item_page(filter, order, top, cursor))
        for item in listed.items:
            n_told += 1
            yield Emit(item)
        cursor = listed.next
        if cursor is None or not listed.items:
            return


def piece(settings: Settings, what: str) -> Flow[bytes]:
    """The next bytes of the open answer, none at its end; one that breaks off is an error, so that no half passes for a whole."""
    came = yield Read()
    if isinstance(came, httpx.RequestError):
        error = failure(settings, came)
        raise type(error)(f"{what}: {error}") from came
    return cast(bytes, came)


def original(settings: Settings, which: ItemRef) -> Flow[None]:
    """The file, piece by piece."""
    call = operations.original(which)
    yield from attempt(settings, Open(call))
    while part := (yield from piece(settings, f"original of {operations.item_id(which)}")):
        yield Emit(part)


def export(settings: Settings, filter: str) -> Flow[None]:
    yield from attempt(settings, Open(operations.export(filter)))
    rest = b""
    while part := (yield from piece(settings, "export")):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            if line.strip():
                yield Emit(operations.item_of_line(line))
    if rest.strip():
        yield Emit(operations.item_of_line(rest))


def follow_job(settings: Settings, which: int | records.Job) -> Flow[None]:
    """Each change of a job until it is over. A stream that ends before that is opened again, as often as may be retried without a
    change between.
    """
    call = operations.follow_job(which)
    quiet_s = max(settings.timeout_s, QUIET_S)
    last: records.Job | None = None
    n_vain = 0
    while True:
        yield from attempt(settings, Open(call, quiet_s))
        reader = EventReader()
        while isinstance(came := (yield Read()), bytes) and came:
            for name, data in reader.feed(came):
                if name != "job":
                    continue
                job = operations.job_of_event(data)
                if job != last:
                    last, n_vain = job, 0
                    yield Emit(job)
                if job.is_over:
                    return
        if n_vain >= settings.retries:
            state = "nothing was heard of it" if last is None else f"the last that was heard is `{last.state}`"
            raise ConnectionFailedError(f"the events of job {_number(which)} break off again and again; {state}")
        yield Sleep(pause(n_vain))
        n_vain += 1


def wait_for_job(settings: Settings, which: int | records.Job, timeout_s: float | None) -> Flow[records.Job]:
    """A job that is over. It is asked for at most once a second, so that a deadline is kept whatever the connection does."""
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    wait_s = 0.05
    while True:
        job = yield from perform(settings, operations.job(which))
        if job.state == "failed":
            raise JobFailedError(f"job {job.id} failed: {job.error}", job.id)
        if job.is_over:
            return job
        left_s = wait_s if deadline is None else deadline - time.monotonic()
        if left_s <= 0.0:
            raise AnswerTimeoutError(f"job {job.id} is not over after {timeout_s:g} s: {job.n_done} of {job.n_jobs} pictures are done")
        yield Sleep(min(wait_s, left_s))
        wait_s = min(wait_s * 1.5, 1.0)


def wait_until_ready(settings: Settings, timeout_s: float) -> Flow[None]:
    """Until the server can answer questions; the last reason why it cannot, where it takes too long."""
    deadline = time.monotonic() + timeout_s
    once = replace(settings, retries=0)
    while True:
        try:
            yield from perform(once, operations.ready())
            return
        except (ConnectionFailedError, AnswerTimeoutError, UnavailableError):
            if time.monotonic() >= deadline:
                raise
        yield Sleep(0.1)


def _number(which: int | records.Job) -> int:
    return which.id if isinstance(which, records.Job) else which
