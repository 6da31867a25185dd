"""What the server answers, as frozen records. A flat table: fields are named as on the wire.

``extra`` holds fields of a newer server that this version has no name for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import Any, Optional, Union

from ._decode import record

__all__ = [
    "Caption",
    "Collection",
    "Collections",
    "Color",
    "Concept",
    "Example",
    "Explanation",
    "Facet",
    "FacetValue",
    "Facets",
    "Guessed",
    "HeldOut",
    "Item",
    "ItemPage",
    "Job",
    "Judgement",
    "KeywordScore",
    "PackPlace",
    "Picture",
    "Plan",
    "Reason",
    "Result",
    "SavedSearch",
    "SearchAnswer",
    "Session",
    "Source",
    "SpaceScore",
    "Term",
    "TermScore",
]


def _extra() -> Any:
    return field(default_factory=dict, repr=False, compare=False)


@record
class PackPlace:
    """A place in the list of one of several packs."""

    pack: str
    rank: int
    """From 1."""
    score: float
    """In that list."""
    share: float
    """What the place gives to the score of all: one over 60 and the place."""
    extra: Mapping[str, Any] = _extra()


@record
class Result:
    """An item that was found."""

    rank: int
    """From 1; over all pages, where ``search_all`` made it."""
    item: str
    """Id of the item."""
    path: str
    """Where its file lies, on the machine of the server."""
    width: int
    """Of the upright picture, in pixels, as ``height``."""
    height: int
    thumbnail: str
    """Address of a small picture, below that of the server."""
    score: Optional[float] = None
    """Cosine, fused with what is written; none where filters alone were asked."""
    match: Optional[float] = None
    """Probability (0 to 1) that it is what was meant, where it was judged."""
    above_cut: Optional[bool] = None
    distance: Optional[float] = None
    """Euclidean, where the space goes by it."""
    cosines: Mapping[str, float] = field(default_factory=dict)
    """In each space that found it."""
    keyword: Optional[float] = None
    """Share (0 to 1) of the query's words that are written of it."""
    region: Optional[tuple[float, float, float, float]] = None
    """Left, top, width and height of what matched, in fractions of the picture, unless all of it did."""
    taken: Optional[str] = None
    """When the camera took it, as local time."""
    modified_ms: Optional[int] = None
    """When the file was changed, in milliseconds since 1970."""
    online: bool = True
    tags: Mapping[str, Any] = field(default_factory=dict)
    """What the encoder sees in it, with probabilities."""
    group: Optional[str] = None
    """Folder or day that it stands for."""
    others: tuple[str, ...] = ()
    """Ids of items of the same group."""
    packs: tuple[PackPlace, ...] = ()
    """Where it stands in the list of each pack that has it, where several were asked."""
    extra: Mapping[str, Any] = _extra()


@record
class Term:
    """A part of a query: words, ``"a phrase"``, ``#ITEM`` or ``@NAME``, with its weight (less than 0 pulls away from it)."""

    term: str
    weight: float = 1.0
    kind: str = ""
    extra: Mapping[str, Any] = _extra()


@record
class Guessed:
    """A date among the words, and the filter that it was taken for."""

    said: str
    filter: str
    extra: Mapping[str, Any] = _extra()


@record
class Plan:
    """A query part by part. One of an answer can be changed (``dataclasses.replace``) and asked again."""

    terms: tuple[Term, ...] = ()
    without: tuple[str, ...] = ()
    """Terms of which nothing may look like any."""
    filters: tuple[str, ...] = ()
    """All of them hold."""
    query: str = ""
    guessed: tuple[Guessed, ...] = ()
    unused: tuple[Guessed, ...] = ()
    passed_over: tuple[str, ...] = ()
    """What says only that a picture is looked for, as ``"photos of …"``."""
    names: Mapping[str, Any] = field(default_factory=dict)
    """What each ``@NAME`` stands for."""
    extra: Mapping[str, Any] = _extra()


@record
class SearchAnswer:
    """What was found, the best first. Its length and its items are those of ``results``."""

    query: str
    took_ms: float
    encode_ms: float
    """Of ``took_ms``, to turn words and pictures into vectors."""
    results: tuple[Result, ...]
    plan: Plan
    next: Optional[str] = None
    """For ``cursor``, where there is another page."""
    below: tuple[Result, ...] = ()
    """Where the list was cut: the best of what is no match."""
    message: Optional[str] = None
    """Why there is nothing, where there is nothing."""
    metric: Optional[str] = None
    """What the scores are, where they are no cosines."""
    incomplete: tuple[str, ...] = ()
    """Packs of ``with`` that have not seen every picture yet."""
    extra: Mapping[str, Any] = _extra()


@record
class Picture:
    """A picture that was handed in to search by. The server forgets it some time after its last use."""

    picture: str
    """BLAKE3 of its bytes."""
    format: str = ""
    width: int = 0
    height: int = 0
    extra: Mapping[str, Any] = _extra()


@record
class Caption:
    text: str
    origin: str
    """``sidecar``, ``file`` or ``embedded``."""
    lang: Optional[str] = None
    extra: Mapping[str, Any] = _extra()


@record
class Color:
    rgb: str
    """As in ``#c02030``."""
    share: float
    """Of the picture, 0 to 1."""
    extra: Mapping[str, Any] = _extra()


@record
class Item:
    """All that is known of an item; places where the key may see them."""

    item: str
    path: str
    online: bool
    content: str
    """BLAKE3 of the file."""
    format: str
    width: int
    """Of the upright picture, in pixels, as ``height``."""
    height: int
    size: int
    """Bytes of the file."""
    modified_ms: int
    """When the file was changed, and when it was first seen (``added_ms``), in milliseconds since 1970."""
    added_ms: int
    captions: tuple[Caption, ...]
    metadata: Mapping[str, tuple[Union[str, int, float], ...]]
    colors: tuple[Color, ...]
    thumbnail: str
    original: str
    extra: Mapping[str, Any] = _extra()


@record
class ItemPage:
    items: tuple[Item, ...]
    next: Optional[str] = None
    extra: Mapping[str, Any] = _extra()


@record
class FacetValue:
    value: Union[str, int, float]
    count: int
    extra: Mapping[str, Any] = _extra()


@record
class Facet:
    """How many items have which value of one key, the most frequent first."""

    by: str
    n_values: int
    """All there are, those that are not told among them."""
    values: tuple[FacetValue, ...]
    without: int
    """Items that have no value."""
    extra: Mapping[str, Any] = _extra()


@record
class Facets:
    items: int
    """How many the filters let through."""
    facets: tuple[Facet, ...]
    extra: Mapping[str, Any] = _extra()


@record
class Collection:
    name: str
    n_items: int
    is_default: bool
    is_import: bool
    """Whether it holds vectors of its owner's, which words do not find."""
    extra: Mapping[str, Any] = _extra()


@record
class Collections:
    """The collections that this key opens, and what it may do there: ``read``, ``write`` or ``admin``."""

    collections: tuple[Collection, ...]
    role: str
    see_location: bool
    extra: Mapping[str, Any] = _extra()


@record
class SavedSearch:
    name: str
    query: str
    extra: Mapping[str, Any] = _extra()


@record
class Example:
    liked: bool
    path: Optional[str] = None
    item: Optional[str] = None
    extra: Mapping[str, Any] = _extra()


@record
class HeldOut:
    """Of the ``nearest`` of ``among``, ``right`` are liked, each left out when the concept was learnt."""

    nearest: int
    right: int
    among: int
    average_precision: float
    extra: Mapping[str, Any] = _extra()


@record
class Concept:
    """What a few pictures have in common, under a name."""

    name: str
    liked: int
    disliked: int
    gone: int
    of_another_model: int
    examples: tuple[Example, ...]
    held_out: Optional[HeldOut] = None
    extra: Mapping[str, Any] = _extra()


@record
class Job:
    """An index run, as far as it is."""

    id: int
    collection: str
    paths: tuple[str, ...]
    state: str
    """``waiting``, ``running``, ``done``, ``cancelled`` or ``failed``."""
    doing: str
    n_files: int
    """Files that were found; ``n_jobs`` of them have to be read, ``n_done`` are."""
    n_jobs: int
    n_done: int
    n_skipped: int
    report: Optional[Mapping[str, Any]] = None
    """What came of it, once it is over."""
    error: Optional[str] = None
    extra: Mapping[str, Any] = _extra()

    @property
    def is_over(self) -> bool:
        return self.state not in ("waiting", "running")


@record
class Session:
    """Who one is to the server, and what one may do."""

    role: str
    """``read``, ``write`` or ``admin``."""
    collection: str
    see_location: bool
    """Whether places are told."""
    name: Optional[str] = None
    """Name of the key; none while the server needs no key."""
    extra: Mapping[str, Any] = _extra()


@record
class Source:
    """A folder that is indexed."""

    kind: str
    """``folder``, ``uploads`` or ``vectors``."""
    root: str
    online: bool
    n_items: int
    scanned_ms: Optional[int] = None
    """When it was last looked through, in milliseconds since 1970."""
    extra: Mapping[str, Any] = _extra()


@record
class SpaceScore:
    space: str
    cosine: float
    above: Optional[float] = None
    """Standard deviations above the mean of the collection."""
    caption: Optional[str] = None
    extra: Mapping[str, Any] = _extra()


@record
class KeywordScore:
    share: float
    added: float
    words: tuple[str, ...]
    extra: Mapping[str, Any] = _extra()


@record
class TermScore:
    """``cosine`` times ``factor`` is ``share``; all shares together are the score."""

    term: str
    weight: float
    cosine: float
    factor: float
    share: float
    extra: Mapping[str, Any] = _extra()


@record
class Judgement:
    probability: float
    cut: float
    above_cut: bool
    said: bool
    """Whether what was asked is written of it."""
    above: Optional[float] = None
    answered: Optional[float] = None
    needed: Optional[float] = None
    agreement: Optional[float] = None
    extra: Mapping[str, Any] = _extra()


@record
class Reason:
    kind: str
    reason: str
    extra: Mapping[str, Any] = _extra()


@record
class Explanation:
    """Why an item is where it is in an answer, or why it is not in it (``reasons``)."""

    query: str
    item: Optional[str]
    path: str
    shown: bool
    reasons: tuple[Reason, ...]
    score: Optional[float] = None
    spaces: Optional[tuple[SpaceScore, ...]] = None
    keyword: Optional[KeywordScore] = None
    terms: Optional[tuple[TermScore, ...]] = None
    match: Optional[Judgement] = None
    rank: Optional[int] = None
    """Its place among the ``matching``; ``rank_of_all`` among ``n_items``."""
    matching: Optional[int] = None
    rank_of_all: Optional[int] = None
    n_items: Optional[int] = None
    notes: tuple[Reason, ...] = ()
    extra: Mapping[str, Any] = _extra()
