"""Every method against a running server, for both kinds of client."""

from __future__ import annotations

import dataclasses
import io
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import ASKED, KINDS, Connect, Face, Server, fovea_cli, serving
from PIL import Image

import fovea


def ids(results: object) -> list[str]:
    return [one.item for one in results]  # type: ignore[attr-defined]


def picture(color: str = "red", size: tuple[int, int] = (64, 48)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, format="PNG")
    return buffer.getvalue()


# Without a key.


def test_health_needs_no_key(connect: Connect, server: Server) -> None:
    face = connect(server.url)
    assert face.health() == "ok"
    assert face.ready() == "ready"
    face.wait_until_ready()
    document = face.openapi()
    assert document["openapi"].startswith("3.1")


def test_keys_are_asked_for(connect: Connect, server: Server) -> None:
    with pytest.raises(fovea.UnauthorizedError, match="a key is needed") as caught:
        connect(server.url).search("a dog")
    assert caught.value.request_id
    wrong = "fovea_" + "w" * 43
    with pytest.raises(fovea.UnauthorizedError, match="this key opens nothing") as caught:
        connect(server.url, key=wrong).search("a dog")
    assert wrong not in str(caught.value) + repr(caught.value)
    with pytest.raises(fovea.ForbiddenError, match="this key may read"):
        connect(server.url, key=server.keys["read"]).save_search("mine", "a dog")
    with pytest.raises(fovea.NotFoundError):
        connect(server.url, key=server.keys["read"], collection="nowhere").search("a dog")


def test_the_server_says_who_one_is(connect: Connect, server: Server) -> None:
    session = connect(server.url, key=server.keys["read"]).session()
    assert (session.role, session.see_location) == ("read", False)
    assert session.name


# Searching.


def test_words_find(reader: Face) -> None:
    answer = reader.search("a bird")
    assert answer.query == "a bird"
    assert answer.took_ms >= answer.encode_ms >= 0
    assert 1 <= len(answer.results) <= 10
    first = answer.results[0]
    assert first.rank == 1
    assert first.width > 0
    assert first.height > 0
    assert first.above_cut
    assert first.match is not None
    assert 0 <= first.match <= 1
    assert first.score is not None
    assert answer.extra == {}
    assert first.extra == {}
    assert answer.plan.extra == {}
    assert answer.plan.terms[0].term == "a bird"
    assert ids(reader.search("一只鸟").results)


def test_options_are_taken(reader: Face) -> None:
    best = reader.search("an animal", top=3)
    assert len(best.results) == 3
    assert best.next
    assert ids(reader.search("an animal", top=3, cursor=best.next).results) != ids(best.results)
    by_name = reader.search(filter="ext:png", sort="name", top=50).results
    names = [Path(one.path).name.casefold() for one in by_name]
    assert names == sorted(names)
    assert all(one.score is None for one in by_name)
    assert len(reader.search("an animal", group="folder", top=5).results) <= 5
    assert len(reader.search("an animal", diverse=0.5, top=5).results) == 5
    assert reader.search("an animal", threshold=1e9, cut=False).results == ()
    assert reader.search("a bird", space="image", top=1).results[0].keyword is None
    assert reader.search("a bird since 2001", guess=False).plan.filters == ()
    with pytest.raises(fovea.BadRequestError, match="top=0"):
        reader.search("a bird", top=0)


def test_what_cannot_mean_anything_says_where(reader: Face) -> None:
    with pytest.raises(fovea.BadRequestError, match="there is no key `foldr`") as caught:
        reader.search("a bird foldr:x")
    assert caught.value.character == 8
    assert caught.value.status == 400


def test_a_plan_is_asked_again_and_a_long_query_is_a_document(reader: Face) -> None:
    answer = reader.search("a bird - 0.5:water ext:png", top=5)
    again = reader.search(answer.plan, top=5)
    assert ids(again.results) == ids(answer.results)
    other = dataclasses.replace(answer.plan, terms=(fovea.Term("a car"),))
    assert ids(reader.search(other, top=5).results) != ids(answer.results)
    assert reader.search("bird " * 600, top=1).results


def test_a_picture_of_any_kind_is_searched_by(reader: Face, server: Server) -> None:
    path = sorted(server.pictures.rglob("*.png"))[0]
    found = [
        reader.search(picture=path, top=1),
        reader.search(picture=str(path), top=1),
        reader.search(picture=path.read_bytes(), top=1),
        reader.search(picture=Image.open(path).convert("RGBA"), top=1),
        reader.search(picture=reader.add_picture(path), top=1),
    ]
    assert {Path(one.results[0].path).name for one in found} == {path.name}
    assert reader.search("a bird", picture=path, weight=-0.5, region=(0.1, 0.1, 0.8, 0.8), top=2).results
    with pytest.raises(fovea.UndecodableError):
        reader.search(picture=b"no picture")
    with pytest.raises(fovea.NotFoundError, match="hand it in again"):
        reader.search(picture=fovea.Picture("0" * 64))


def test_a_picture_goes_over_the_wire_once(connect: Connect, server: Server) -> None:
    face = connect(server.url, key=server.keys["read"])
    before = ASKED[face.kind, "add_picture"]
    for words in ("a bird", "a dog", None):
        face.search(words, picture=picture("blue"), top=1)
    assert ASKED[face.kind, "add_picture"] == before + 1


def test_all_results_are_iterated(reader: Face) -> None:
    everything = list(reader.search_all("an animal", cut=False, page=7))
    assert [one.rank for one in everything] == list(range(1, len(everything) + 1))
    assert len(set(ids(everything))) == len(everything) == sum(one.count for one in reader.facets(by="ext").facets[0].values)
    assert ids(reader.search_all("an animal", cut=False, page=7, limit=10)) == ids(everything)[:10]
    matches = list(reader.search_all("an animal", page=7))
    assert 0 < len(matches) < len(everything)
    assert all(one.above_cut for one in matches)


# Items.


def test_items_are_told(reader: Face) -> None:
    everything = list(reader.items(page=7, order="name"))
    assert len(everything) > 20
    assert ids(reader.items(order="name", limit=9, page=4)) == ids(everything)[:9]
    page = reader.item_page("ext:png", top=5)
    assert len(page.items) == 5
    assert page.next
    item = reader.item(everything[0])
    assert item == reader.item("#" + item.item)
    assert item.format == "png"
    assert item.size > 0
    assert item.captions
    assert item.captions[0].text
    assert item.colors
    assert 0 < item.colors[0].share <= 1
    assert item.extra == {}
    with pytest.raises(fovea.NotFoundError, match="is the id of no item"):
        reader.item("no/where")


def test_places_are_for_keys_that_may_see_them(reader: Face, admin: Face) -> None:
    (photo,) = admin.items("ext:jpg")
    assert photo.metadata["iso"] == (800,)
    assert any(isinstance(value, float) for values in photo.metadata.values() for value in values)
    assert any("gps" in key or "lat" in key for key in photo.metadata)
    assert not any("gps" in key or "lat" in key for key in reader.item(photo).metadata)
    assert ids(admin.items("near:47.37,8.54,5")) == [photo.item]
    with pytest.raises(fovea.ForbiddenError, match="see-location"):
        list(reader.items("near:47.37,8.54,5"))


def test_exports_are_all_items(reader: Face) -> None:
    assert sorted(ids(reader.export())) == sorted(ids(reader.items()))
    assert list(reader.export("ext:gif")) == []


def test_pictures_of_an_item_come(reader: Face, admin: Face, server: Server, tmp_path: Path) -> None:
    first = reader.search("a bird", top=1).results[0]
    thumbnail = Image.open(io.BytesIO(reader.thumbnail(first)))
    assert thumbnail.format == "JPEG"
    assert max(thumbnail.size) <= 512
    assert reader.thumbnail(first.item)
    raw = Path(first.path).read_bytes()
    assert admin.original(first) == raw
    assert admin.save_original(first, tmp_path / "bird.png") == len(raw)
    assert (tmp_path / "bird.png").read_bytes() == raw
    assert os.listdir(tmp_path) == ["bird.png"]
    # Without --see-location it is a clean copy.
    assert Image.open(io.BytesIO(reader.original(first))).size == (first.width, first.height)
    with pytest.raises(fovea.NotFoundError):
        reader.thumbnail("zzz")


def test_an_item_is_compared_explained_and_painted(reader: Face) -> None:
    first = reader.search("a bird", top=1).results[0]
    similar = reader.similar(first, top=4)
    assert len(similar.results) == 4
    assert first.item not in ids(similar.results)
    assert reader.similar(first.item, "a car", top=2).results
    why = reader.explain(first, "a bird")
    assert why.shown
    assert why.rank == 1
    assert why.spaces
    assert why.terms
    assert why.match is not None
    assert why.match.above_cut
    assert why.extra == {}
    assert why.match.extra == {}
    not_shown = reader.explain(first, "a bird", filter="ext:gif")
    assert not not_shown.shown
    assert not_shown.reasons[0].kind == "filter"
    heat = Image.open(io.BytesIO(reader.heat(first, "a bird")))
    assert heat.format == "PNG"
    with pytest.raises(fovea.BadRequestError, match="filters alone match nowhere"):
        reader.heat(first, filter="ext:png")


def test_collections_facets_names_and_numbers(reader: Face, admin: Face) -> None:
    told = reader.collections()
    assert (told.role, told.see_location) == ("read", False)
    assert [one.is_default for one in told.collections] == [True]
    facets = reader.facets("ext:png", by=["ext", "folder"], limit=2)
    assert facets.items == facets.facets[0].values[0].count
    assert [one.by for one in facets.facets] == ["ext", "folder"]
    assert facets.facets[1].n_values >= len(facets.facets[1].values)
    assert reader.facets().facets
    concept = reader.concepts()[0]
    assert (concept.name, concept.liked) == ("favourite", 3)
    assert len(concept.examples) == 3
    assert concept.extra == {}
    assert reader.saved_search("@animals").query == "an animal"
    assert "fovea" in reader.metrics()
    source = admin.sources()[0]
    assert source.kind == "folder"
    assert source.n_items > 20


# What changes something.


@pytest.fixture
def own(connect: Connect, tmp_path: Path) -> Iterator[tuple[Face, Server]]:
    """A server over a database of its own, with an admin's key."""
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for n, color in enumerate(("red", "green", "blue")):
        (pictures / f"{n}.png").write_bytes(picture(color))
    db = tmp_path / "db"
    fovea_cli(db, "index", str(pictures))
    key = fovea_cli(db, "keys", "add", "--role", "admin", "--see-location", "boss").strip()
    with serving(db, pictures, "--allow-root", str(tmp_path), keys={"admin": key}) as server:
        yield connect(server.url, key=key), server


def test_items_names_and_feedback_are_written(own: tuple[Face, Server], tmp_path: Path) -> None:
    face, _ = own
    raw = picture("yellow", (30, 20))
    added = face.add_item(raw, name="sun.png")
    assert added.width == 30
    assert face.add_item(raw, name="sun.png").item == added.item
    (tmp_path / "moon.png").write_bytes(picture("white", (31, 20)))
    moon = face.add_item(tmp_path / "moon.png")
    assert Path(moon.path).name.startswith("moon-")
    assert face.original(added) == raw
    face.feedback(added, "liked", "the sun")
    with pytest.raises(fovea.BadRequestError):
        face.feedback(added, "adored")
    face.remove_item(added)
    with pytest.raises(fovea.NotFoundError):
        face.remove_item(added.item)
    with pytest.raises(fovea.UndecodableError):
        face.add_item(b"no picture", name="a.png")
    assert face.save_search("@suns", "the sun").name == "suns"
    assert [one.name for one in face.saved_searches()] == ["suns"]
    face.forget_saved("suns")
    assert face.saved_searches() == []
    with pytest.raises(fovea.NotFoundError):
        face.saved_search("suns")


def test_jobs_run_and_are_followed(own: tuple[Face, Server], tmp_path: Path) -> None:
    face, server = own
    for n in range(40):
        (server.pictures / f"more{n}.png").write_bytes(picture("teal", (40 + n, 40)))
    job = face.start_job()
    followed = list(face.follow_job(job))
    assert followed[-1].is_over
    assert followed[-1].state == "done"
    assert followed[-1].report is not None
    assert followed[-1].report["added"] == 40
    assert face.wait_for_job(job) == face.job(job.id)
    assert ids([face.item(one) for one in face.items(limit=1)])
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.png").write_bytes(picture("pink"))
    named = face.wait_for_job(face.start_job(other, retry=True), timeout_s=60)
    assert named.paths == (str(other),)
    assert [one.id for one in face.jobs()] == [named.id, job.id]
    assert face.cancel_job(named).is_over
    with pytest.raises(fovea.ForbiddenError, match="--allow-root"):
        face.start_job("/etc")
    with pytest.raises(fovea.NotFoundError):
        face.job(99)


def test_a_server_that_is_stopped_is_told(own: tuple[Face, Server]) -> None:
    face, server = own
    assert face.health() == "ok"
    assert server.stop() == 0
    started = time.monotonic()
    with pytest.raises(fovea.ConnectionFailedError, match=f"nothing answers at {server.url}: start it with `fovea serve`"):
        face.search("red")
    assert time.monotonic() - started < 5


def test_copies_are_looked_for(reader: Face) -> None:
    told = reader.duplicates(similar=0.9)
    assert isinstance(told["same"], list)
    assert isinstance(told["similar"], list)


def test_a_key_that_asks_too_often_is_held_back_and_served(connect: Connect, library: Path, tmp_path: Path) -> None:
    shutil.copytree(library / "db", tmp_path / "db")
    key = fovea_cli(tmp_path / "db", "keys", "add", "slow").strip()
    with serving(tmp_path / "db", library / "pictures", "--rate", "2") as server:
        patient = connect(server.url, key=key)
        for _ in range(7):
            patient.collections()
        hasty = connect(server.url, key=key, retries=0)
        with pytest.raises(fovea.TooManyRequestsError) as caught:
            [hasty.collections() for _ in range(10)]
        assert caught.value.retry_after == 1.0


def test_every_operation_was_asked_by_both() -> None:
    """Runs last: what the tests above asked, and the server answered well."""
    missing = [(kind, name) for kind in KINDS for name in fovea.OPERATIONS if not ASKED[kind, name]]
    assert missing == []
