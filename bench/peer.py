"""The plain Python way to turn a folder of pictures into features: the peer of `fovea index`.

    python3 peer.py MODEL.onnx FOLDER FEATURES.npy

Pillow opens, flattens on white and resizes; numpy normalises; ONNX Runtime runs the same model
file as Fovea with its own default threads (all cores). What most people would write, and nothing
is held against it: no hashes, previews, metadata or database are asked of it.

Prints one JSON object: images, seconds of the loop alone, images per second, and what was skipped.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

EXTENSIONS = {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"}
SIDE = 224
MEAN, SPREAD = 0.498, 0.502  # EfficientNet-Lite: (x / 255 - mean) / spread


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    model, folder, out = sys.argv[1:]
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    features, skipped = [], 0
    started = time.perf_counter()
    for path in sorted(Path(folder).rglob("*")):
        if path.suffix.lower() not in EXTENSIONS:
            continue
        try:
            pixels = load(path)
        except (OSError, ValueError):
            skipped += 1
            continue
        features.append(session.run(None, {name: pixels})[0].reshape(-1))
    seconds = time.perf_counter() - started
    np.save(out, np.stack(features))
    print(json.dumps({"n_images": len(features), "n_skipped": skipped, "loop_s": seconds,
                      "images_per_s": len(features) / seconds}))


def load(path):
    """One picture as the model wants it: 1 x 3 x 224 x 224, float32."""
    with Image.open(path) as image:
        if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
            image = image.convert("RGBA")
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
        image = image.convert("RGB").resize((SIDE, SIDE))
    pixels = (np.asarray(image, dtype=np.float32) / 255 - MEAN) / SPREAD
    return np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])


if __name__ == "__main__":
    main()
