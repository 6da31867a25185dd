"""Every operation of API v1, and how each is asked and its answer read: plain functions without I/O.

``OPERATIONS`` is the table; a test holds it against the server's OpenAPI document.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Generic, TypedDict, TypeVar
from urllib.parse import quote, unquote

import httpx

from . import records
from ._decode import read, read_list
from .errors import AnswerError, ProblemError, problem_class

if TYPE_CHECKING:
    from typing_extensions import TypeAlias

T = TypeVar("T")

LONGEST_ADDRESS = 2000
"""Bytes of parameters above which a search is sent as a document."""

ItemRef: TypeAlias = "str | records.Result | records.Item"
"""An id, with or without its ``#``, or what the server answered of an item."""

PictureLike: TypeAlias = "str | os.PathLike[str] | bytes | records.Picture | SavesItself"
"""A path, the bytes of an image file, a ``PIL.Image.Image``, or what ``add_picture`` answered."""

if TYPE_CHECKING:
    from typing import Protocol

    class SavesItself(Protocol):
        """A ``PIL.Image.Image``, as far as it matters here."""

        @property
        def mode(self) -> str: ...

        def convert(self, mode: str) -> Any: ...

        def save(self, fp: Any, format: str | None = None) -> Any: ...


@dataclass(frozen=True)
class Operation:
    """``method`` is that of the clients; ``params`` are those of the query, ``collection`` aside."""

    verb: str
    path: str
    method: str
    params: tuple[str, ...] = ()
    repeatable: bool = True
    """Whether asking twice does no more than asking once, so that it may be tried again."""
    in_collection: bool = True


_SEARCH = (
    "q", "filter", "item", "picture", "weight", "region", "top", "cut", "cursor", "threshold", "group", "sort", "diverse",
    "space", "guess", "with",
)  # fmt: skip
_ITEM = "/api/v1/items/{item}"
_JOB = "/api/v1/jobs/{job}"
_SAVED = "/api/v1/saved/{name}"

OPERATIONS: Mapping[str, Operation] = {
    "healthz": Operation("GET", "/healthz", "health", in_collection=False),
    "readyz": Operation("GET", "/readyz", "ready", in_collection=False),
    "openapi": Operation("GET", "/api/v1/openapi.json", "openapi", in_collection=False),
    "metrics": Operation("GET", "/metrics", "metrics"),
    "get_session": Operation("GET", "/api/v1/session", "session"),
    "search": Operation("GET", "/api/v1/search", "search", _SEARCH),
    "search_by_document": Operation("POST", "/api/v1/search", "search"),
    "add_picture": Operation("POST", "/api/v1/pictures", "add_picture"),
    "list_collections": Operation("GET", "/api/v1/collections", "collections"),
    "count_facets": Operation("GET", "/api/v1/facets", "facets", ("filter", "by", "limit")),
    "find_duplicates": Operation("GET", "/api/v1/duplicates", "duplicates", ("filter", "similar")),
    "list_items": Operation("GET", "/api/v1/items", "item_page", ("filter", "order", "top", "cursor")),
    "get_item": Operation("GET", _ITEM, "item"),
    "add_item": Operation("POST", "/api/v1/items", "add_item", ("name",)),
    "remove_item": Operation("DELETE", _ITEM, "remove_item", repeatable=False),
    "thumbnail": Operation("GET", f"{_ITEM}/thumbnail", "thumbnail", ("v",)),
    "get_original": Operation("GET", f"{_ITEM}/original", "original"),
    "similar_items": Operation("GET", f"{_ITEM}/similar", "similar", _SEARCH),
    "explain_item": Operation("GET", f"{_ITEM}/explain", "explain", _SEARCH),
    "heat_of_item": Operation("GET", f"{_ITEM}/heat", "heat", _SEARCH),
    "list_saved": Operation("GET", "/api/v1/saved", "saved_searches"),
    "get_saved": Operation("GET", _SAVED, "saved_search"),
    "save_search": Operation("PUT", _SAVED, "save_search"),
    "forget_saved": Operation("DELETE", _SAVED, "forget_saved", repeatable=False),
    "list_concepts": Operation("GET", "/api/v1/concepts", "concepts"),
    "list_jobs": Operation("GET", "/api/v1/jobs", "jobs"),
    "get_job": Operation("GET", _JOB, "job"),
    "start_job": Operation("POST", "/api/v1/jobs", "start_job", repeatable=False),
    "cancel_job": Operation("DELETE", _JOB, "cancel_job"),
    "follow_job": Operation("GET", f"{_JOB}/events", "follow_job"),
    "list_sources": Operation("GET", "/api/v1/sources", "sources"),
    "export_items": Operation("GET", "/api/v1/export", "export", ("filter",)),
    "add_event": Operation("POST", "/api/v1/events", "feedback", repeatable=False),
}


@dataclass(frozen=True)
class Call(Generic[T]):
    """What is asked, and how the answer is read."""

    operation: str
    parse: Callable[[httpx.Response], T]
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None

    @property
    def of(self) -> Operation:
        return OPERATIONS[self.operation]


# A word of Python's own, so that it is handed in as `**{"with": "clip"}`.
_With = TypedDict("_With", {"with": str}, total=False)


class SearchOptions(_With, total=False):
    """How a search is done and shown; all of it may be left out. ``with`` names further packs, with commas between, that are asked,
    too, and rank the results together."""

    filter: str
    """Further filters, as in ``date:2023 -tag:private``."""
    item: ItemRef
    """More like this item."""
    picture: PictureLike
    """More like this picture, which is handed in first; a ``str`` is a path."""
    weight: float
    """How much item or picture count beside the words (1); less than 0 for less like this."""
    region: Sequence[float]
    """Of item or picture this part: left, top, width and height, in fractions (0 to 1) of its sides."""
    top: int
    """How many results come at once, 1 to 1000; without it ten, and none after the matches end."""
    cut: bool
    """Whether the list ends where the matches end."""
    cursor: str
    """The next page: ``next`` of the answer before, all else being as it was."""
    threshold: float
    """Leave out what scores less."""
    group: str
    """One result of each ``folder``, ``day`` or of what is ``similar``."""
    sort: str
    """``relevance``, ``date`` (the newest first) or ``name``."""
    diverse: float
    """0 to 1: prefer results unlike those before them."""
    space: str
    """Which vectors answer words: ``all``, ``image`` or ``caption``."""
    guess: bool
    """Take dates in the words for filters, and pass over ``photos of`` and the like; true without it."""


# How a request is made.


def ask(
    operation: str,
    parse: Callable[[httpx.Response], T],
    *,
    place: Mapping[str, str | int] | None = None,
    params: Mapping[str, object] | None = None,
    document: object | None = None,
    content: bytes | None = None,
    accept: str = "application/json",
) -> Call[T]:
    """A call of an operation; parameters that are ``None`` are left out."""
    of = OPERATIONS[operation]
    known = {name: _text(name, value) for name, value in (params or {}).items() if value is not None}
    unknown = known.keys() - set(of.params)
    if unknown:
        raise TypeError(f"{of.method}: unknown option `{min(unknown)}`; there are {', '.join(of.params) or 'none'}")
    path = of.path.format_map({name: _segment(name, one) for name, one in (place or {}).items()})
    headers = {"accept": f"{accept}, application/problem+json"}
    if document is not None:
        content = json.dumps(document, ensure_ascii=False, allow_nan=False).encode()
        headers["content-type"] = "application/json"
    elif content is not None:
        headers["content-type"] = "application/octet-stream"
    return Call(operation, parse, path, known, headers, content)


def _text(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if name == "region":
        return _region(value)
    if name == "item":
        return item_id(value)
    return str(value)


def _region(value: object) -> str:
    numbers = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else []
    if len(numbers) != 4:
        raise ValueError(f"region={value!r}: four numbers are needed: left, top, width and height, in fractions")
    return ",".join(repr(float(number)) for number in numbers)


def _segment(name: str, value: str | int) -> str:
    text = str(value)
    if text in ("", ".", ".."):
        raise ValueError(f"{name}={text!r} is none")
    return quote(text, safe="")


def item_id(value: object) -> str:
    """The id of what stands for an item."""
    if isinstance(value, (records.Result, records.Item)):
        return value.item
    if isinstance(value, str):
        return value[1:] if value.startswith("#") else value
    raise TypeError(f"an item is its id, or what the server answered of it, not {type(value).__name__}")


def _search_params(operation: str, query: str | None, options: Mapping[str, Any]) -> dict[str, object]:
    taken = dict(options)
    unknown = taken.keys() - set(_SEARCH)
    if unknown:
        raise TypeError(f"{OPERATIONS[operation].method}: unknown option `{min(unknown)}`; there are {', '.join(_SEARCH[1:])}")
    if isinstance(taken.get("picture"), records.Picture):
        taken["picture"] = taken["picture"].picture
    return {"q": query or None, **taken}


# How an answer is read.


def problem(response: httpx.Response) -> ProblemError:
    """The error that an answer tells of, whoever wrote it."""
    try:
        told = response.json()
    except ValueError:
        told = None
    told = told if isinstance(told, dict) else {}
    title, detail, character = told.get("title"), told.get("detail"), told.get("character")
    if not isinstance(detail, str):
        detail = f"no reason was given, so it may not be Fovea that answers at {response.url.copy_with(query=None)}"
    return problem_class(response.status_code)(
        status=response.status_code,
        title=title if isinstance(title, str) else response.reason_phrase or "Error",
        detail=detail,
        type=str(told.get("type", "about:blank")),
        character=character if isinstance(character, int) else None,
        request_id=response.headers.get("x-request-id"),
        retry_after=retry_after(response),
    )


def retry_after(response: httpx.Response) -> float | None:
    """Seconds after which it may be asked again, where the server says so."""
    try:
        seconds = float(response.headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0.0 <= seconds < float("inf") else None


def parse_json(response: httpx.Response) -> Any:
    try:
        return response.json()
    except ValueError as error:
        where = response.url.copy_with(query=None)
        raise AnswerError(f"{where} answered no JSON: is that the address of Fovea?") from error


def _nothing(response: httpx.Response) -> None:
    return None


def _stripped(response: httpx.Response) -> str:
    return response.text.strip()


def _whole_text(response: httpx.Response) -> str:
    return response.text


def _bytes(response: httpx.Response) -> bytes:
    return response.content


def _record(kind: type[T]) -> Callable[[httpx.Response], T]:
    return lambda response: read(kind, parse_json(response))


def _records(kind: type[T]) -> Callable[[httpx.Response], list[T]]:
    return lambda response: read_list(kind, parse_json(response))


def item_of_line(line: bytes) -> records.Item:
    """An item of an export."""
    try:
        return read(records.Item, json.loads(line))
    except ValueError as error:
        raise AnswerError("a line of the export is no JSON") from error


def job_of_event(data: str) -> records.Job:
    """The status in an event."""
    try:
        return read(records.Job, json.loads(data))
    except ValueError as error:
        raise AnswerError("an event of the job is no JSON") from error


# The calls themselves.


def health() -> Call[str]:
    return ask("healthz", _stripped, accept="text/plain")


def ready() -> Call[str]:
    return ask("readyz", _stripped, accept="text/plain")


def _object(response: httpx.Response) -> dict[str, Any]:
    told = parse_json(response)
    if not isinstance(told, dict):
        raise AnswerError("an object was expected here")
    return told


def openapi() -> Call[dict[str, Any]]:
    return ask("openapi", _object)


def metrics() -> Call[str]:
    return ask("metrics", _whole_text, accept="application/openmetrics-text")


def search(query: str | records.Plan | None, options: Mapping[str, Any]) -> Call[records.SearchAnswer]:
    """By parameters, or as a document where a plan is asked or the parameters would be too long."""
    parse = _record(records.SearchAnswer)
    plan = query if isinstance(query, records.Plan) else None
    text = query if isinstance(query, str) else None
    call = ask("search", parse, params=_search_params("search", text, options))
    if plan is None and sum(len(quote(value)) for value in call.params.values()) <= LONGEST_ADDRESS:
        return call
    document: dict[str, Any] = _search_params("search", text, options)
    for name in ("item", "region"):
        if document.get(name) is not None:
            document[name] = _text(name, document[name])
    if plan is not None:
        document["plan"] = {
            "terms": [{"weight": term.weight, "term": term.term} for term in plan.terms],
            "without": list(plan.without),
            "filters": list(plan.filters),
        }
    known = {name: value for name, value in document.items() if value is not None}
    return ask("search_by_document", parse, document=known)


def add_picture(content: bytes) -> Call[records.Picture]:
    return ask("add_picture", _record(records.Picture), content=content)


def collections() -> Call[records.Collections]:
    return ask("list_collections", _record(records.Collections))


def facets(filter: str, by: str | Sequence[str] | None, limit: int | None) -> Call[records.Facets]:
    keys = by if by is None or isinstance(by, str) else ",".join(by)
    return ask("count_facets", _record(records.Facets), params={"filter": filter or None, "by": keys or None, "limit": limit})


def duplicates(filter: str, similar: float | None) -> Call[dict[str, Any]]:
    return ask("find_duplicates", _object, params={"filter": filter or None, "similar": similar})


def item_page(filter: str, order: str, top: int | None, cursor: str | None) -> Call[records.ItemPage]:
    params = {"filter": filter or None, "order": order, "top": top, "cursor": cursor}
    return ask("list_items", _record(records.ItemPage), params=params)


def item(which: ItemRef) -> Call[records.Item]:
    return ask("get_item", _record(records.Item), place={"item": item_id(which)})


def add_item(content: bytes, name: str) -> Call[records.Item]:
    return ask("add_item", _record(records.Item), params={"name": name or None}, content=content)


def remove_item(which: ItemRef) -> Call[None]:
    return ask("remove_item", _nothing, place={"item": item_id(which)})


def thumbnail(which: ItemRef) -> Call[bytes]:
    version = None if isinstance(which, str) else unquote(which.thumbnail.partition("?v=")[2]) or None
    return ask("thumbnail", _bytes, place={"item": item_id(which)}, params={"v": version}, accept="image/jpeg")


def original(which: ItemRef) -> Call[bytes]:
    return ask("get_original", _bytes, place={"item": item_id(which)}, accept="*/*")


def similar(which: ItemRef, query: str | None, options: Mapping[str, Any]) -> Call[records.SearchAnswer]:
    if "item" in options:
        raise TypeError("similar: the item is the first argument")
    params = _search_params("similar_items", query, options)
    return ask("similar_items", _record(records.SearchAnswer), place={"item": item_id(which)}, params=params)


def explain(which: ItemRef, query: str | None, options: Mapping[str, Any]) -> Call[records.Explanation]:
    params = _search_params("explain_item", query, options)
    return ask("explain_item", _record(records.Explanation), place={"item": item_id(which)}, params=params)


def heat(which: ItemRef, query: str | None, options: Mapping[str, Any]) -> Call[bytes]:
    params = _search_params("heat_of_item", query, options)
    return ask("heat_of_item", _bytes, place={"item": item_id(which)}, params=params, accept="image/png")


def saved_searches() -> Call[list[records.SavedSearch]]:
    return ask("list_saved", _records(records.SavedSearch))


def _bare(name: str) -> str:
    return name[1:] if name.startswith("@") else name


def saved_search(name: str) -> Call[records.SavedSearch]:
    return ask("get_saved", _record(records.SavedSearch), place={"name": _bare(name)})


def save_search(name: str, query: str) -> Call[records.SavedSearch]:
    return ask("save_search", _record(records.SavedSearch), place={"name": _bare(name)}, document={"query": query})


def forget_saved(name: str) -> Call[None]:
    return ask("forget_saved", _nothing, place={"name": _bare(name)})


def session() -> Call[records.Session]:
    return ask("get_session", _record(records.Session))


def concepts() -> Call[list[records.Concept]]:
    return ask("list_concepts", _records(records.Concept))


def jobs() -> Call[list[records.Job]]:
    return ask("list_jobs", _records(records.Job))


def _number(job: int | records.Job) -> dict[str, str | int]:
    return {"job": job.id if isinstance(job, records.Job) else job}


def job(which: int | records.Job) -> Call[records.Job]:
    return ask("get_job", _record(records.Job), place=_number(which))


def start_job(path: str | os.PathLike[str] | None, retry: bool) -> Call[records.Job]:
    document: dict[str, object] = {"retry": retry}
    if path is not None:
        document["path"] = os.fspath(path)
    return ask("start_job", _record(records.Job), document=document)


def cancel_job(which: int | records.Job) -> Call[records.Job]:
    return ask("cancel_job", _record(records.Job), place=_number(which))


def follow_job(which: int | records.Job) -> Call[records.Job]:
    return ask("follow_job", _record(records.Job), place=_number(which), accept="text/event-stream")


def sources() -> Call[list[records.Source]]:
    return ask("list_sources", _records(records.Source))


def export(filter: str) -> Call[records.ItemPage]:
    return ask("export_items", _record(records.ItemPage), params={"filter": filter or None}, accept="application/x-ndjson")


def feedback(which: ItemRef, kind: str, query: str) -> Call[None]:
    return ask("add_event", _nothing, document={"kind": kind, "item": item_id(which), "query": query})
