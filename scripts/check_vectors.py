#!/usr/bin/env python3
"""Has NumPy, Faiss, Annoy and pandas read what Fovea writes and write what it reads, and compares every number.

    scripts/check_vectors [FOVEA WRITE_VECTORS]

Run by that script, which installs the packages. FOVEA is the program, WRITE_VECTORS the example of fovea-vectordb.
Prints a line for each check; the exit code is 1 where one fails.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import annoy
import faiss
import numpy as np
import pandas as pd

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


class Program:
    """The fovea program on a database of its own, one collection a case."""

    def __init__(self, path, place):
        self.path, self.place = path, Path(place)

    def __call__(self, collection, *arguments):
        command = [self.path, "--db", self.place / "db", "--collection", collection, "--json", *map(str, arguments)]
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert ran.returncode == 0, ran.stderr or ran.stdout
        return [json.loads(line) for line in ran.stdout.splitlines()]

    def search(self, collection, k):
        """Names after the `#`, and scores, of the nearest to each query."""
        answers = self(collection, "search", "--vector", self.place / "queries.npy", "-n", k)
        names = [[int(found["path"].rsplit("#")[1]) for found in answer["results"]] for answer in answers]
        return np.array(names), np.array([[found["score"] for found in answer["results"]] for answer in answers])


RANDOM = np.random.default_rng(7)
# Lengths differ by a factor of hundreds, so that metrics and widths cannot be mixed up.
MANY = (RANDOM.normal(size=(300, 24)) * RANDOM.lognormal(2, 2, size=(300, 1))).astype("float32")
QUERIES = RANDOM.normal(size=(20, 24)).astype("float32") * 10
IDS = np.arange(300) * 7 + 3


def faiss_finds_the_same(program, name, index, ids=None, truth=None):
    """A file that Faiss wrote answers as Faiss does, and so does the one that comes back."""
    path = program.place / f"{name}.faiss"
    faiss.write_index(index, str(path))
    program(name, "import", path)
    truth = truth or index
    names, scores = program.search(name, 5)
    distances, expected = truth.search(QUERIES, 5)
    assert (names == (expected if ids is None else ids[expected])).all(), (names, expected)
    sign = -1 if truth.metric_type == faiss.METRIC_L2 else 1
    assert np.allclose(scores, sign * distances, rtol=1e-5), (scores, distances)
    for ending in ["faiss", "npy", "fvecs", "fbin"]:
        program(name, "export", program.place / f"{name}-out.{ending}")
    again = faiss.read_index(str(program.place / f"{name}-out.faiss"))
    assert again.metric_type == truth.metric_type and (again.search(QUERIES, 5)[1] == expected).all()
    same(again.reconstruct_n(0, again.ntotal), MANY)
    same(np.load(program.place / f"{name}-out.npy"), MANY)
    rows = np.fromfile(program.place / f"{name}-out.fvecs", dtype="<i4").reshape(-1, 25)
    same(rows[:, 1:].copy().view("<f4"), MANY)
    same(read_fbin(program.place / f"{name}-out.fbin"), MANY)


def flat(kind):
    index = kind(24)
    index.add(MANY)
    return index


def id_map(program):
    index = faiss.IndexIDMap(faiss.IndexFlatL2(24))
    index.add_with_ids(MANY, IDS)
    faiss_finds_the_same(program, "idmap", index, IDS, flat(faiss.IndexFlatL2))


def hnsw(program):
    index = faiss.IndexHNSWFlat(24, 8)
    index.add(MANY)
    faiss_finds_the_same(program, "hnsw", index, truth=flat(faiss.IndexFlatL2))


def numpy_finds_the_same(program, name, path, rows, *flags):
    """By the cosine, against NumPy's own arithmetic."""
    program(name, "import", path, *flags)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    cosines = QUERIES / np.linalg.norm(QUERIES, axis=1, keepdims=True) @ unit.T
    expected = np.argsort(-cosines, axis=1)[:, :5]
    names, scores = program.search(name, 5)
    assert (names == expected).all(), (names, expected)
    assert np.allclose(scores, np.take_along_axis(cosines, expected, axis=1), atol=1e-5), scores


def fortran(program):
    path = program.place / "fortran.npy"
    np.save(path, np.asfortranarray(MANY.astype(">f8")))
    numpy_finds_the_same(program, "fortran", path, MANY)


def of_annoy(program):
    index = annoy.AnnoyIndex(24, "angular")
    for row, vector in enumerate(MANY):
        index.add_item(row, vector)
    index.build(3)
    path = program.place / "angular.ann"
    index.save(str(path))
    numpy_finds_the_same(program, "annoy", path, MANY, "--annoy-dim", 24, "--annoy-metric", "angular")


def of_clip_retrieval(program):
    """As clip-retrieval writes it, with pandas; what comes back says the same of each picture."""
    folder, out = program.place / "clip-in", program.place / "clip-out"
    for kind in ["img_emb", "text_emb", "metadata"]:
        (folder / kind).mkdir(parents=True)
    names = [f"/pictures/{row:03}.jpg" for row in range(300)]
    table = pd.DataFrame({"image_path": names, "caption": [f"picture {row}" for row in range(300)]})
    table.to_parquet(folder / "metadata/metadata_0.parquet")
    np.save(folder / "img_emb/img_emb_0.npy", MANY)
    np.save(folder / "text_emb/text_emb_0.npy", MANY[::-1])
    program("clip", "import", folder, "--metric", "ip")
    program("clip", "export", out, "--kind", "clip-retrieval")
    same(np.load(out / "img_emb/img_emb_0.npy"), MANY)
    same(np.load(out / "text_emb/text_emb_0.npy"), MANY[::-1])
    again = pd.read_parquet(out / "metadata/metadata_0.parquet")
    assert again.equals(table) or (again == table).all().all(), again


def program_checks(program):
    np.save(program.place / "queries.npy", QUERIES)
    yield "Faiss, IndexFlatL2", lambda: faiss_finds_the_same(program, "l2", flat(faiss.IndexFlatL2))
    yield "Faiss, IndexFlatIP", lambda: faiss_finds_the_same(program, "ip", flat(faiss.IndexFlatIP))
    yield "Faiss, IndexIDMap", lambda: id_map(program)
    yield "Faiss, IndexHNSWFlat", lambda: hnsw(program)
    yield "NumPy, big-endian doubles in Fortran order", lambda: fortran(program)
    yield "Annoy, angular", lambda: of_annoy(program)
    yield "clip-retrieval, by pandas", lambda: of_clip_retrieval(program)


def all_checks(place, fovea, write_vectors):
    subprocess.run([write_vectors, Path(place) / "written"], check=True)
    for name, check in checks(place):
        yield f"written {name}", lambda check=check, name=name: check(Path(place) / "written" / name)
    yield from program_checks(Program(fovea, place))


def main():
    fovea, write_vectors = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        for name, check in all_checks(place, fovea, write_vectors):
            try:
                check()
                print(f"{name}: the same")
            except Exception as error:  # What a library says of a file it cannot read is the finding.
                failed += 1
                print(f"{name}: {type(error).__name__}: {error}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
