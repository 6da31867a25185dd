#!/usr/bin/env python3
"""Writes testdata/vectors: vector files as NumPy, Faiss, Annoy and pandas write them, with what they hold.

    python3 -m venv VENV && VENV/bin/pip install numpy==2.4.6 faiss-cpu==1.15.1 annoy==1.17.3 pandas==3.1.1 pyarrow==26.0.1
    VENV/bin/python scripts/make_vectors.py

expected.tsv has a line for each file: its name, the metric or "-", the dimension, the ids or "-", the numbers.
graph.tsv has the links of hnsw.faiss: node, level, neighbours. The numbers are small fractions, the same on every
run, that 16-bit floats hold exactly; what a library wrote is read back by the same library for expected.tsv.

The folders named clip are written as clip-retrieval's clip_inference/writer.py does it, with numpy.save and DataFrame.to_parquet.
"""

import importlib.metadata
import shutil
import sys
from pathlib import Path

PINNED = {"numpy": "2.4.6", "faiss-cpu": "1.15.1", "annoy": "1.17.3", "pandas": "3.1.1", "pyarrow": "26.0.1"}
for package, version in PINNED.items():
    try:
        found = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        found = "none"
    if found != version:
        sys.exit(f"make_vectors.py: {package} {version} is needed, there is {found}; see the top of this file")

import annoy  # noqa: E402
import faiss  # noqa: E402
import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

FOLDER = Path(__file__).resolve().parent.parent / "testdata" / "vectors"
ROWS, DIM = 7, 5


def numbers(rows, dim, step=37):
    """Fractions of 16 between -2 and 2, no two rows alike."""
    counts = np.arange(rows * dim).reshape(rows, dim)
    return (((counts * step) % 64 - 32) / 16).astype("float32")


def expect(name, matrix, metric="-", ids=None):
    matrix = np.atleast_2d(np.asarray(matrix, dtype="float32"))
    shown_ids = "-" if ids is None else ",".join(str(i) for i in ids)
    values = ",".join(repr(float(value)) for value in matrix.ravel())
    return f"{name}\t{metric}\t{matrix.shape[1]}\t{shown_ids}\t{values}\n"


def numpy_files():
    matrix = numbers(ROWS, DIM)
    bytes_ = np.arange(ROWS * DIM).reshape(ROWS, DIM) * 7
    arrays = {
        "f2": matrix.astype("<f2"),
        "f4": matrix,
        "f4-big": matrix.astype(">f4"),
        "f4-fortran": np.asfortranarray(matrix),
        "f4-one-dimension": matrix[3],
        "f4-no-rows": matrix[:0],
        "f8": matrix.astype("<f8") / 3,
        "f8-big-fortran": np.asfortranarray(matrix.astype(">f8") / 3),
        "i1": (bytes_ - 128).astype("int8"),
        "u1": bytes_.astype("uint8"),
    }
    for name, array in arrays.items():
        path = FOLDER / f"{name}.npy"
        np.save(path, array)
        yield expect(path.name, np.load(path).astype("float32").reshape(-1, array.shape[-1]))
    for version in [(2, 0), (3, 0)]:
        path = FOLDER / f"version-{version[0]}.npy"
        with open(path, "wb") as file:
            np.lib.format.write_array(file, matrix, version=version)
        yield expect(path.name, np.load(path))
    # These three are refused.
    np.save(FOLDER / "refused-object.npy", np.array([[1, "a"]], dtype=object), allow_pickle=True)
    np.save(FOLDER / "refused-structured.npy", np.zeros(3, dtype=[("x", "<f4"), ("y", "<i4")]))
    np.save(FOLDER / "refused-nan.npy", np.where(matrix == matrix[2, 1], np.nan, matrix))


def texmex_and_big_ann_files():
    """NumPy alone writes these, with the recipes of the benchmarks' own readers."""
    kinds = {"f": ("<f4", numbers(ROWS, DIM)), "i": ("<i4", np.arange(35).reshape(ROWS, DIM) * 1000 - 99)}
    kinds["b"] = ("u1", np.arange(35).reshape(ROWS, DIM) * 7)
    for letter, (kind, matrix) in kinds.items():
        rows = np.ascontiguousarray(matrix.astype(kind)).view("u1")
        heads = np.full((ROWS, 1), DIM, dtype="<i4").view("u1")
        np.hstack([heads, rows]).tofile(FOLDER / f"{letter}.{letter}vecs")
        yield expect(f"{letter}.{letter}vecs", matrix)
    kinds = {"fbin": kinds["f"], "ibin": kinds["i"], "u8bin": kinds["b"], "i8bin": ("i1", kinds["b"][1] - 128)}
    for name, (kind, matrix) in kinds.items():
        with open(FOLDER / f"a.{name}", "wb") as file:
            np.array(matrix.shape, dtype="<u4").tofile(file)
            matrix.astype(kind).tofile(file)
        yield expect(f"a.{name}", matrix)


def faiss_files():
    matrix = numbers(ROWS, DIM)
    ids = np.arange(ROWS) * 1000 - 1
    flat = {
        "flat-ip": faiss.METRIC_INNER_PRODUCT,
        "flat-l2": faiss.METRIC_L2,
        "flat-l1": faiss.METRIC_L1,
        "flat-linf": faiss.METRIC_Linf,
        "flat-lp": faiss.METRIC_Lp,
    }
    for name, metric in flat.items():
        index = {"flat-ip": faiss.IndexFlatIP, "flat-l2": faiss.IndexFlatL2}.get(name)
        index = index(DIM) if index else faiss.IndexFlat(DIM, metric)
        if name == "flat-lp":
            index.metric_arg = 3.5
        index.add(matrix)
        yield faiss_file(name, index, name.removeprefix("flat-"))
    for name, kind in [("idmap", faiss.IndexIDMap), ("idmap2", faiss.IndexIDMap2)]:
        inner = faiss.IndexFlatIP(DIM)
        index = kind(inner)
        index.add_with_ids(matrix, ids)
        yield faiss_file(name, index, "ip", inner, ids)
    yield from hnsw_files(ids)
    index = faiss.index_factory(DIM, "IVF1,Flat")
    index.train(matrix)
    index.add(matrix)
    faiss.write_index(index, str(FOLDER / "refused-ivf.faiss"))


def hnsw_files(ids):
    faiss.omp_set_num_threads(1)
    matrix = numbers(40, 3, step=27)
    index = faiss.IndexHNSWFlat(3, 2, faiss.METRIC_L2)
    index.add(matrix)
    yield faiss_file("hnsw", index, "l2")
    (FOLDER / "graph.tsv").write_text("".join(links(index.hnsw)))
    inner = faiss.IndexHNSWFlat(DIM, 2, faiss.METRIC_INNER_PRODUCT)
    index = faiss.IndexIDMap(inner)
    index.add_with_ids(numbers(ROWS, DIM), ids)
    yield faiss_file("idmap-hnsw", index, "ip", inner, ids)
    yield faiss_file("hnsw-empty", faiss.IndexHNSWFlat(DIM, 2), "l2")


def faiss_file(name, index, metric, inner=None, ids=None):
    path = FOLDER / f"{name}.faiss"
    faiss.write_index(index, str(path))
    inner = inner or faiss.read_index(str(path))
    matrix = inner.reconstruct_n(0, inner.ntotal) if inner.ntotal else np.zeros((0, inner.d))
    return expect(path.name, matrix, metric, ids)


def links(hnsw):
    levels, offsets = faiss.vector_to_array(hnsw.levels), faiss.vector_to_array(hnsw.offsets)
    neighbors = faiss.vector_to_array(hnsw.neighbors)
    yield f"entry\t{hnsw.entry_point}\t{hnsw.nb_neighbors(1)}\n"
    for node, n_levels in enumerate(levels):
        for level in range(n_levels):
            start = offsets[node] + hnsw.cum_nb_neighbors(level)
            end = offsets[node] + hnsw.cum_nb_neighbors(level + 1)
            found = ",".join(str(link) for link in neighbors[start:end] if link >= 0)
            yield f"{node}\t{level}\t{found}\n"


def annoy_files():
    matrix = numbers(ROWS, DIM)
    ids = [0, 1, 3, 4, 8, 9, 12]
    for metric in ["angular", "euclidean", "manhattan", "dot"]:
        index = annoy.AnnoyIndex(DIM, metric)
        index.set_seed(1)
        for i, row in zip(ids, matrix):
            index.add_item(i, row)
        index.build(3, n_jobs=1)
        path = FOLDER / f"{metric}.ann"
        index.save(str(path))
        again = annoy.AnnoyIndex(DIM, metric)
        again.load(str(path))
        yield expect(path.name, [again.get_item_vector(i) for i in ids], metric, ids)


def clip_folders():
    """Two parts, the second with texts that repeat (a dictionary), one missing, and a column of numbers."""
    texts = [["a red house", "ein Haus, grün", "猫"], ["a cat", None, "a cat", "a cat"]]
    for part, captions in enumerate(texts):
        clip_part("clip", part, captions, texts=True)
    many = [f"text {i}" if i % 3 else None for i in range(20)]
    clip_part("clip-version-2", 0, many, use_dictionary=False, data_page_version="2.0", row_group_size=9)
    clip_part("clip-plain", 0, many, compression=None, write_page_checksum=True, data_page_size=16, write_batch_size=4)
    clip_part("refused-clip-gzip", 0, many, compression="gzip")


def clip_part(name, part, captions, texts=False, **options):
    rows, folder = len(captions), FOLDER / name
    for kind in ["img_emb", "metadata"] + ["text_emb"] * texts:
        (folder / kind).mkdir(parents=True, exist_ok=True)
    np.save(folder / f"img_emb/img_emb_{part}.npy", numbers(rows, DIM, 37 + part).astype("float16"))
    if texts:
        np.save(folder / f"text_emb/text_emb_{part}.npy", numbers(rows, DIM, 41 + part).astype("float16"))
    table = pd.DataFrame({"image_path": [f"/pictures/{part}-{i}.jpg" for i in range(rows)], "caption": captions})
    table["width"] = range(rows)
    table.to_parquet(folder / f"metadata/metadata_{part}.parquet", **options)


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    lines = [*numpy_files(), *texmex_and_big_ann_files(), *faiss_files(), *annoy_files()]
    (FOLDER / "expected.tsv").write_text("".join(lines))
    clip_folders()


if __name__ == "__main__":
    main()
