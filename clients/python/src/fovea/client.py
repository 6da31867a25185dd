"""The client that waits for its answers."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import httpx

from . import _flows as flows
from . import _operations as operations
from ._connect import DEFAULT_SERVER, DEFAULT_TIMEOUT_S, Target
from ._files import whole
from ._flows import Emit, Flow, Open, Send, Sleep, Step
from ._operations import ItemRef, PictureLike, SearchOptions
from ._pictures import Known, picture_bytes, picture_name
from .records import (
    Collections,
    Concept,
    Explanation,
    Facets,
    Item,
    ItemPage,
    Job,
    Picture,
    Plan,
    Result,
    SavedSearch,
    SearchAnswer,
    Session,
    Source,
)

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

T = TypeVar("T")


class Client:
    """A server of Fovea.

    ``server`` is its address, ``key`` what ``fovea keys add`` printed, ``collection`` the one that is asked (the key's own, or the
    server's, without it). ``timeout_s`` seconds are waited for the next bytes of an answer, five for a connection. What may be asked
    twice is tried ``retries`` more times after a broken connection or a 503, anything after a 429 that says when. ``verify`` is
    httpx's: ``False`` or an ``ssl.SSLContext`` for certificates of one's own.

    Every method raises ``FoveaError``: ``ProblemError`` and its kinds where the server said why, ``ConnectionFailedError`` and
    ``AnswerTimeoutError`` where it was not reached, ``AnswerError`` where what came is no answer of Fovea. May be used by several
    threads; ends its connections at the end of a ``with`` block, or by ``close``.
    """

    def __init__(
        self,
        server: str = DEFAULT_SERVER,
        *,
        key: str | None = None,
        collection: str | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        retries: int = 3,
        verify: Any = True,
    ) -> None:
        self._target = Target.of(server, key, collection, timeout_s, retries, verify)
        self._http = httpx.Client(**self._target.client_options())
        self._known = Known()

    def __repr__(self) -> str:
        return self._target.told("Client")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self._http.close()

    def health(self) -> str:
        """ "ok", where the process answers at all. Needs no key."""
        return self._do(flows.perform(self._target.settings, operations.health()))

    def ready(self) -> str:
        """ "ready", where it can answer questions; ``UnavailableError`` says why it cannot. Needs no key."""
        return self._do(flows.perform(self._target.settings, operations.ready()))

    def wait_until_ready(self, timeout_s: float = 30.0) -> None:
        """Return when the server can answer questions; raise what kept it from that after ``timeout_s`` seconds."""
        self._do(flows.wait_until_ready(self._target.settings, timeout_s))

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI 3.1 document of the server. Needs no key."""
        return self._do(flows.perform(self._target.settings, operations.openapi()))

    def metrics(self) -> str:
        """Numbers for Prometheus, in its text format."""
        return self._do(flows.perform(self._target.settings, operations.metrics()))

    def search(self, query: str | Plan | None = None, **options: Unpack[SearchOptions]) -> SearchAnswer:
        """Find images: by words (the query language), part by part (a ``Plan``), by ``item=`` or ``picture=``, or by filters alone.

        ``SearchOptions`` tells of each option. Without ``top`` ten come at most, and none after the matches end.
        ``BadRequestError`` says which ``character`` of the query cannot mean anything; ``UndecodableError``: the picture is none.
        A picture is sent once and known by its hash after that."""
        return self._do(flows.search(self._target.settings, self._known, query, options))

    def search_all(
        self, query: str | Plan | None = None, *, limit: int | None = None, page: int = 100, **options: Unpack[SearchOptions]
    ) -> Iterator[Result]:
        """All results one by one, asked for in pages of ``page`` (1 to 1000) by cursor, up to ``limit``.

        The list ends where the matches end; with ``cut=False``, and for pictures alone, where the collection does."""
        return self._iterate(flows.search_all(self._target.settings, self._known, query, limit, page, options))

    def add_picture(self, picture: PictureLike) -> Picture:
        """Hand in a picture to search by (``search(picture=...)`` does it by itself); it is no item."""
        return self._do(flows.add_picture(self._target.settings, self._known, picture_bytes(picture)))

    def similar(self, item: ItemRef, /, query: str | None = None, **options: Unpack[SearchOptions]) -> SearchAnswer:
        """What looks like an item, and like words beside it."""
        answer: SearchAnswer = self._do(
            flows.with_picture(self._target.settings, self._known, options, lambda options: operations.similar(item, query, options))
        )
        return answer

    def explain(self, item: ItemRef, /, query: str | None = None, **options: Unpack[SearchOptions]) -> Explanation:
        """Why an item is where it is in the answer to the same search, or why it is not in it."""
        answer: Explanation = self._do(
            flows.with_picture(self._target.settings, self._known, options, lambda options: operations.explain(item, query, options))
        )
        return answer

    def heat(self, item: ItemRef, /, query: str | None = None, **options: Unpack[SearchOptions]) -> bytes:
        """Where in a picture a query matches: a PNG of it, hot where it does. Takes some seconds."""
        answer: bytes = self._do(
            flows.with_picture(self._target.settings, self._known, options, lambda options: operations.heat(item, query, options))
        )
        return answer

    def collections(self) -> Collections:
        """The collections that this key opens, and what it may do there."""
        return self._do(flows.perform(self._target.settings, operations.collections()))

    def facets(self, filter: str = "", *, by: str | Sequence[str] | None = None, limit: int | None = None) -> Facets:
        """How many items have which value, of all or of those that ``filter`` lets through; ``limit`` (1 to 1000, 10) of each key."""
        return self._do(flows.perform(self._target.settings, operations.facets(filter, by, limit)))

    def duplicates(self, filter: str = "", *, similar: float | None = None) -> dict[str, Any]:
        """The same picture saved more than once, as ``fovea dedupe --json`` tells it, among what ``filter`` lets through; shots that
        are alike, too, from the cosine ``similar`` (0 to 1) on."""
        return self._do(flows.perform(self._target.settings, operations.duplicates(filter, similar)))

    def items(self, filter: str = "", *, order: str = "newest", limit: int | None = None, page: int = 100) -> Iterator[Item]:
        """The items that filters let through, by ``order`` ``newest``, ``oldest`` or ``name``, in pages of ``page`` (1 to 1000)."""
        return self._iterate(flows.items(self._target.settings, filter, order, limit, page))

    def item_page(self, filter: str = "", *, order: str = "newest", top: int | None = None, cursor: str | None = None) -> ItemPage:
        """One page of them: ``top`` (1 to 1000, 100) items behind ``cursor``, which is ``next`` of the page before."""
        return self._do(flows.perform(self._target.settings, operations.item_page(filter, order, top, cursor)))

    def item(self, item: ItemRef) -> Item:
        """All that is known of an item."""
        return self._do(flows.perform(self._target.settings, operations.item(item)))

    def add_item(self, picture: PictureLike, *, name: str | None = None) -> Item:
        """Add a picture to the collection, called ``name`` or as its file is. The same bytes under the same name are the same item.

        ``UndecodableError``: it is no picture; ``TooLargeError``: it has more bytes than the server takes."""
        return self._do(
            flows.perform(
                self._target.settings, operations.add_item(picture_bytes(picture), picture_name(picture) if name is None else name)
            )
        )

    def remove_item(self, item: ItemRef) -> None:
        """Take an item out. Of an upload the file goes too; a file in a folder stays, and is an item again when that is next indexed."""
        self._do(flows.perform(self._target.settings, operations.remove_item(item)))

    def thumbnail(self, item: ItemRef) -> bytes:
        """A JPEG, its longer side up to 512 pixels."""
        return self._do(flows.perform(self._target.settings, operations.thumbnail(item)))

    def original(self, item: ItemRef) -> bytes:
        """The bytes of the file; without ``--see-location`` on the key, those of a copy without metadata."""
        return self._do(flows.perform(self._target.settings, operations.original(item)))

    def save_original(self, item: ItemRef, path: str | os.PathLike[str]) -> int:
        """Write the file to ``path``, piece by piece, and return its size in bytes. It is there whole or not at all."""
        size = 0
        with whole(path) as file:
            for piece in self._iterate(flows.original(self._target.settings, item)):
                size += file.write(piece)
        return size

    def export(self, filter: str = "") -> Iterator[Item]:
        """Everything that is known of the items, as the server reads it, by rising id. An export that breaks off raises."""
        return self._iterate(flows.export(self._target.settings, filter))

    def saved_searches(self) -> list[SavedSearch]:
        """All searches with a name."""
        return self._do(flows.perform(self._target.settings, operations.saved_searches()))

    def saved_search(self, name: str) -> SavedSearch:
        """The search that ``@name`` stands for; with or without the ``@``."""
        return self._do(flows.perform(self._target.settings, operations.saved_search(name)))

    def save_search(self, name: str, query: str) -> SavedSearch:
        """Keep a search under a name, in the place of one that had it."""
        return self._do(flows.perform(self._target.settings, operations.save_search(name, query)))

    def forget_saved(self, name: str) -> None:
        """Forget a saved search."""
        self._do(flows.perform(self._target.settings, operations.forget_saved(name)))

    def concepts(self) -> list[Concept]:
        """All concepts, with their examples and what they are worth."""
        return self._do(flows.perform(self._target.settings, operations.concepts()))

    def feedback(self, item: ItemRef, kind: str, query: str = "") -> None:
        """Note what somebody did with a result: ``kind`` is ``opened``, ``liked`` or ``disliked``."""
        self._do(flows.perform(self._target.settings, operations.feedback(item, kind, query)))

    def session(self) -> Session:
        """Who one is to the server, and what one may do."""
        return self._do(flows.perform(self._target.settings, operations.session()))

    def sources(self) -> list[Source]:
        """The folders that are indexed."""
        return self._do(flows.perform(self._target.settings, operations.sources()))

    def start_job(self, path: str | os.PathLike[str] | None = None, *, retry: bool = False) -> Job:
        """Index the folders of the collection again, or one path on the machine of the server. Returns at once.

        ``retry`` tries unreadable files again although they have not changed. ``ForbiddenError``: the path is in no folder that may
        be indexed (``fovea serve --allow-root DIR``)."""
        return self._do(flows.perform(self._target.settings, operations.start_job(path, retry)))

    def jobs(self) -> list[Job]:
        """All jobs that are remembered, the latest first."""
        return self._do(flows.perform(self._target.settings, operations.jobs()))

    def job(self, job: int | Job) -> Job:
        """How far a job is."""
        return self._do(flows.perform(self._target.settings, operations.job(job)))

    def cancel_job(self, job: int | Job) -> Job:
        """Stop a job; what it has done is kept. Returns before it has stopped."""
        return self._do(flows.perform(self._target.settings, operations.cancel_job(job)))

    def follow_job(self, job: int | Job) -> Iterator[Job]:
        """Each change of a job until it is over; a connection that breaks off is made again."""
        return self._iterate(flows.follow_job(self._target.settings, job))

    def wait_for_job(self, job: int | Job, timeout_s: float | None = None) -> Job:
        """The job when it is over: done or cancelled. ``JobFailedError`` if it failed, ``AnswerTimeoutError`` after ``timeout_s``."""
        return self._do(flows.wait_for_job(self._target.settings, job, timeout_s))

    def _do(self, flow: Flow[T]) -> T:
        """Carries out a conversation; it has one answer."""
        with _Exchange(self._http, self._target) as exchange:
            came: Any = None
            while True:
                try:
                    step = flow.send(came)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                came = exchange.take(step)

    def _iterate(self, flow: Flow[None]) -> Iterator[Any]:
        """Carries out a conversation that has many values."""
        with _Exchange(self._http, self._target) as exchange:
            came: Any = None
            while True:
                try:
                    step = flow.send(came)
                except StopIteration:
                    return
                came = None
                if isinstance(step, Emit):
                    yield step.value
                else:
                    came = exchange.take(step)


class _Exchange:
    """Carries out steps over httpx, with at most one open answer."""

    def __init__(self, http: httpx.Client, target: Target) -> None:
        self._http = http
        self._target = target
        self._response: httpx.Response | None = None
        self._pieces: Iterator[bytes] = iter(())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._close()

    def take(self, step: Step) -> Any:
        if isinstance(step, Sleep):
            return time.sleep(step.seconds)
        try:
            if isinstance(step, (Send, Open)):
                return self._ask(step)
            return next(self._pieces, b"")
        except httpx.RequestError as error:
            return error

    def _ask(self, step: Send | Open) -> httpx.Response:
        self._close()
        response = self._http.send(self._target.request(self._http, step), stream=True)
        self._response = response
        if isinstance(step, Open) and response.is_success:
            self._pieces = response.iter_bytes()
        else:
            response.read()
        return response

    def _close(self) -> None:
        if self._response is not None:
            self._response.close()
            self._response = None
