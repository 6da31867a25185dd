#!/usr/bin/env python3
"""Has Fovea make packs of tiny models that came from TensorFlow, and compares what both make of awkward pictures.

    scripts/check_tensorflow [FOVEA]

Run by that script, which installs TensorFlow. Prints a line for each model; the exit code is 1 where one differs.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PROGRAM, STORE = sys.argv[1], Path(sys.argv[2])
TOWERS = Path(__file__).resolve().parent.parent / "crates" / "encode" / "tests" / "towers"
sys.path.insert(0, str(Path(__file__).resolve().parent / "reference"))

import numpy
import savedmodel

# Vectors are kept in 16 bits.
COSINE = 0.9999


def fovea(place, *arguments):
    environment = os.environ | {"FOVEA_MODELS": str(place / "models"), "FOVEA_DB": str(place / "db")}
    told = subprocess.run([PROGRAM, "--json", *map(str, arguments)], env=environment, capture_output=True, text=True)
    if told.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: exit code {told.returncode}: {told.stderr}{told.stdout}")
    return [json.loads(line) for line in told.stdout.splitlines() if line.startswith("{")]


def check(place, name):
    said = savedmodel.make(name, place, TOWERS)["pictures"]
    [added] = fovea(place, "models", "add", place / name, "--name", name)
    assert "turned to channels last" in added["sees"]["input"], added["sees"]
    has_words = added["trial"]["wordless"] is None
    assert has_words == (name == "keras"), added["trial"]
    fovea(place, "--collection", name, "index", TOWERS / "pictures", "--model", name)
    out = place / f"{name}.npy"
    fovea(place, "--collection", name, "export", out, "--space", "visual")
    rows = [json.loads(line) for line in Path(f"{out}.names.jsonl").read_text().splitlines()]
    least, count = 1.0, 0
    for row, vector in zip(rows, numpy.load(out), strict=True):
        picture = Path(row["path"]).name
        if picture in said:
            wanted = numpy.array(said[picture])
            cosine = float(vector @ wanted / numpy.linalg.norm(vector) / numpy.linalg.norm(wanted))
            assert cosine >= COSINE, f"{name}, {picture}: cosine {cosine}"
            least, count = min(least, cosine), count + 1
    assert count == len(said) >= 20, (count, len(said))
    print(f"ok  {name}: {count} pictures, cosines from {least:.7f}")


with tempfile.TemporaryDirectory() as scratch:
    scratch = Path(scratch)
    (scratch / "models").mkdir()
    (scratch / "models" / "base").symlink_to(STORE / "base")
    for each in savedmodel.MODELS:
        check(scratch, each)
