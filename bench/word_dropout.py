"""What leaving words of captions out is worth (`fovea train align --word-dropout`), on Open Clip Art.

    python3 bench/word_dropout.py FOVEA CLIPART WORK [--database DB] [--shares 0,0.1,0.2,0.4] [--seeds 5]

CLIPART: folders into which Debian's openclipart-png and openclipart-svg were unpacked, with a comma between them (`fovea bench ann`
keeps them in $FOVEA_CACHE/bench/ann/packages). WORK: a folder for the list of captions and, without --database, a collection of the pictures,
which takes minutes; a collection that has them already serves too. Captions are titles and up to four keywords of each picture.

Each seed holds another tenth of the pictures out, those that share a caption on one side; all shares learn of the same pictures and are
measured on the same others, so that the differences are paired. Nothing is begun at: the base pack learned of these pictures, so the heads
here learn without it (--no-residual), on features of a network that never saw them. The pack of the last run stays in $FOVEA_MODELS as
base+word-dropout. Needs numpy, for what it shares with scripts/reference/align_base.py.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "scripts" / "reference"))
import align_base  # noqa: E402

KEYWORDS = 4


def write_pairs(clipart, path):
    """A line for each caption; a picture's title first."""
    lines, n_pictures, n_long = [], 0, 0
    for one in align_base.clipart(clipart):
        captions = [one["title"]] if one["title"] else []
        captions += [word for word in dict.fromkeys(one["words"]) if word.lower() != one["title"].lower()][:KEYWORDS]
        captions = [" ".join(caption.split()) for caption in captions]
        lines += [f"{one['path']}\ten\t{caption}\n" for caption in captions if caption]
        n_pictures += bool(captions)
        n_long += sum(" " in caption for caption in captions)
    path.write_text("".join(lines), "utf8")
    print(f"{n_pictures} pictures, {len(lines)} captions, {n_long} of them of several words", flush=True)


def learn(command, pairs, share, seed):
    answer = subprocess.run(
        [*command, "train", "align", "--pairs", pairs, "--no-residual", "--word-dropout", str(share), "--seed", str(seed),
         "--name", "word-dropout", "--replace", "--json", "--quiet"],
        check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(answer.stdout)["languages"]["en"]


def main():
    parser = argparse.ArgumentParser()
    for name in ("fovea", "clipart", "work"):
        parser.add_argument(name)
    parser.add_argument("--database")
    parser.add_argument("--shares", default="0,0.1,0.2,0.4")
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    work = pathlib.Path(given.work)
    work.mkdir(parents=True, exist_ok=True)
    pairs, database = work / "captions.tsv", given.database or str(work / "clips")
    write_pairs(given.clipart, pairs)
    command = [given.fovea, "--db", database]
    if not given.database:
        subprocess.run([*command, "index", given.clipart.split(",")[0], "--quiet"], check=True)
    shares = [float(share) for share in given.shares.split(",")]
    found = {share: [learn(command, str(pairs), share, seed) for seed in range(given.seeds)] for share in shares}
    measures = [key for key, value in found[shares[0]][0].items() if isinstance(value, dict)]
    print(f"held out, mean of {given.seeds} seeds; in brackets the mean difference from {shares[0]:g} and its deviation over the seeds")
    for share in shares:
        cells = []
        for measure in measures:
            after = [run[measure]["after"] for run in found[share]]
            gain = [a - run[measure]["after"] for a, run in zip(after, found[shares[0]])]
            spread = statistics.stdev(gain) if len(gain) > 1 else 0.0
            cells.append(f"{measure} {statistics.mean(after):.3f} ({statistics.mean(gain):+.3f} {spread:.3f})")
        print(f"word dropout {share:<4g} ", "   ".join(cells), flush=True)


if __name__ == "__main__":
    main()
