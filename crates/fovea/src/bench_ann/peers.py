"""The indexes of others, for `fovea bench ann`: hnswlib, Faiss and usearch over one set of vectors.

    python3 peers.py FOLDER STORE          answers one JSON object a line on standard input
    python3 peers.py FOLDER STORE --weigh NAME    prints what the saved index takes of memory

FOLDER holds `base.npy` (rows of unit length, so that inner product ranks as cosine and L2 do); STORE keeps built indexes
with what building took. Questions, each answered by one line:

    {"do": "list"}                                        what there is, and which is built
    {"do": "build", "name": N}                            builds an index and saves it with what that took
    {"do": "open", "name": N}                             loads a built index
    {"do": "search", "name": N, "effort": E, "queries": F, "count": Q, "k": K}    answers the first Q rows of file F, one thread;
                                                          for Faiss also on more, with "threads": T
    {"do": "close", "name": N}

Searching uses one thread, building all. Queries go in one call, so that Python's own time is not counted; Faiss's exact
scan gets them one by one, because with many at once it multiplies matrices, which answers another question.
"""

import gc
import json
import os
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import faiss
import hnswlib
import numpy as np
import usearch
from usearch.index import Index as UsearchIndex

EF_CONSTRUCTION = 200
LINKS = (32, 64, 16, 96)
# Links a node over which a graph of short vectors only grows slower.
MOST_LINKS_OF_SHORT = 64
SHORT = 128
THREADS = os.cpu_count() or 1
EF = (10, 12, 16, 20, 24, 32, 40, 48, 64, 80, 96, 128, 160, 192, 256, 320, 384, 512, 768, 1024, 1536, 2048)


class Hnswlib:
    version = metadata.version("hnswlib")

    def __init__(self, dim, links):
        self.dim, self.links = dim, links
        self.index = hnswlib.Index(space="ip", dim=dim)

    def build(self, base):
        self.index.init_index(max_elements=len(base), ef_construction=EF_CONSTRUCTION, M=self.links)
        self.index.add_items(base, num_threads=THREADS)

    def save(self, path):
        self.index.save_index(str(path))

    def load(self, path):
        self.index.load_index(str(path))

    def search(self, queries, k, effort):
        self.index.set_ef(max(effort, k))
        return self.index.knn_query(queries, k, num_threads=1)[0]


class Faiss:
    version = faiss.__version__
    one_by_one = False

    def build(self, base):
        faiss.omp_set_num_threads(THREADS)
        self.index = self.made(base)
        if not self.index.is_trained:
            self.index.train(base)
        self.index.add(base)

    def save(self, path):
        faiss.write_index(self.index, str(path))

    def load(self, path):
        self.index = faiss.read_index(str(path))

    def search(self, queries, k, effort, threads=1):
        faiss.omp_set_num_threads(threads)
        self.set(max(effort, 1), k)
        if self.one_by_one:
            return np.concatenate([self.index.search(query[None], k)[1] for query in queries])
        return self.index.search(queries, k)[1]


class FaissFlat(Faiss):
    one_by_one = True

    def made(self, base):
        return faiss.IndexFlatIP(base.shape[1])

    def set(self, effort, k):
        pass


class FaissHnsw(Faiss):
    def __init__(self, links, sq8):
        self.links, self.sq8 = links, sq8

    def made(self, base):
        dim, metric = base.shape[1], faiss.METRIC_INNER_PRODUCT
        if self.sq8:
            index = faiss.IndexHNSWSQ(dim, faiss.ScalarQuantizer.QT_8bit, self.links, metric)
        else:
            index = faiss.IndexHNSWFlat(dim, self.links, metric)
        index.hnsw.efConstruction = EF_CONSTRUCTION
        return index

    def set(self, effort, k):
        self.index.hnsw.efSearch = max(effort, k)


class FaissIvfPq(Faiss):
    """Four-bit codes in the packed layout, then the best re-ranked by the vectors themselves."""

    def __init__(self, candidates):
        self.candidates = candidates

    def made(self, base):
        n, dim = base.shape
        n_lists = 1 << max(4, round(float(np.log2(4 * n**0.5))))
        return faiss.index_factory(dim, f"IVF{n_lists},PQ{dim // 2}x4fs,RFlat", faiss.METRIC_INNER_PRODUCT)

    def set(self, effort, k):
        self.index.k_factor = self.candidates
        faiss.downcast_index(self.index.base_index).nprobe = effort


class Usearch:
    version = usearch.__version__

    def __init__(self, dim, links, dtype):
        self.index = UsearchIndex(ndim=dim, metric="ip" if dtype == "f32" else "cos", dtype=dtype, connectivity=links,
                                  expansion_add=EF_CONSTRUCTION)

    def build(self, base):
        self.index.add(np.arange(len(base)), base, threads=THREADS)

    def save(self, path):
        self.index.save(str(path))

    def load(self, path):
        self.index.load(str(path))

    def search(self, queries, k, effort):
        self.index.expansion_search = max(effort, k)
        found = self.index.search(queries, k, threads=1).keys
        return np.asarray(found).reshape(len(queries), -1)


def contenders(n, dim):
    """Name -> (system, file, maker, efforts). Those that are told apart by a search setting share a file."""
    lists = 1 << max(4, round(float(np.log2(4 * n**0.5))))
    probes = [effort for effort in (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024) if effort <= lists]
    found = {"Faiss flat": ("Faiss flat", "faiss-flat", FaissFlat, [1])}
    for links in LINKS:
        if dim < SHORT and links > MOST_LINKS_OF_SHORT:
            continue
        for system, file, maker in (
            ("hnswlib", "hnswlib", lambda m=links: Hnswlib(dim, m)),
            ("Faiss HNSW", "faiss-hnsw", lambda m=links: FaissHnsw(m, False)),
            ("Faiss HNSW-SQ8", "faiss-hnsw-sq8", lambda m=links: FaissHnsw(m, True)),
            ("usearch f32", "usearch-f32", lambda m=links: Usearch(dim, m, "f32")),
            ("usearch i8", "usearch-i8", lambda m=links: Usearch(dim, m, "i8")),
        ):
            found[f"{system} M={links}"] = (system, f"{file}-m{links}", maker, list(EF))
    for candidates in (4, 16, 64):
        found[f"Faiss IVF-PQ refine {candidates}k"] = (
            "Faiss IVF-PQ", "faiss-ivf-pq", lambda c=candidates: FaissIvfPq(c), probes)
    return found


class Bench:
    def __init__(self, folder, store):
        self.folder, self.store = Path(folder), Path(store)
        shape = np.load(self.folder / "base.npy", mmap_mode="r").shape
        self.n, self.dim = shape
        self.contenders = contenders(*shape)
        self.open_ones = {}
        self.queries = {}

    def base(self):
        return np.ascontiguousarray(np.load(self.folder / "base.npy"), dtype=np.float32)

    def place(self, name):
        _, file, maker, _ = self.contenders[name]
        return str(self.store / f"{file}-{maker().version}")

    def card(self, name):
        try:
            return json.loads(Path(self.place(name) + ".json").read_text())
        except (OSError, ValueError):
            return None

    def build(self, name):
        self.store.mkdir(parents=True, exist_ok=True)
        place, index, base = self.place(name), self.contenders[name][2](), self.base()
        load, cpu, started = os.getloadavg()[0], time.process_time(), time.perf_counter()
        index.build(base)
        built = {"build_s": time.perf_counter() - started, "build_cpu_s": time.process_time() - cpu, "threads": THREADS,
                 "load": load, "built": time.strftime("%Y-%m-%d %H:%M"), "version": index.version}
        index.save(place + ".partial")
        os.replace(place + ".partial", place + ".index")
        del index, base
        weighed = subprocess.run([sys.executable, __file__, self.folder, self.store, "--weigh", name], check=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        built["bytes_per_vector"] = json.loads(weighed.stdout)["bytes"] / self.n
        Path(place + ".json").write_text(json.dumps(built))

    # --- questions ---

    def do_list(self, ask):
        rows = [{"name": name, "system": system, "efforts": efforts, "built": self.card(name) is not None}
                for name, (system, _, _, efforts) in self.contenders.items()]
        return {"contenders": rows, "threads": THREADS,
                "simd": {"Faiss": simd_of_faiss(), "usearch": UsearchIndex(ndim=8, dtype="f32").hardware_acceleration}}

    def do_build(self, ask):
        if self.card(ask["name"]) is None or ask.get("again"):
            self.build(ask["name"])
        return {}

    def do_open(self, ask):
        name = ask["name"]
        if name not in self.open_ones:
            index = self.contenders[name][2]()
            index.load(f"{self.place(name)}.index")
            self.open_ones[name] = index
        return self.card(name)

    def do_close(self, ask):
        self.open_ones.pop(ask["name"], None)
        gc.collect()
        return {}

    def do_search(self, ask):
        if ask["queries"] not in self.queries:
            rows = np.load(self.folder / ask["queries"])
            self.queries[ask["queries"]] = np.ascontiguousarray(rows, dtype=np.float32)
        queries = self.queries[ask["queries"]][: ask["count"]]
        index = self.open_ones[ask["name"]]
        started = time.perf_counter()
        more = {"threads": ask["threads"]} if "threads" in ask else {}
        ids = index.search(queries, ask["k"], ask["effort"], **more)
        seconds = time.perf_counter() - started
        return {"seconds": seconds, "ids": np.asarray(ids).astype(np.int64).ravel().tolist()}

    def serve(self):
        for line in sys.stdin:
            ask = json.loads(line)
            try:
                answer = getattr(self, "do_" + ask["do"])(ask)
            except Exception as error:  # whatever a peer raises is an answer, not the end
                answer = {"error": f"{type(error).__name__}: {error}"}
            print(json.dumps(answer), flush=True)

    def weigh(self, name):
        """Memory that the index itself takes, mapped files not counted, in a process that did nothing else."""
        index = self.contenders[name][2]()
        queries = np.ascontiguousarray(np.load(self.folder / "base.npy", mmap_mode="r")[:100], dtype=np.float32)
        before = resident()
        index.load(f"{self.place(name)}.index")
        index.search(queries, 10, 64)
        print(json.dumps({"bytes": resident() - before}))


def simd_of_faiss():
    """The level that this machine gets; packages before 1.13 have one a module."""
    try:
        return faiss.SIMDConfig.get_level_name()
    except AttributeError:
        return faiss.get_compile_options().strip()


def resident():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


if __name__ == "__main__":
    bench = Bench(sys.argv[1], sys.argv[2])
    if "--weigh" in sys.argv:
        bench.weigh(sys.argv[sys.argv.index("--weigh") + 1])
    else:
        bench.serve()
