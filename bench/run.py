#!/usr/bin/env python3
"""Prints every number that Fovea promises, beside what it must be and beside its peer.

    python3 bench/run.py [eval|ingest|efficiency|memory|reindex|cold|query|scale|all]... [--rounds N] [--json FILE]

Runs target/release/fovea (or $FOVEA_BIN) as a user would, against databases made for the run, and
the plain Python way (peer.py) in turns with it, on the same files. Times are of whole processes
from start to exit, median of the rounds; every file is read once before, so that neither side
waits for the disk. Memory is the largest resident set that the kernel saw (ru_maxrss).

Needs Python 3.11 with pip. The first run fills $FOVEA_CACHE/bench: pictures (images.py, two
minutes, 1.5 GB), the stamps, and the peer's packages (requirements.txt). Exit code 1: a bar is missed.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
CACHE = Path(os.environ.get("FOVEA_CACHE")
             or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fovea")
DATA = CACHE / "bench"
STAMPS = CACHE / "stamps"
PICTURES = DATA / "pictures-1"  # the number grows with what images.py makes

MIB = 1024 * 1024


def main():
    options = parse()
    bench = Bench(options.rounds)
    if bench.load > 0.5:
        say(f"note: something else keeps {bench.load:.1f} cores busy; times and the efficiency will be worse for it")
    try:
        for what in options.what:
            BENCHES[what](bench)
    except KeyboardInterrupt:
        say("interrupted: what was measured until now follows")
    finally:
        bench.close()
    bench.print_table()
    if options.json:
        Path(options.json).write_text(json.dumps(bench.report(), indent=2) + "\n")
    return 0 if bench.passed() else 1


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("what", nargs="*", metavar="WHAT", help=" ".join(BENCHES) + " all (default: all)")
    parser.add_argument("--rounds", type=int, default=3, help="turns that each side takes (default: 3)")
    parser.add_argument("--json", metavar="FILE", help="also write the numbers here")
    options = parser.parse_args()
    unknown = set(options.what) - BENCHES.keys() - {"all"}
    if unknown:
        parser.error(f"no such benchmark: {' '.join(unknown)}; there are {' '.join(BENCHES)}")
    if not options.what or "all" in options.what:
        options.what = list(BENCHES)
    return options


# --- The benchmarks -------------------------------------------------------------------


def bench_eval(bench):
    """Captions find their stamps, indexed without captions, among the stamps that the file names."""
    db = bench.index_of_stamps()
    answer = bench.fovea("--db", db, "eval", "--captions", STAMPS / "captions-photographic.tsv",
                         "--candidates", "listed", "--lang", "en", "--lang", "zh", "--json").json()
    languages = {found["lang"]: found for found in answer["languages"]}
    for lang, n_queries, measure, bar in (
        ("en", 374, "recall_at_10", 0.52), ("en", 374, "recall_at_1", 0.28), ("zh", 310, "recall_at_10", 0.45),
    ):
        found = languages[lang]
        value = found[measure]["value"]
        interval = f"95% confidence {found[measure]['low']:.3f} to {found[measure]['high']:.3f}"
        if found["n_queries"] != n_queries:
            sys.exit(f"run.py: {found['n_queries']} {lang} captions were asked, expected {n_queries}")
        bench.row(f"{n_queries} {lang} captions of {answer['n_candidates']} stamps, {short(measure)}",
                  value, ">=", bar, "{:.3f}", interval)


def bench_ingest(bench):
    """The same folder into vectors: Fovea and the peer in turns."""
    for folder, what, bar in (
        (PICTURES / "2mp", "2,000 JPEGs of 2 megapixels", 1.5),
        (STAMPS / "stamps", "785 stamps (PNG)", 1.3),
        (PICTURES / "12mp", "100 JPEGs of 12 megapixels", 3.0),
    ):
        bench.need(folder)
        warm(folder)
        peer, ours = [], []
        for turn in range(bench.rounds):
            say(f"{what}: turn {turn + 1} of {bench.rounds}")
            peer.append(bench.peer(folder))
            ours.append(bench.index(folder, bench.new_db()))
        n_images = peer[0].json()["n_images"]
        if ours[0].json()["added"] != n_images:
            sys.exit(f"run.py: Fovea added {ours[0].json()['added']} images and the peer read {n_images}")
        ours_s, peer_s = median(run.wall_s for run in ours), median(run.wall_s for run in peer)
        detail = (f"Fovea {n_images / ours_s:.1f} images/s, peer {n_images / peer_s:.1f} "
                  f"(its loop alone {median(run.json()['images_per_s'] for run in peer):.1f})")
        bench.row(f"ingest over peer, {what}", peer_s / ours_s, ">=", bar, "{:.2f}x", detail)


def bench_efficiency(bench):
    """Stages alone on one thread, summed, over cores times wall time of the whole."""
    bench.need(PICTURES / "2mp")
    answer = bench.fovea("bench", "ingest", PICTURES / "2mp", "--json").json()
    stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in answer["stages_s"].items())
    bench.row("pipeline efficiency, 2,000 JPEGs of 2 megapixels", answer["efficiency"], ">=", 0.85, "{:.2f}",
              f"{stages}: {answer['sum_s']:.1f} s over {answer['cores']} x {answer['wall_s']:.1f} s")


def bench_memory(bench):
    """The largest resident set while indexing: bounded, and the same for ten times as many."""
    bench.need(PICTURES / "small", PICTURES / "12mp")
    bench.db_of_small()
    peaks = {
        "1,000 small images": bench.index(PICTURES / "small" / "00", bench.new_db()).peak_mib,
        "10,000 small images": bench.small_peak_mib,
        "100 JPEGs of 12 megapixels": bench.index(PICTURES / "12mp", bench.new_db()).peak_mib,
    }
    for what, peak in peaks.items():
        bench.row(f"peak memory, {what}", peak, "<=", 700, "{:.0f} MB")
    growth = peaks["10,000 small images"] / peaks["1,000 small images"]
    bench.row("peak memory, 10,000 over 1,000 images", growth, "<=", 1.15, "{:.2f}x",
              f"flat: at most 15% more; within the 10,000: {bench.small_curve.text()}")


def bench_reindex(bench):
    """Nothing has changed in 10,000 files; Python's own walk with stat beside it."""
    db = bench.db_of_small()
    runs = [bench.index(PICTURES / "small", db) for _ in range(max(3, bench.rounds))]
    if runs[-1].json()["encoded"] != 0:
        sys.exit("run.py: unchanged files were encoded again")
    walk = median(timed(walk_and_stat, PICTURES / "small") for _ in runs)
    bench.row("re-index of 10,000 unchanged files", median(run.wall_s for run in runs), "<=", 1.0, "{:.2f} s",
              f"os.walk with stat in Python: {walk:.2f} s")


def bench_cold(bench):
    """A search as typed, process start to exit; once more with its files out of the page cache."""
    db = bench.index_of_stamps()
    queries = ["a red fruit", "ein Vogel", "一只猫", "un bateau", "musical instrument"]
    cached, evicted = [], []
    for turn in range(max(9, 3 * bench.rounds)):
        query = queries[turn % len(queries)]
        cached.append(bench.fovea("--db", db, "search", query, "--json").wall_s)
    for turn in range(max(5, bench.rounds)):
        evict(db, bench.models, bench.program)
        evicted.append(bench.fovea("--db", db, "search", queries[turn % len(queries)], "--json").wall_s)
    bench.row("cold search over the stamps", median(cached), "<=", 0.5, "{:.3f} s", f"slowest {max(cached):.3f} s")
    bench.row("the same, its files dropped from the page cache", median(evicted), "<=", 0.5, "{:.3f} s",
              f"slowest {max(evicted):.3f} s")


def bench_query(bench):
    """Real captions, English and Chinese, over 10,000 images in one warm process."""
    db = bench.db_of_small()
    lines = [line.rstrip("\n").split("\t") for line in
             (STAMPS / "captions-photographic.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    queries = bench.scratch / "queries.txt"
    queries.write_text("".join(f"{text}\n" for _, lang, text in lines if lang in ("en", "zh")), encoding="utf-8")
    answer = bench.fovea("--db", db, "bench", "query", "--queries", queries, "--json").json()
    if answer["n_items"] != 10_000:
        sys.exit(f"run.py: the collection has {answer['n_items']} images, expected 10,000")
    detail = f"{answer['n_queries']} searches, text encoding included"
    bench.row("warm query over 10,000 images, p50", answer["p50_ms"], "<=", 5, "{:.2f} ms", detail)
    bench.row("warm query over 10,000 images, p99", answer["p99_ms"], "<=", 15, "{:.2f} ms",
              f"slowest {answer['max_ms']:.2f} ms")


def bench_scale(bench):
    """A million drawn vectors of 512 numbers in the database with an index, and a thousand more."""
    vectors = DATA / "ann" / "synthetic-512"
    bench.fovea("bench", "ann", "--dataset", "synthetic-512", "--prepare-only", "--no-build")
    db, new = bench.new_db(), vectors / "image-measure.npy"
    say("importing 1,000,000 vectors and building their index (minutes)")
    built = bench.fovea("--db", db, "import", vectors / "base.npy", "--json")
    say(f"imported and indexed in {built.wall_s:.0f} s, {built.peak_mib:,.0f} MB at most")

    def search(file, row):
        return bench.fovea("--db", db, "search", "--vector", file, "--row", str(row), "--json")

    runs = [search(vectors / "image-tune.npy", row) for row in range(max(9, 3 * bench.rounds))]
    took = [run.json()["took_ms"] for run in runs]
    opened = median(run.wall_s - ms / 1000 for run, ms in zip(runs, took))
    bench.row("1,000,000 x 512: open the database and its index, as a process", opened, "<=", 0.3, "{:.3f} s")
    bench.row("1,000,000 x 512: first query", median(took), "<=", 50, "{:.1f} ms", f"slowest {max(took):.1f} ms")

    started = time.perf_counter()
    added = bench.fovea("--db", db, "import", new, "--json")
    found = search(new, 999)
    total = time.perf_counter() - started
    first = found.json()["results"][0]["path"]
    if not first.endswith("#999"):
        sys.exit(f"run.py: a vector that was imported is not what is nearest to it, but {first}")
    bench.row("1,000 new vectors into 1,000,000: imported and found", total, "<=", 1.0, "{:.2f} s",
              f"import {added.wall_s:.2f} s, search {found.wall_s:.2f} s, each a process")


BENCHES = {
    "eval": bench_eval, "ingest": bench_ingest, "efficiency": bench_efficiency, "memory": bench_memory,
    "reindex": bench_reindex, "query": bench_query, "cold": bench_cold, "scale": bench_scale,
}


# --- Running things -------------------------------------------------------------------


class Run:
    """One finished process: wall time, largest resident set, and what it printed."""

    def __init__(self, command, env=None, curve=None):
        command = [str(word) for word in command]
        started = time.perf_counter()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, env=env)
        if curve:
            curve.start(process.pid)
        self.printed = process.stdout.read().decode("utf-8")
        if curve:
            curve.stop()
        _, status, usage = os.wait4(process.pid, 0)
        self.wall_s = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        process.stdout.close()
        unit = 1 if sys.platform == "darwin" else 1024
        self.peak_mib = usage.ru_maxrss * unit / MIB
        if process.returncode not in (0, 1):
            sys.exit(f"run.py: {' '.join(command)} ended with {process.returncode}")

    def json(self):
        return json.loads(self.printed.splitlines()[-1])


class Curve:
    """The resident set of a process that indexes, once a second, beside how many previews lie there by then."""

    MARKS = (1_000, 2_500, 5_000, 7_500, 10_000)
    WINDOW = 500  # images before a mark over which its median is taken

    def __init__(self, previews):
        self._previews = previews
        self._samples = []  # (images, resident MiB, largest resident MiB until then)
        self._stopped = threading.Event()

    def start(self, pid):
        self._thread = threading.Thread(target=self._sample, args=(pid,), daemon=True)
        self._thread.start()

    def stop(self):
        self._stopped.set()
        self._thread.join()

    def _sample(self, pid):
        while not self._stopped.wait(1):
            try:
                lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            except OSError:  # it has ended, or this system is not Linux
                return
            values = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith(("VmRSS", "VmHWM"))}
            if len(values) == 2:
                resident, largest = (int(values[name]) * 1024 / MIB for name in ("VmRSS", "VmHWM"))
                self._samples.append((len(files_below(self._previews)), resident, largest))

    def text(self):
        marks = [self._at(mark) for mark in self.MARKS]
        return ", ".join(filter(None, marks)) or "no curve, the system has no /proc"

    def _at(self, mark):
        near = [sample for sample in self._samples if mark - self.WINDOW <= sample[0] <= mark]
        if not near:
            return None
        middle = median(resident for _, resident, _ in near)
        return f"{middle:.0f} MB (peak {near[-1][2]:.0f}) at {mark:,}"


class Bench:
    """What is shared by the benchmarks of one run: the program, databases, the peer, the rows."""

    def __init__(self, rounds):
        self.rounds = rounds
        self.load = os.getloadavg()[0]
        self.rows = []
        target = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")
        self.program = Path(os.environ.get("FOVEA_BIN") or target / "release" / "fovea")
        if not self.program.exists():
            sys.exit(f"run.py: {self.program} is missing: cargo build --release --package fovea")
        DATA.mkdir(parents=True, exist_ok=True)
        self.scratch = Path(tempfile.mkdtemp(prefix="run-", dir=DATA))
        self._dbs = {}
        self._n_dbs = 0
        self.fovea("models", "pull", "base")
        self.models = Path(self.fovea("models", "info", "base", "--json").json()["folder"])

    def close(self):
        shutil.rmtree(self.scratch, ignore_errors=True)

    def fovea(self, *arguments, curve=None):
        return Run([self.program, "--quiet", *arguments], curve=curve)

    def index(self, folder, db, curve=None):
        return self.fovea("--db", db, "index", folder, "--captions", "none", "--json", curve=curve)

    def peer(self, folder):
        model = next(iter(sorted(self.models.glob("**/*.onnx"))), None)
        if model is None:
            sys.exit(f"run.py: no .onnx file in {self.models}")
        return Run([sys.executable, HERE / "peer.py", model, folder, self.scratch / "peer.npy"], python_env())

    def new_db(self):
        self._n_dbs += 1
        return self.scratch / f"db-{self._n_dbs}"

    def index_of_stamps(self):
        if "stamps" not in self._dbs:
            self.need(STAMPS / "stamps")
            self._dbs["stamps"] = self.new_db()
            self.index(STAMPS / "stamps", self._dbs["stamps"])
        return self._dbs["stamps"]

    def db_of_small(self):
        """10,000 images, indexed once in a run; what that took of memory is kept."""
        if "small" not in self._dbs:
            self.need(PICTURES / "small", STAMPS / "stamps")
            say("indexing 10,000 images")
            db = self._dbs["small"] = self.new_db()
            self.small_curve = Curve(db / "previews")
            self.small_peak_mib = self.index(PICTURES / "small", db, self.small_curve).peak_mib
        return self._dbs["small"]

    def need(self, *folders):
        for folder in folders:
            if folder.exists():
                continue
            if folder == STAMPS / "stamps":
                subprocess.run([sys.executable, ROOT / "scripts" / "stamps.py", STAMPS], check=True)
            else:
                # All sets at once, because their scenes are the slow part.
                say("making the pictures (once; about two minutes, 1.5 GB)")
                subprocess.run([sys.executable, HERE / "images.py", PICTURES, "2mp", "12mp", "small"],
                               env=python_env(), check=True)

    # --- rows ---

    def row(self, what, value, sign, bar, form, detail=""):
        passed = value >= bar if sign == ">=" else value <= bar
        self.rows.append({"what": what, "must_be": f"{sign} {form.format(bar)}", "measured": value,
                          "shown": form.format(value), "passed": passed, "detail": detail})
        say(f"{what}: {form.format(value)} ({'passes' if passed else 'MISSED'}, {sign} {form.format(bar)}) {detail}")

    def passed(self):
        return bool(self.rows) and all(row["passed"] for row in self.rows)

    def print_table(self):
        print("\n| what | must be | measured | | |\n|---|---|---|---|---|")
        for row in self.rows:
            verdict = "pass" if row["passed"] else "MISSED"
            print(f"| {row['what']} | {row['must_be']} | {row['shown']} | {verdict} | {row['detail']} |")

    def report(self):
        return {"date": time.strftime("%Y-%m-%d"), "machine": machine(), "load_before": self.load,
                "rounds": self.rounds, "rows": self.rows}


# --- Files, pages and packages ---------------------------------------------------------


def python_env():
    """The environment in which numpy, Pillow and ONNX Runtime are the pinned ones, installed aside once."""
    pins = (HERE / "requirements.txt").read_bytes()
    name = f"python-{sys.version_info.major}.{sys.version_info.minor}-{hashlib.sha256(pins).hexdigest()[:12]}"
    folder = DATA / name
    if not folder.exists():
        say("installing the peer's packages (once)")
        scratch = Path(tempfile.mkdtemp(prefix=".packages-", dir=DATA))
        try:
            # A folder needs pip alone, where a virtual environment needs a further Debian package.
            subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--only-binary=:all:",
                            "--root-user-action=ignore", "--target", scratch / "made", "--requirement", HERE / "requirements.txt"], check=True)
            os.rename(scratch / "made", folder)
        except subprocess.CalledProcessError:
            sys.exit("run.py: pip could not install the peer's packages (above); it needs Python 3.11 or later")
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    return {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}


def files_below(path):
    if path.is_file():
        return [path]
    return [Path(folder) / name for folder, _, names in os.walk(path) for name in names]


def warm(folder):
    for path in files_below(folder):
        path.read_bytes()


def evict(*places):
    """Asks the kernel to forget the pages of these files, as after a restart."""
    for path in (path for place in places for path in files_below(Path(place))):
        with open(path, "rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def walk_and_stat(folder):
    return sum(path.stat().st_size for path in files_below(folder))


def timed(function, *arguments):
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def short(measure):
    return measure.replace("recall_at_", "R@")


def machine():
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = "unknown processor"
    return f"{os.cpu_count()} cores, {name}"


def say(message):
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
