"""A server over some stamps, a stub that misbehaves, and both clients behind one face.

``FOVEA_PROGRAM`` names the program, ``FOVEA_STAMPS`` the folder that ``scripts/stamps.py`` prepares; ``scripts/check_clients`` sets both.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from PIL import ExifTags, Image
from stub import Stub

import fovea
from fovea import AsyncClient, Client

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "crates/fovea/tests/golden/openapi.json"
"""What the server says of itself."""
FOLDERS = ("animals", "food", "vehicles")
"""Of the stamps, with pictures that words find."""
MOST_PICTURES = 40
KINDS = ("sync", "async")


def program() -> str:
    named = os.environ.get("FOVEA_PROGRAM")
    if not named:
        pytest.fail("FOVEA_PROGRAM names no program: set it to a built `fovea`, or run scripts/check_clients", pytrace=False)
    return named


def stamps() -> Path:
    folder = Path(os.environ.get("FOVEA_STAMPS", "nowhere"), "stamps")
    if not folder.is_dir():
        pytest.fail(f"{folder} is not there: python3 scripts/stamps.py DIR, and FOVEA_STAMPS=DIR", pytrace=False)
    return folder


def fovea_cli(db: Path, *args: str) -> str:
    done = subprocess.run([program(), "--quiet", "--db", str(db), *args], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"fovea {args}: {done.stderr}"
    return done.stdout


def some_stamps(target: Path, most: int = MOST_PICTURES) -> Path:
    """A folder with some of the stamps and their captions: always the same ones."""
    root = stamps()
    pictures = sorted(path for folder in FOLDERS for path in (root / folder).rglob("*.png"))
    if len(pictures) < most:
        pictures = sorted(root.rglob("*.png"))
    step = len(pictures) // most
    for picture in pictures[::step][:most]:
        into = target / picture.relative_to(root).parent
        into.mkdir(parents=True, exist_ok=True)
        for file in (picture, picture.with_suffix(".txt")):
            if file.exists():
                shutil.copy(file, into)
    photo(target / "photo.jpg")
    return target


def photo(path: Path) -> None:
    """A picture that says when, where and by what it was taken."""
    image = Image.effect_noise((96, 64), 40).convert("RGB")
    exif = Image.Exif()
    exif.update({ExifTags.Base.Make: "Maker", ExifTags.Base.Model: "Model 3", ExifTags.Base.ImageDescription: "some noise"})
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {ExifTags.Base.DateTimeOriginal: "2023:07:14 10:20:30", ExifTags.Base.ISOSpeedRatings: 800, ExifTags.Base.FNumber: 2.8}
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo).update(
        {
            ExifTags.GPS.GPSLatitudeRef: "N",
            ExifTags.GPS.GPSLatitude: (47.0, 22.0, 12.0),
            ExifTags.GPS.GPSLongitudeRef: "E",
            ExifTags.GPS.GPSLongitude: (8.0, 32.0, 30.0),
        }
    )
    image.save(path, exif=exif)


@dataclass
class Server:
    """A running server, its folder of pictures, and keys by role."""

    url: str
    db: Path
    pictures: Path
    keys: dict[str, str]
    process: subprocess.Popen[str] = field(repr=False)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=30)


@contextlib.contextmanager
def serving(db: Path, pictures: Path, *flags: str, keys: dict[str, str] | None = None) -> Iterator[Server]:
    """Started on a free port, and ended by its own number."""
    command = [program(), "--json", "--quiet", "--db", str(db), "serve", "--listen", "127.0.0.1:0", *flags]
    log = (db.parent / f"{db.name}.log").open("w")
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    server = None
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the server did not start: {Path(log.name).read_text()}"
        server = Server(json.loads(line)["listening"], db, pictures, keys or {}, process)
        yield server
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database over some stamps, with a saved search and a concept. Copied before anything writes to it."""
    base = tmp_path_factory.mktemp("library")
    pictures = some_stamps(base / "pictures")
    db = base / "db"
    fovea_cli(db, "index", str(pictures), "--captions", "sidecar")
    fovea_cli(db, "saved", "add", "animals", "an animal")
    liked = sorted(str(path) for path in pictures.rglob("*.png"))[:3]
    fovea_cli(db, "concept", "add", "favourite", "--like", *liked)
    return base


@pytest.fixture(scope="session")
def server(library: Path) -> Iterator[Server]:
    """One for all tests that leave it as it was, with keys."""
    db = library / "db"
    keys = {role: fovea_cli(db, "keys", "add", "--role", role, role).strip() for role in ("read", "write")}
    keys["admin"] = fovea_cli(db, "keys", "add", "--role", "admin", "--see-location", "admin").strip()
    with serving(db, library / "pictures", "--allow-root", str(library), "--rate", "100000", keys=keys) as server:
        with Client(server.url) as client:
            client.wait_until_ready()
        yield server


@pytest.fixture
def stub() -> Iterator[Stub]:
    with Stub() as stub:
        yield stub


ASKED: Counter[tuple[str, str]] = Counter()
"""How often each operation was asked and answered well, by each kind of client, in this run."""


class Face:
    """A client whose answers are there when its methods return, whichever kind it is."""

    def __init__(self, kind: str, portal: BlockingPortal, *args: Any, **options: Any) -> None:
        self.kind = kind
        self._portal = portal
        self.client: Any = Client(*args, **options) if kind == "sync" else portal.call(lambda: AsyncClient(*args, **options))
        self._note(self.client._http)

    def _note(self, http: Any) -> None:
        """Counts what is asked by the table of operations."""

        def noted(response: httpx.Response) -> None:
            for name, one in fovea.OPERATIONS.items():
                if response.is_success and response.request.method == one.verb and matches(one.path, response.url.path):
                    ASKED[self.kind, name] += 1

        async def awaited(response: httpx.Response) -> None:
            noted(response)

        http.event_hooks["response"].append(noted if self.kind == "sync" else awaited)

    def close(self) -> None:
        if self.kind == "sync":
            self.client.close()
        else:
            self._portal.call(self.client.aclose)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)
        if self.kind == "sync":
            return method  # type: ignore[no-any-return]

        def called(*args: Any, **options: Any) -> Any:
            async def run() -> Any:
                return method(*args, **options)

            came = self._portal.call(run)
            if hasattr(came, "__aiter__"):
                return self._drawn(came)

            async def waited() -> Any:
                return await came

            return self._portal.call(waited)

        return called

    def _drawn(self, source: Any) -> Iterator[Any]:
        try:
            while True:
                try:
                    yield self._portal.call(source.__anext__)
                except StopAsyncIteration:
                    return
        finally:
            self._portal.call(source.aclose)


def matches(template: str, path: str) -> bool:
    wanted, found = template.split("/"), path.split("/")
    return len(wanted) == len(found) and all(one.startswith("{") or one == two for one, two in zip(wanted, found))


Connect = Callable[..., Face]


@pytest.fixture(params=KINDS)
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Makes clients, of each kind in turn, and closes them."""
    with contextlib.ExitStack() as stack:
        portal = stack.enter_context(start_blocking_portal())

        def make(*args: Any, **options: Any) -> Face:
            face = Face(request.param, portal, *args, **options)
            stack.callback(face.close)
            return face

        yield make


@pytest.fixture
def reader(connect: Connect, server: Server) -> Face:
    return connect(server.url, key=server.keys["read"])


@pytest.fixture
def admin(connect: Connect, server: Server) -> Face:
    return connect(server.url, key=server.keys["admin"])
