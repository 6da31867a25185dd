"""Pictures on their way out: bytes of what was handed in."""

from __future__ import annotations

import hashlib
import io
import os
from collections import OrderedDict
from pathlib import Path
from typing import cast

from . import records
from ._operations import PictureLike

MOST_KNOWN = 256
_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
"""What a PNG can hold; an image of another mode becomes RGB."""


def picture_bytes(picture: PictureLike) -> bytes:
    """The bytes of an image file: read from a path, or as they are, or a PNG of a ``PIL.Image.Image``."""
    if isinstance(picture, (str, os.PathLike)):
        return Path(picture).read_bytes()
    if isinstance(picture, (bytes, bytearray, memoryview)):
        return bytes(picture)
    if isinstance(picture, records.Picture) or not callable(getattr(picture, "save", None)):
        raise TypeError(f"a picture is a path, bytes or a PIL image, not {type(picture).__name__}")
    buffer = io.BytesIO()
    image = picture if picture.mode in _MODES else picture.convert("RGB")
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def picture_name(picture: PictureLike) -> str:
    """What a picture is called, where it has a name."""
    return Path(cast("os.PathLike[str]", picture)).name if isinstance(picture, (str, os.PathLike)) else ""


class Known:
    """Pictures that the server has been handed, by a hash of their bytes, so that each goes over the wire once."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, records.Picture] = OrderedDict()

    @staticmethod
    def _key(content: bytes) -> bytes:
        return hashlib.sha256(content).digest()

    def find(self, content: bytes) -> records.Picture | None:
        return self._known.get(self._key(content))

    def keep(self, content: bytes, picture: records.Picture) -> None:
        self._known[self._key(content)] = picture
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)

    def forget(self, content: bytes) -> None:
        self._known.pop(self._key(content), None)
