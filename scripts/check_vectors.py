#!/usr/bin/env python3
"""Has NumPy, Faiss and pandas read what Fovea writes, and compares every number.

    python3 -m venv VENV && VENV/bin/pip install numpy==2.4.6 faiss-cpu==1.15.1 pandas==3.1.1 pyarrow==26.0.1
    VENV/bin/python scripts/check_vectors.py

Builds and runs the example write_vectors of fovea-vectordb; needs cargo. Other versions of the packages should do.
Prints a line for each file; the exit code is 1 where one differs.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import faiss
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parent.parent
ROWS, DIM = 20, 5
METRICS = {
    "ip": faiss.METRIC_INNER_PRODUCT,
    "l2": faiss.METRIC_L2,
    "l1": faiss.METRIC_L1,
    "linf": faiss.METRIC_Linf,
    "lp": faiss.METRIC_Lp,
}


def numbers(step):
    counts = np.arange(ROWS * DIM).reshape(ROWS, DIM)
    return (((counts * step) % 64 - 32) / 16).astype("float32")


def read_npy(path, dtype="float32"):
    array = np.load(path, allow_pickle=False)
    assert array.dtype == dtype and array.flags.c_contiguous, (array.dtype, array.flags)
    mapped = np.load(path, mmap_mode="r", allow_pickle=False)
    assert len(array) == 0 or mapped.ctypes.data % 64 == 0, "the numbers cannot be mapped where they lie"
    return array.astype("float32")


def read_fvecs(path):
    rows = np.fromfile(path, dtype="<i4").reshape(-1, DIM + 1)
    assert (rows[:, 0] == DIM).all(), rows[:, 0]
    return rows[:, 1:].copy().view("<f4")


def read_fbin(path):
    shape = np.fromfile(path, dtype="<u4", count=2)
    return np.fromfile(path, dtype="<f4", offset=8).reshape(shape)


def read_faiss(path):
    index = faiss.read_index(str(path))
    assert index.metric_type == METRICS[path.stem] and index.is_trained and index.d == DIM
    assert path.stem != "lp" or index.metric_arg == 3.5
    distances, ids = index.search(numbers(37)[:3], 1)
    assert path.stem == "ip" or (ids[:, 0] == range(3)).all(), (distances, ids)
    # The same bytes as Faiss itself writes.
    again = path.with_suffix(".again")
    faiss.write_index(index, str(again))
    assert again.read_bytes() == path.read_bytes(), "Faiss writes other bytes"
    return index.reconstruct_n(0, index.ntotal)


def check_metadata(path):
    table = pd.read_parquet(path)
    texts = [f"ein Haus, grün {i} {'猫' * 60_000}" if i % 3 else None for i in range(ROWS)]
    assert list(table.columns) == ["image_path", "caption"], table.columns
    assert list(table["image_path"]) == [f"/pictures/{i}.jpg" for i in range(ROWS)]
    assert [text if isinstance(text, str) else None for text in table["caption"]] == texts


def checks(folder):
    yield "a.npy", lambda path: same(read_npy(path))
    yield "half.npy", lambda path: same(read_npy(path, "float16"))
    yield "no-rows.npy", lambda path: same(read_npy(path), numbers(37)[:0])
    yield "a.fvecs", lambda path: same(read_fvecs(path))
    yield "a.fbin", lambda path: same(read_fbin(path))
    for name in METRICS:
        yield f"{name}.faiss", lambda path: same(read_faiss(path))
    yield "clip/img_emb/img_emb_0.npy", lambda path: same(read_npy(path))
    yield "clip/text_emb/text_emb_0.npy", lambda path: same(read_npy(path), numbers(41))
    yield "clip/metadata/metadata_0.parquet", check_metadata


def same(found, expected=None):
    expected = numbers(37) if expected is None else expected
    assert found.shape == expected.shape and (found == expected).all(), f"{found} is not {expected}"


def main():
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        cargo = [os.environ.get("CARGO", "cargo"), "run", "--quiet", "--locked", "-p", "fovea-vectordb"]
        subprocess.run([*cargo, "--example", "write_vectors", "--", place], cwd=ROOT, check=True)
        for name, check in checks(place):
            try:
                check(Path(place) / name)
                print(f"{name}: as written")
            except Exception as error:  # What a library says of a file it cannot read is the finding.
                failed += 1
                print(f"{name}: {type(error).__name__}: {error}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
