"""The server against its own description: Schemathesis asks what the OpenAPI document allows, and what it does not.

The document is the one that is kept in the tree, which a test of the server's holds equal to the one that it answers.
Bounded and seeded: ``FOVEA_FUZZ_SECONDS`` and ``FOVEA_FUZZ_SEED``. Everything goes to loopback, and can go nowhere else.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import GOLDEN, fovea_cli, serving, some_stamps

import fovea

SECONDS = int(os.environ.get("FOVEA_FUZZ_SECONDS", "30"))
SEED = os.environ.get("FOVEA_FUZZ_SEED", "20230714")
PICTURES = 12


def test_the_server_keeps_to_its_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pictures = some_stamps(tmp_path / "pictures", PICTURES)
    db = tmp_path / "db"
    fovea_cli(db, "index", str(pictures), "--captions", "sidecar")
    fovea_cli(db, "saved", "add", "animals", "an animal")
    key = fovea_cli(db, "keys", "add", "--role", "admin", "--see-location", "fuzzer").strip()
    with serving(db, pictures, "--rate", "1000000") as server:
        with fovea.Client(server.url, key=key) as client:
            client.wait_until_ready()
            files = sorted(str(path) for path in pictures.rglob("*.png"))
            there = {
                "item": [one.item for one in client.items()],
                "name": ["animals", "index.html", "app.js"],
                "job": ["1", "2"],
                "picture": [client.add_picture(files[0]).picture],
                "collection": [one.name for one in client.collections().collections],
                "path": [str(pictures)],
                "q": ["a bird", "一只狗", "a dog - 0.5:water", "ext:png", "@animals", 'not:"a car"'],
                "query": ["a bird", "date:2020.."],
                "file": files[:3],
            }
            client.wait_for_job(client.start_job())
        (tmp_path / "there.json").write_text(json.dumps(there))
        command = [sys.executable, "-c", "from schemathesis.cli import schemathesis; schemathesis()"]
        command += ["--config-file", str(Path(__file__).with_name("schemathesis.toml")), "run"]
        command += [str(GOLDEN), "--url", server.url, "--header", f"Authorization: Bearer {key}", "--seed", SEED]
        command += ["--max-time", str(SECONDS), "--request-timeout", "30", "--continue-on-failure"]
        command += ["--suppress-health-check", "all", "--generation-database", "none", "--warnings", "off", "--no-color"]
        environment = {
            **os.environ,
            "FOVEA_FUZZ": str(tmp_path / "there.json"),
            "SCHEMATHESIS_HOOKS": "fuzz_hooks",
            "PYTHONPATH": str(Path(__file__).parent),
            # Whoever would ask somebody else asks nobody.
            "HTTP_PROXY": "http://127.0.0.1:9",
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
        }
        environment = {name: value for name, value in environment.items() if name not in ("http_proxy", "https_proxy", "no_proxy")}
        done = subprocess.run(
            command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SECONDS * 4 + 120, check=False
        )
        log = (tmp_path / "db.log").read_text()
        assert server.process.poll() is None, f"the server is gone: {log[-2000:]}"
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{log[-2000:]}"
    assert "panicked" not in log
    found = re.search(r"(\d+) generated", done.stdout)
    assert found, done.stdout
    with capsys.disabled():
        print(f"\nSchemathesis: {found[0]}, seed {SEED}, nothing wrong")
