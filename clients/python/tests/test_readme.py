"""The examples of the README, as they stand there."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Server, fovea_cli, serving

import fovea

README = Path(__file__).parents[1] / "README.md"
USUAL = "http://127.0.0.1:7878"


@pytest.fixture
def own(library: Path, tmp_path: Path) -> Any:
    """A server over a copy: the examples write to it, and index its folders."""
    shutil.copytree(library / "db", tmp_path / "db")
    key = fovea_cli(tmp_path / "db", "keys", "add", "--role", "admin", "--see-location", "me").strip()
    with serving(tmp_path / "db", library / "pictures", keys={"admin": key}) as server:
        yield server


def test_the_examples_run(own: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) == 8
    monkeypatch.setenv("FOVEA_KEY", own.keys["admin"])
    monkeypatch.chdir(tmp_path)
    # The port of this server is not the usual one.
    monkeypatch.setattr(fovea.AsyncClient.__init__, "__defaults__", (own.url,))
    told: dict[str, Any] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for block in blocks:
            exec(compile(block.replace(USUAL, own.url), str(README), "exec"), told)
    told["client"].close()
    text = printed.getvalue()
    assert "done " in text
    assert "there is no key `foldr`" in text
    assert Path("items.txt").read_text().count("\n") > 20
    for name in ("small.jpg", "heat.png", "bird.png"):
        assert Path(name).stat().st_size > 100
