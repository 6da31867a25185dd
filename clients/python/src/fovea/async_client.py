"""The client whose answers are awaited: the methods of ``Client``, which has their documentation."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import httpx
from anyio import sleep

from . import _flows as flows
from . import _operations as operations
from ._connect import DEFAULT_SERVER, DEFAULT_TIMEOUT_S, Target
from ._files import whole
from ._flows import Emit, Flow, Open, Send, Sleep, Step
from ._operations import ItemRef, PictureLike, SearchOptions
from ._pictures import Known, picture_bytes, picture_name
from .client import Client
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


class AsyncClient:
    """A server of Fovea, asked from a coroutine. All that ``Client`` says holds here; use it in an ``async with`` block."""

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
        self._http = httpx.AsyncClient(**self._target.client_options())
        self._known = Known()

    def __repr__(self) -> str:
        return self._target.told("AsyncClient")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """End all connections."""
        await self._http.aclose()

    async def health(self) -> str:
        return await self._do(flows.perform(self._target.settings, operations.health()))

    async def ready(self) -> str:
        return await self._do(flows.perform(self._target.settings, operations.ready()))

    async def wait_until_ready(self, timeout_s: float = 30.0) -> None:
        await self._do(flows.wait_until_ready(self._target.settings, timeout_s))

    async def openapi(self) -> dict[str, Any]:
        return await self._do(flows.perform(self._target.settings, operations.openapi()))

    async def metrics(self) -> str:
        return await self._do(flows.perform(self._target.settings, operations.metrics()))

    async def search(self, query: str | Plan | None = None, **options: Unpack[SearchOptions]) -> SearchAnswer:
        return await self._do(flows.search(self._target.settings, self._known, query, options))

    def search_all(
        self, query: str | Plan | None = None, *, limit: int | None = None, page: int = 100, **options: Unpack[SearchOptions]
    ) -> AsyncIterator[Result]:
        return self._iterate(flows.search_all(self._target.settings, self._known, query, limit, page, options))

    async def add_picture(self, picture: PictureLike) -> Picture:
        return await self._do(flows.add_picture(self._target.settings, self._known, picture_bytes(picture)))

    async def similar(self, item: ItemRef, /, query: str | None = None, **options: Unpack[SearchOptions]) -> SearchAnswer:
        answer: SearchAnswer = await self._do(
            flows.with_picture(self._target.settings, self._known, options, lambda options: operations.similar(item, query, options))
        )
        return answer

    async def explain(self, item: ItemRef, /, query: str | None = None, **options: Unpack[SearchOptions]) -> Explanation:
        answer: Explanation = await self._do(
            flows.with_picture(self._target.settings, self._known, options, lambda options: operations.explain(item, query, options))
        )
        return answer

    async def heat(self, item: ItemRef, /, query: str | None = None, **options: Unpack[SearchOptions]) -> bytes:
        answer: bytes = await self._do(
            flows.with_picture(self._target.settings, self._known, options, lambda options: operations.heat(item, query, options))
        )
        return answer

    async def collections(self) -> Collections:
        return await self._do(flows.perform(self._target.settings, operations.collections()))

    async def facets(self, filter: str = "", *, by: str | Sequence[str] | None = None, limit: int | None = None) -> Facets:
        return await self._do(flows.perform(self._target.settings, operations.facets(filter, by, limit)))

    async def duplicates(self, filter: str = "", *, similar: float | None = None) -> dict[str, Any]:
        return await self._do(flows.perform(self._target.settings, operations.duplicates(filter, similar)))

    def items(self, filter: str = "", *, order: str = "newest", limit: int | None = None, page: int = 100) -> AsyncIterator[Item]:
        return self._iterate(flows.items(self._target.settings, filter, order, limit, page))

    async def item_page(self, filter: str = "", *, order: str = "newest", top: int | None = None, cursor: str | None = None) -> ItemPage:
        return await self._do(flows.perform(self._target.settings, operations.item_page(filter, order, top, cursor)))

    async def item(self, item: ItemRef) -> Item:
        return await self._do(flows.perform(self._target.settings, operations.item(item)))

    async def add_item(self, picture: PictureLike, *, name: str | None = None) -> Item:
        return await self._do(
            flows.perform(
                self._target.settings, operations.add_item(picture_bytes(picture), picture_name(picture) if name is None else name)
            )
        )

    async def remove_item(self, item: ItemRef) -> None:
        await self._do(flows.perform(self._target.settings, operations.remove_item(item)))

    async def thumbnail(self, item: ItemRef) -> bytes:
        return await self._do(flows.perform(self._target.settings, operations.thumbnail(item)))

    async def original(self, item: ItemRef) -> bytes:
        return await self._do(flows.perform(self._target.settings, operations.original(item)))

    async def save_original(self, item: ItemRef, path: str | os.PathLike[str]) -> int:
        size = 0
        with whole(path) as file:
            async for piece in self._iterate(flows.original(self._target.settings, item)):
                size += file.write(piece)
        return size

    def export(self, filter: str = "") -> AsyncIterator[Item]:
        return self._iterate(flows.export(self._target.settings, filter))

    async def saved_searches(self) -> list[SavedSearch]:
        return await self._do(flows.perform(self._target.settings, operations.saved_searches()))

    async def saved_search(self, name: str) -> SavedSearch:
        return await self._do(flows.perform(self._target.settings, operations.saved_search(name)))

    async def save_search(self, name: str, query: str) -> SavedSearch:
        return await self._do(flows.perform(self._target.settings, operations.save_search(name, query)))

    async def forget_saved(self, name: str) -> None:
        await self._do(flows.perform(self._target.settings, operations.forget_saved(name)))

    async def concepts(self) -> list[Concept]:
        return await self._do(flows.perform(self._target.settings, operations.concepts()))

    async def feedback(self, item: ItemRef, kind: str, query: str = "") -> None:
        await self._do(flows.perform(self._target.settings, operations.feedback(item, kind, query)))

    async def session(self) -> Session:
        return await self._do(flows.perform(self._target.settings, operations.session()))

    async def sources(self) -> list[Source]:
        return await self._do(flows.perform(self._target.settings, operations.sources()))

    async def start_job(self, path: str | os.PathLike[str] | None = None, *, retry: bool = False) -> Job:
        return await self._do(flows.perform(self._target.settings, operations.start_job(path, retry)))

    async def jobs(self) -> list[Job]:
        return await self._do(flows.perform(self._target.settings, operations.jobs()))

    async def job(self, job: int | Job) -> Job:
        return await self._do(flows.perform(self._target.settings, operations.job(job)))

    async def cancel_job(self, job: int | Job) -> Job:
        return await self._do(flows.perform(self._target.settings, operations.cancel_job(job)))

    def follow_job(self, job: int | Job) -> AsyncIterator[Job]:
        return self._iterate(flows.follow_job(self._target.settings, job))

    async def wait_for_job(self, job: int | Job, timeout_s: float | None = None) -> Job:
        return await self._do(flows.wait_for_job(self._target.settings, job, timeout_s))

    async def _do(self, flow: Flow[T]) -> T:
        """Carries out a conversation; it has one answer."""
        async with _Exchange(self._http, self._target) as exchange:
            came: Any = None
            while True:
                try:
                    step = flow.send(came)
                except StopIteration as end:
                    return end.value  # type: ignore[no-any-return]
                came = await exchange.take(step)

    async def _iterate(self, flow: Flow[None]) -> AsyncGenerator[Any, None]:
        """Carries out a conversation that has many values."""
        async with _Exchange(self._http, self._target) as exchange:
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
                    came = await exchange.take(step)


class _Exchange:
    """Carries out steps over httpx, with at most one open answer."""

    def __init__(self, http: httpx.AsyncClient, target: Target) -> None:
        self._http = http
        self._target = target
        self._response: httpx.Response | None = None
        self._pieces: AsyncIterator[bytes] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._close()

    async def take(self, step: Step) -> Any:
        if isinstance(step, Sleep):
            return await sleep(step.seconds)
        try:
            if isinstance(step, (Send, Open)):
                return await self._ask(step)
            return b"" if self._pieces is None else await self._pieces.__anext__()
        except StopAsyncIteration:
            return b""
        except httpx.RequestError as error:
            return error

    async def _ask(self, step: Send | Open) -> httpx.Response:
        await self._close()
        response = await self._http.send(self._target.request(self._http, step), stream=True)
        self._response = response
        if isinstance(step, Open) and response.is_success:
            self._pieces = response.aiter_bytes()
        else:
            await response.aread()
        return response

    async def _close(self) -> None:
        if self._response is not None:
            await self._response.aclose()
            self._response = None


for _name, _method in vars(Client).items():
    if not _name.startswith("_") and _name in vars(AsyncClient):
        vars(AsyncClient)[_name].__doc__ = _method.__doc__
