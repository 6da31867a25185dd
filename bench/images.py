"""Makes the pictures that Fovea is measured on: the same files on every machine, byte for byte.

    python3 images.py DEST SET...        SET: 2mp (2,000 files), 12mp (100), small (10,000)

No two files are alike, and none is a flat test card: sky-like gradients, edges and overlapping
shapes, texture in octaves and sensor noise, quality 90, at the sizes that cameras write (about
0.5 MB for 2 megapixels, 3 MB for 12). A few large scenes are made once; each file is another
part of one of them, recoloured, with shapes of its own.

Needs numpy and Pillow as pinned in requirements.txt. Each set is made aside and renamed.
"""

import os
import shutil
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

SETS = {  # name -> (files, width, height, files in a folder)
    "2mp": (2_000, 1_632, 1_224, 500),
    "12mp": (100, 4_000, 3_000, 100),
    "small": (10_000, 320, 240, 1_000),
}
N_SCENES = 12
SCENE = (4_400, 3_300)
QUALITY = 90

_scenes = {}


def main():
    if len(sys.argv) < 3 or not set(sys.argv[2:]) <= SETS.keys():
        sys.exit(__doc__)
    root = Path(sys.argv[1])
    root.mkdir(parents=True, exist_ok=True)
    wanted = [name for name in sys.argv[2:] if not (root / name).exists()]
    if not wanted:
        return
    scratch = Path(tempfile.mkdtemp(prefix=".images-", dir=root))
    try:
        with ProcessPoolExecutor() as pool:
            list(pool.map(make_scene, range(N_SCENES), [scratch] * N_SCENES))
            for name in wanted:
                make_set(pool, name, scratch)
                os.rename(scratch / name, root / name)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def make_set(pool, name, scratch):
    n_files, _, _, per_folder = SETS[name]
    for folder in range(-(-n_files // per_folder)):
        (scratch / name / f"{folder:02}").mkdir(parents=True)
    # One scene after another, so that a process holds one of them and not all.
    order = sorted(range(n_files), key=lambda number: number % N_SCENES)
    step = max(1, n_files // (N_SCENES * 4))
    jobs = [(name, order[start:start + step], scratch) for start in range(0, n_files, step)]
    list(pool.map(make_files, *zip(*jobs)))


# --- Scenes ---------------------------------------------------------------------------


def make_scene(number, scratch):
    """A large picture: gradient, shapes, texture of all scales, noise."""
    random = np.random.default_rng([7, number])
    width, height = SCENE
    image = Image.fromarray(gradient(random)).resize(SCENE, Image.Resampling.BICUBIC)
    draw_shapes(image, random, n_shapes=60, largest=900)
    light = texture(random)
    pixels = np.asarray(image).astype(np.int16)
    pixels += light[:, :, None]
    pixels += random.integers(-9, 10, size=(height, width, 1), dtype=np.int16)  # luminance noise
    np.clip(pixels, 0, 255, out=pixels)
    np.save(scratch / f"scene-{number}.npy", pixels.astype(np.uint8))


def gradient(random):
    return random.integers(30, 226, size=(4, 5, 3), dtype=np.uint8)


def texture(random):
    """Octaves of smooth noise, each finer and weaker than the one before, patchy as surfaces are."""
    width, height = SCENE
    light = np.zeros((height, width), np.int16)
    for cell, strength in ((400, 34), (120, 24), (36, 18), (10, 14), (4, 9)):
        coarse = random.integers(0, 256, size=(height // cell + 2, width // cell + 2), dtype=np.uint8)
        smooth = Image.fromarray(coarse).resize(SCENE, Image.Resampling.BICUBIC)
        light += ((np.asarray(smooth).astype(np.int16) - 128) * strength) // 128
    patches = random.integers(0, 256, size=(7, 9), dtype=np.uint8)
    weight = np.asarray(Image.fromarray(patches).resize(SCENE, Image.Resampling.BICUBIC)).astype(np.int16)
    return light * weight // 160


def draw_shapes(image, random, n_shapes, largest):
    draw = ImageDraw.Draw(image)
    width, height = image.size
    for _ in range(n_shapes):
        x, y = (int(random.integers(0, side)) for side in (width, height))
        w, h = (int(random.integers(largest // 12 + 1, largest + 2)) for _ in range(2))
        color = tuple(int(c) for c in random.integers(0, 256, size=3))
        box = (x - w // 2, y - h // 2, x + w // 2, y + h // 2)
        kind = random.integers(0, 4)
        if kind == 0:
            draw.ellipse(box, fill=color)
        elif kind == 1:
            draw.rectangle(box, fill=color)
        elif kind == 2:
            draw.polygon([(box[0], box[3]), (x, box[1]), (box[2], box[3])], fill=color)
        else:
            draw.line((box[0], box[1], box[2], box[3]), fill=color, width=max(2, largest // 60))


# --- Files ----------------------------------------------------------------------------


def make_files(name, numbers, scratch):
    _, width, height, per_folder = SETS[name]
    for number in numbers:
        image = picture(scratch, list(SETS).index(name), number, width, height)
        path = scratch / name / f"{number // per_folder:02}" / f"{number:05}.jpg"
        image.save(path, "JPEG", quality=QUALITY)


def picture(scratch, kind, number, width, height):
    random = np.random.default_rng([11, kind, number])
    scene = load_scene(scratch, number % N_SCENES)
    zoom = 4 if width < 1_000 else 1  # a small picture shows a scene's part, not its grain
    w, h = width * zoom, height * zoom
    x, y = int(random.integers(0, SCENE[0] - w)), int(random.integers(0, SCENE[1] - h))
    part = scene[y:y + h, x:x + w]
    if random.integers(0, 2):
        part = part[:, ::-1]
    image = Image.fromarray(np.ascontiguousarray(part))
    if zoom > 1:
        image = image.resize((width, height), Image.Resampling.BOX)
    image = image.point(recolour(random))
    draw_shapes(image, random, n_shapes=6, largest=width // 4)
    return image


def recolour(random):
    """A table for each channel: brightness, contrast and tint of this one picture."""
    ramp = np.arange(256)
    tables = [np.clip((ramp - 128) * random.uniform(0.75, 1.15) + 128 + random.uniform(-25, 25), 0, 255)
              for _ in range(3)]
    return [int(value) for table in tables for value in table]


def load_scene(scratch, number):
    if number not in _scenes:
        _scenes.clear()
        _scenes[number] = np.load(scratch / f"scene-{number}.npy", mmap_mode="r")
    return _scenes[number]


if __name__ == "__main__":
    main()
