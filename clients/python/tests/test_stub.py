"""Servers that fail, dawdle, lie or know more than this client, by a stub; each test for both kinds of client."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from conftest import Connect
from stub import JOB, Stub, answer, event, problem, stream

import fovea
from fovea import _flows as flows

PLAN: dict[str, Any] = {
    "query": "a",
    "terms": [],
    "without": [],
    "filters": [],
    "guessed": [],
    "unused": [],
    "passed_over": ["photos of …"],
}
FOUND: dict[str, Any] = {"rank": 1, "item": "a", "path": "/a", "width": 2, "height": 3, "thumbnail": "/t?v=1"}


def search_answer(**more: Any) -> bytes:
    return answer(200, {"query": "a", "took_ms": 1.0, "encode_ms": 0, "results": [FOUND], "plan": PLAN, **more})


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flows, "FIRST_PAUSE_S", 0.01)


def test_fields_of_a_newer_server_are_kept(connect: Connect, stub: Stub) -> None:
    found = {**FOUND, "mood": "happy"}
    stub.answers = [search_answer(results=[found], plan={**PLAN, "depth": 3}, colour={"of": "it"})]
    found = connect(stub.url).search("a")
    assert found.extra == {"colour": {"of": "it"}}
    assert found.results[0].extra == {"mood": "happy"}
    assert found.plan.extra == {"depth": 3}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, fovea.BadRequestError),
        (401, fovea.UnauthorizedError),
        (403, fovea.ForbiddenError),
        (404, fovea.NotFoundError),
        (409, fovea.ProblemError),
        (413, fovea.TooLargeError),
        (421, fovea.MisdirectedError),
        (422, fovea.UndecodableError),
        (429, fovea.TooManyRequestsError),
        (500, fovea.ServerError),
        (503, fovea.UnavailableError),
        (504, fovea.ServerError),
    ],
)
def test_problems_are_errors_of_their_kind(connect: Connect, stub: Stub, status: int, kind: type) -> None:
    stub.answers = [problem(status, "it is so", "x-request-id: 1-2", character=3)]
    with pytest.raises(fovea.ProblemError) as caught:
        connect(stub.url, retries=0).search("a")
    error = caught.value
    assert type(error) is kind
    assert (error.status, error.title, error.detail, error.character, error.request_id) == (status, "Title", "it is so", 3, "1-2")
    assert str(error) == f"{status} Title: character 3: it is so (request 1-2)"


def test_what_is_no_problem_document_is_an_error_all_the_same(connect: Connect, stub: Stub) -> None:
    stub.answers = [answer(502, b"<html>Bad gateway</html>", kind="text/html")]
    with pytest.raises(fovea.ServerError, match="502 Stub: no reason was given, so it may not be Fovea"):
        connect(stub.url).search("a")


@pytest.mark.parametrize("status", [503, 429])
def test_what_may_be_is_tried_again(connect: Connect, stub: Stub, status: int) -> None:
    stub.answers = [problem(status, "later", "retry-after: 0"), problem(status, "later", "retry-after: 0"), search_answer()]
    assert len(connect(stub.url).search("a").results) == 1
    assert len(stub.asked) == 3


def test_a_server_is_left_alone_as_long_as_it_says(connect: Connect, stub: Stub) -> None:
    stub.answers = [problem(429, "often", "retry-after: 1"), answer(202, JOB)]
    started = time.monotonic()
    assert connect(stub.url).start_job().id == 7
    assert 1.0 <= time.monotonic() - started < 3.0


def test_attempts_end(connect: Connect, stub: Stub) -> None:
    stub.answers = [problem(503, "never")]
    with pytest.raises(fovea.UnavailableError, match="never"):
        connect(stub.url, retries=2).search("a")
    assert len(stub.asked) == 3


def test_what_does_something_is_asked_once(connect: Connect, stub: Stub) -> None:
    stub.answers = [problem(503, "no")]
    for method, args in (("start_job", ()), ("feedback", ("a", "liked")), ("remove_item", ("a",)), ("forget_saved", ("a",))):
        stub.asked.clear()
        with pytest.raises(fovea.UnavailableError):
            getattr(connect(stub.url), method)(*args)
        assert len(stub.asked) == 1


def test_a_broken_connection_is_tried_again_and_then_told(connect: Connect, stub: Stub) -> None:
    stub.answers = [b"", search_answer()]
    assert len(connect(stub.url).search("a").results) == 1
    stub.answers = [answer(200, b"{", length=100)]
    with pytest.raises(fovea.ConnectionFailedError, match="broke off before the answer was whole"):
        connect(stub.url, retries=1).search("a")
    stub.answers = [b""]
    stub.asked.clear()
    with pytest.raises(fovea.ConnectionFailedError, match="broke off"):
        connect(stub.url).feedback("a", "liked")
    assert len(stub.asked) == 1


def test_a_slow_server_is_told_and_not_asked_again(connect: Connect, stub: Stub) -> None:
    stub.answers = [[30.0]]
    started = time.monotonic()
    with pytest.raises(fovea.AnswerTimeoutError, match=rf"{stub.url} said nothing for 0.2 s: it may be busy"):
        connect(stub.url, timeout_s=0.2).search("a")
    assert time.monotonic() - started < 2.0
    assert len(stub.asked) == 1


def test_nobody_there(connect: Connect) -> None:
    with pytest.raises(fovea.ConnectionFailedError, match=r"nothing answers at http://127.0.0.1:1: start it with `fovea serve`"):
        connect("http://127.0.0.1:1", retries=0).health()


@pytest.mark.parametrize(
    ("sent", "expect"),
    [
        (answer(200, b"<html>", kind="text/html"), "answered no JSON"),
        (answer(200, []), "the answer is of type list, not an object"),
        (answer(200, {"query": "a"}), "the answer has no `took_ms`"),
        (answer(302, b"", "location: https://elsewhere.example/"), "sends the client elsewhere"),
    ],
)
def test_answers_that_are_none(connect: Connect, stub: Stub, sent: bytes, expect: str) -> None:
    stub.answers = [sent]
    with pytest.raises(fovea.AnswerError, match=expect):
        connect(stub.url, key="fovea_x").search("a")
    assert len(stub.asked) == 1


def test_pages_are_asked_for_until_there_are_none(connect: Connect, stub: Stub) -> None:
    two = [FOUND, {**FOUND, "rank": 2}]
    stub.answers = [search_answer(results=two, next="c1"), search_answer(results=two, next="c2"), search_answer(results=two)]
    assert [one.rank for one in connect(stub.url).search_all("a", page=2)] == [1, 2, 3, 4, 5, 6]
    assert "cursor" not in stub.asked[0]
    assert "cursor=c1" in stub.asked[1]
    assert "cursor=c2" in stub.asked[2]
    stub.answers = [search_answer(results=two, next="c1")]
    assert [one.rank for one in connect(stub.url).search_all("a", limit=3, page=2)] == [1, 2, 3]


def test_a_picture_that_was_forgotten_is_handed_in_again(connect: Connect, stub: Stub) -> None:
    taken = answer(201, {"picture": "ab", "format": "png", "width": 1, "height": 1})
    stub.answers = [taken, search_answer(), search_answer(), problem(404, "hand it in again"), taken, search_answer()]
    face = connect(stub.url)
    for n_asked in (2, 3, 6):
        face.search(picture=b"png")
        assert len(stub.asked) == n_asked
    stub.answers = [problem(404, "hand it in again")]
    with pytest.raises(fovea.NotFoundError):
        face.search(picture=fovea.Picture("ab"))


def test_events_that_break_off_are_followed_again(connect: Connect, stub: Stub) -> None:
    first, second, last = event(), event(n_done=5), event(state="done", n_done=9)
    stub.answers = [
        stream(b": hello\n\n", first[:40]),
        stream(first, second[:-20]),
        b"",
        stream(second, last[:-1]),
        stream(last, event(state="running")),
    ]
    seen = [(job.state, job.n_done) for job in connect(stub.url).follow_job(7)]
    assert seen == [("running", 0), ("running", 5), ("done", 9)]


def test_a_stream_that_never_gets_on_is_given_up(connect: Connect, stub: Stub) -> None:
    stub.answers = [stream(event(), event()[:30])]
    with pytest.raises(fovea.ConnectionFailedError, match=r"events of job 7 break off again and again; the last .* is `running`"):
        list(connect(stub.url, retries=2).follow_job(7))
    assert len(stub.asked) == 3
    stub.asked.clear()
    assert next(connect(stub.url, retries=2).follow_job(7)).n_done == 0


def test_following_may_be_left(connect: Connect, stub: Stub) -> None:
    stub.answers = [stream(event(), event(n_done=1))]
    for job in connect(stub.url).follow_job(7):
        assert job.n_done == 0
        break


def test_a_job_is_waited_for(connect: Connect, stub: Stub) -> None:
    stub.answers = [answer(200, JOB), answer(200, {**JOB, "state": "done"})]
    assert connect(stub.url).wait_for_job(7).state == "done"
    stub.answers = [answer(200, {**JOB, "state": "failed", "error": "disk full"})]
    with pytest.raises(fovea.JobFailedError, match="job 7 failed: disk full") as caught:
        connect(stub.url).wait_for_job(7)
    assert caught.value.job == 7
    stub.answers = [answer(200, JOB)]
    with pytest.raises(fovea.AnswerTimeoutError, match=r"job 7 is not over after 0.2 s: 0 of 9"):
        connect(stub.url).wait_for_job(7, timeout_s=0.2)


def test_an_export_that_breaks_off_is_an_error(connect: Connect, stub: Stub) -> None:
    stub.answers = [answer(200, b'{"item": "a"', length=500, kind="application/x-ndjson")]
    with pytest.raises(fovea.ConnectionFailedError, match="export: "):
        list(connect(stub.url).export())
    stub.answers = [answer(200, b'\n{"item": ', kind="application/x-ndjson")]
    with pytest.raises(fovea.AnswerError, match="a line of the export is no JSON"):
        list(connect(stub.url).export())
    stub.answers = [answer(200, b"\n\n", kind="application/x-ndjson")]
    assert list(connect(stub.url).export()) == []


def test_a_file_that_breaks_off_is_nowhere(connect: Connect, stub: Stub, tmp_path: Path) -> None:
    kept = tmp_path / "kept.png"
    kept.write_bytes(b"before")
    stub.answers = [answer(200, b"half", length=8, kind="image/png")]
    with pytest.raises(fovea.ConnectionFailedError, match="original of a: "):
        connect(stub.url).save_original("a", kept)
    stub.answers = [problem(404, "its file cannot be read")]
    with pytest.raises(fovea.NotFoundError):
        connect(stub.url).save_original("#a", tmp_path / "other.png")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"kept.png": b"before"}


def test_readiness_is_waited_for(connect: Connect, stub: Stub) -> None:
    stub.answers = [problem(503, "no model"), problem(503, "no model"), answer(200, b"ready\n", kind="text/plain")]
    connect(stub.url).wait_until_ready(5.0)
    stub.answers = [problem(503, "no model")]
    with pytest.raises(fovea.UnavailableError, match="no model"):
        connect(stub.url).wait_until_ready(0.3)


def test_the_key_and_the_collection_go_where_they_are_asked_for(connect: Connect, stub: Stub) -> None:
    stub.answers = [answer(200, b"ok\n", kind="text/plain"), search_answer()]
    face = connect(stub.url, key="fovea_secret", collection="my own")
    face.health()
    assert "collection" not in stub.asked[0]
    face.search("a")
    assert "collection=my+own" in stub.asked[1] or "collection=my%20own" in stub.asked[1]
    assert "authorization: Bearer fovea_secret" in stub.asked[1].replace("Authorization", "authorization")
