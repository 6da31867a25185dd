"""The thin core by itself: reading answers and events, making requests, what may be asked again."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from stub import JOB, event

import fovea
from fovea import Client, Job, Plan, Result, Term
from fovea import _flows as flows
from fovea import _operations as operations
from fovea._decode import read
from fovea._events import EventReader
from fovea._pictures import MOST_KNOWN, Known, picture_bytes

KEY = "fovea_" + "s" * 43
RESULT: dict[str, Any] = {"rank": 1, "item": "a", "path": "/a", "width": 2, "height": 3, "thumbnail": "/api/v1/items/a/thumbnail?v=0f"}


@pytest.mark.parametrize(
    ("change", "expect"),
    [
        ({}, None),
        ({"score": 1}, None),
        ({"score": None}, None),
        ({"region": [0, 0.5, 1, 1]}, None),
        ({"cosines": {"image": 1}}, None),
        ({"soon": {"to": "come"}}, None),
        ({"rank": "1"}, "`rank` of the answer is of type str, not int"),
        ({"rank": True}, "`rank` of the answer is a boolean, not int"),
        ({"rank": None}, "`rank` of the answer is null, not int"),
        ({"score": "high"}, "`score` of the answer is of type str, not float"),
        ({"region": [1, 2]}, "`region` of the answer has 2 parts, not 4"),
        ({"others": "b"}, "`others` of the answer is of type str, not a list"),
        ({"cosines": []}, "`cosines` of the answer is of type list, not an object"),
    ],
)
def test_an_answer_is_read(change: dict[str, Any], expect: str | None) -> None:
    if expect is None:
        result = read(Result, {**RESULT, **change})
        assert result.item == "a"
        assert result.extra == ({"soon": {"to": "come"}} if "soon" in change else {})
        return
    with pytest.raises(fovea.AnswerError) as caught:
        read(Result, {**RESULT, **change})
    assert str(caught.value) == expect


def test_what_is_missing_is_named() -> None:
    with pytest.raises(fovea.AnswerError, match="the answer has no `item`"):
        read(Result, {name: value for name, value in RESULT.items() if name != "item"})
    with pytest.raises(fovea.AnswerError, match="the answer is of type list, not an object"):
        read(Result, [])


def test_records_are_frozen_and_can_be_kept() -> None:
    result = read(Result, {**RESULT, "region": [0, 0, 1, 1]})
    with pytest.raises(AttributeError):
        result.rank = 2  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(result)) == result


EVENTS = (
    "\ufeff".encode() + b": keep-alive\r\n\r\nevent: job\r\ndata: {}\r\n\r\ndata:a\rdata: \xc3\xa9\r\r" + b"id: 1\n\nevent: x\ndata\n\n"
)
EXPECT = [("job", "{}"), ("message", "a\né"), ("x", "")]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_events_are_read_wherever_the_pieces_end(size: int) -> None:
    reader = EventReader()
    found = [one for at in range(0, len(EVENTS), size) for one in reader.feed(EVENTS[at : at + size])]
    assert found == EXPECT


def test_an_event_that_breaks_off_is_none_and_one_without_end_is_refused() -> None:
    assert EventReader().feed(event()[:-1]) == []
    reader = EventReader()
    piece = b"data: " + b"x" * (1 << 20) + b"\n"
    with pytest.raises(fovea.AnswerError, match="longer"):
        reader.feed(piece * 10)
    with pytest.raises(fovea.AnswerError, match="longer"):
        EventReader().feed(b"x" * (5 << 20))


@pytest.mark.parametrize(
    ("status", "operation", "headers", "expect"),
    [
        (503, "search", {}, True),
        (503, "search_by_document", {}, True),
        (503, "start_job", {}, False),
        (503, "readyz", {}, False),
        (429, "start_job", {"retry-after": "1"}, True),
        (429, "search", {}, False),
        (429, "search", {"retry-after": "3600"}, False),
        (429, "search", {"retry-after": "nan"}, False),
        (500, "search", {}, False),
        (400, "search", {}, False),
        (200, "search", {}, False),
    ],
)
def test_what_may_be_asked_again(status: int, operation: str, headers: dict[str, str], expect: bool) -> None:
    call: Any = operations.Call(operation, lambda response: None, "/")
    assert (flows.may_retry(call, httpx.Response(status, headers=headers)) is not None) == expect


@pytest.mark.parametrize(
    ("error", "operation", "expect"),
    [
        (httpx.ConnectError("refused"), "start_job", True),
        (httpx.ReadError("reset"), "search", True),
        (httpx.RemoteProtocolError("closed"), "search", True),
        (httpx.ReadError("reset"), "add_event", False),
        (httpx.ReadTimeout("slow"), "search", False),
    ],
)
def test_which_failures_are_tried_again(error: httpx.RequestError, operation: str, expect: bool) -> None:
    call: Any = operations.Call(operation, lambda response: None, "/")
    assert (flows.may_retry(call, error) is not None) == expect


def test_pauses_grow_and_end() -> None:
    for n in range(20):
        assert 0.0 < flows.pause(n) <= flows.LONGEST_PAUSE_S
    assert flows.pause(10) > flows.FIRST_PAUSE_S


def test_a_short_search_is_an_address_and_a_long_one_or_a_plan_a_document() -> None:
    assert operations.search("a dog", {"top": 3, "cut": False, "region": (0, 0, 0.5, 1)}).params == {
        "q": "a dog",
        "top": "3",
        "cut": "false",
        "region": "0.0,0.0,0.5,1.0",
    }
    long = operations.search("狗" * 500, {"item": "#abc"})
    assert long.operation == "search_by_document"
    assert long.content is not None
    assert '"item": "abc"' in long.content.decode()
    plan = operations.search(Plan(terms=(Term("a dog", -2.0),), filters=("ext:png",)), {})
    assert plan.content == b'{"plan": {"terms": [{"weight": -2.0, "term": "a dog"}], "without": [], "filters": ["ext:png"]}}'


@pytest.mark.parametrize(
    ("make", "expect"),
    [
        (lambda: operations.item(".."), "item='..' is none"),
        (lambda: operations.item(""), "item='' is none"),
        (lambda: operations.item(3), "an item is its id"),  # type: ignore[arg-type]
        (lambda: operations.search("a", {"tpo": 3}), "unknown option `tpo`; there are filter, item"),
        (lambda: operations.similar("a", None, {"item": "b"}), "the item is the first argument"),
        (lambda: operations.search("a", {"region": (1, 2)}), "four numbers"),
        (lambda: operations.search("a", {"region": "0,0,1,1"}), "four numbers"),
        (lambda: picture_bytes(3), "a picture is a path, bytes or a PIL image, not int"),  # type: ignore[arg-type]
        (lambda: Client("localhost:7878"), "no address of a server"),
        (lambda: Client("http://me:secret@localhost"), "name or password"),
        (lambda: Client("http://[::1"), "cannot be read"),
        (lambda: Client(timeout_s=0), "more than 0 seconds"),
        (lambda: Client(retries=-1), "0 or more"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(make: Any, expect: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert expect in str(caught.value)
    assert "secret" not in str(caught.value)


def test_names_are_coded_for_the_path() -> None:
    assert operations.saved_search("@a/b ?#狗").path == "/api/v1/saved/a%2Fb%20%3F%23%E7%8B%97"
    assert operations.thumbnail(read(Result, RESULT)).params == {"v": "0f"}


@pytest.mark.parametrize("key", [KEY, f" {KEY}\n"])
def test_the_key_shows_nowhere(key: str) -> None:
    with Client("http://127.0.0.1:1", key=key, retries=0, collection="mine") as client:
        assert repr(client) == "<fovea.Client http://127.0.0.1:1 collection='mine' key=set>"
        assert KEY not in repr(client._target) + repr(client._http.headers)
        with pytest.raises(fovea.ConnectionFailedError) as caught:
            client.search("a")
    error: BaseException | None = caught.value
    while error is not None:
        assert KEY not in repr(error) + str(error) + repr(vars(error))
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("key", ["", "two words", "a\nb", "schlüssel", KEY + "\x00"])
def test_a_key_that_is_none_is_refused_without_saying_it(key: str) -> None:
    with pytest.raises(ValueError, match="fovea keys add") as caught:
        Client(key=key)
    assert not key or key not in str(caught.value)


def test_pictures_of_any_kind_are_bytes(tmp_path: Path) -> None:
    for mode in ("RGB", "RGBA", "L", "P", "CMYK", "F"):
        sent = Image.open(io.BytesIO(picture_bytes(Image.new(mode, (3, 2)))))
        assert (sent.format, sent.size) == ("PNG", (3, 2)), mode
    path = tmp_path / "a.png"
    path.write_bytes(b"any")
    assert picture_bytes(path) == picture_bytes(str(path)) == picture_bytes(b"any") == b"any"


def test_only_so_many_pictures_are_remembered() -> None:
    known = Known()
    for n in range(MOST_KNOWN + 1):
        known.keep(b"%d" % n, fovea.Picture(str(n)))
    assert known.find(b"0") is None
    assert known.find(b"1") == fovea.Picture("1")


def test_a_job_is_over_or_not() -> None:
    for state, expect in (("waiting", False), ("running", False), ("done", True), ("cancelled", True), ("failed", True)):
        assert read(Job, {**JOB, "state": state}).is_over == expect
