"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def whole(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A file to write to, which is at ``path`` when all of it was written, and nowhere when that failed."""
    target = Path(path)
    handle, name = tempfile.mkstemp(prefix=".fovea-", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    # It can only be read by setting it; a temporary file is for its owner alone.
    mask = os.umask(0)
    os.umask(mask)
    return mask
