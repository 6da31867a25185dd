"""What Python makes of the same networks, for `fovea bench encode`: Pillow opens and resizes, numpy normalises, ONNX Runtime runs.

    python3 peer.py PACK.json      answers one JSON object a line on standard input

PACK.json says of both networks the file and the names of inputs and outputs, and of pictures how they are prepared. Questions:

    {"do": "load", "what": "image" | "text"}      seconds that ONNX Runtime takes to make a session
    {"do": "memory"}                              bytes that are resident
    {"do": "network", "count": N, "threads": T}   seconds for N pictures that are prepared already
    {"do": "images", "files": [..], "threads": T} seconds for pictures from their files
    {"do": "texts", "texts": [{"ids": [..], "mask": [..]}, ..], "threads": T}    seconds for texts that are cut into ids already
    {"do": "prepare", "file": F}                  seconds to open a picture and to prepare it, on one thread

Each thread has a session that uses one thread, and runs one input after the other, as Fovea does.
"""

import json
import queue
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

FILTERS = {"bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC, "lanczos3": Image.LANCZOS}
Image.MAX_IMAGE_PIXELS = None


class Pack:
    def __init__(self, spec):
        self.spec, self.idle = spec, {"image": queue.SimpleQueue(), "text": queue.SimpleQueue()}
        self.made = {"image": 0, "text": 0}

    def session(self, what):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        return onnxruntime.InferenceSession(self.spec[what]["file"], options, providers=["CPUExecutionProvider"])

    def run(self, what, inputs):
        session = self.idle[what].get()
        try:
            return session.run([self.spec[what]["output"]], inputs)
        finally:
            self.idle[what].put(session)

    def have(self, what, count):
        while self.made[what] < count:
            self.idle[what].put(self.session(what))
            self.made[what] += 1

    def planes(self, image):
        """One picture as the image network reads it."""
        spec = self.spec["image"]
        side, fit, resample = spec["side"], spec["fit"], FILTERS[spec["filter"]]
        image = image.convert("RGB")
        if fit == "pad":
            longest = max(image.size)
            ground = Image.new("RGB", (longest, longest), (255, 255, 255))
            ground.paste(image, ((longest - image.width) // 2, (longest - image.height) // 2))
            image = ground.resize((side, side), resample)
        elif fit == "squash":
            image = image.resize((side, side), resample)
        else:
            short = spec["short"]
            width, height = image.size
            size = (short, short * height // width) if width <= height else (short * width // height, short)
            image = image.resize(size, resample)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.crop((left, top, left + side, top + side))
        numbers = np.asarray(image, dtype=np.float32) * np.float32(spec["scale"])
        numbers = (numbers - np.array(spec["mean"], np.float32)) / np.array(spec["deviation"], np.float32)
        return np.ascontiguousarray(numbers.transpose(2, 0, 1))[None]

    def see(self, planes):
        return self.run("image", {self.spec["image"]["input"]: planes})

    def read(self, ids):
        spec = self.spec["text"]
        kind = np.int64 if spec["wide"] else np.int32
        inputs = {spec["ids"]: np.array([ids["ids"]], kind)}
        if spec["mask"]:
            inputs[spec["mask"]] = np.array([ids["mask"]], kind)
        if spec["types"]:
            inputs[spec["types"]] = np.zeros((1, len(ids["ids"])), kind)
        return self.run("text", inputs)

    def opened(self, path):
        with Image.open(path) as image:
            return self.planes(image)


def seconds(work, inputs, threads):
    start = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, inputs):
            pass
    return {"seconds": time.perf_counter() - start}


def answer(pack, question):
    todo, threads = question["do"], question.get("threads", 1)
    if todo == "load":
        start = time.perf_counter()
        session = pack.session(question["what"])
        took = time.perf_counter() - start
        del session
        return {"seconds": took}
    if todo == "memory":
        status = Path("/proc/self/status")
        lines = status.read_text().splitlines() if status.exists() else []
        resident = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS")]
        return {"bytes": resident[0] if resident else None}
    if todo == "network":
        pack.have("image", threads)
        side = pack.spec["image"]["side"]
        planes = np.random.default_rng(1).random((1, 3, side, side), np.float32)
        return seconds(pack.see, [planes] * question["count"], threads)
    if todo == "images":
        pack.have("image", threads)
        return seconds(lambda path: pack.see(pack.opened(path)), question["files"], threads)
    if todo == "texts":
        pack.have("text", threads)
        return seconds(pack.read, question["texts"], threads)
    if todo == "prepare":
        return seconds(pack.opened, [question["file"]], 1)
    raise ValueError(f"nothing is known of {todo}")


def main():
    pack = Pack(json.loads(Path(sys.argv[1]).read_text()))
    for line in sys.stdin:
        try:
            said = answer(pack, json.loads(line))
        except Exception as error:
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)


main()
