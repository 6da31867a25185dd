"""Makes tiny models with Keras, as a person of TensorFlow has them, and takes them to ONNX as `docs/models.md` says.

    python3 -m venv VENV && VENV/bin/pip install -r scripts/reference/savedmodel.txt
    VENV/bin/python scripts/reference/savedmodel.py crates/encode/tests/towers [NAME...]

`keras` is a classifier of ImageNet's classes that reads numbers from -1 to 1 and ends with a softmax. `keras-features` gives one vector
for a picture and has in it what ResNet and VGG of Keras do before: blue first, means taken away. Both read the channels last. The weights
are random. Beside each lie `expected.json` (of each picture the feature, of the classifier the first scores, too) and `pixels.bin`:
float32, little endian, [pictures, 3, side, side], what is fed, sorted by name. `towers/pictures.py` drew the pictures.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import numpy
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent / "towers"))
import pictures

SIDE = 24
DIM = 24
# Means of blue, green and red that Keras takes away before its ResNet and VGG.
MEANS = [103.939, 116.779, 123.68]


def layers(pixels):
    """Convolutions as MobileNet has them, with statistics that are not those of a fresh model."""
    x = keras.layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(pixels)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU(6.0)(x)
    x = keras.layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Conv2D(DIM, 1, activation="swish")(x)
    return keras.layers.GlobalAveragePooling2D(name="feature")(x)


def shaken(model, random):
    """Fresh weights give nearly the same vector for every picture; these tell pictures apart."""
    for layer in model.layers:
        drawn = []
        for weight in layer.weights:
            shape, name = tuple(weight.shape), weight.path.rsplit("/", 1)[-1]
            narrow = 1.0 if "variance" not in name else 0.2
            start = 1.0 if name in ("gamma", "moving_variance") else 0.0
            drawn.append(start + narrow * random.normal(0, 0.4, shape).clip(-0.9, 0.9))
        layer.set_weights(drawn)
    return model


def classifier(random):
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    feature = layers(pixels)
    scores = keras.layers.Dense(1000, name="scores")(feature)
    return shaken(keras.Model(pixels, keras.layers.Softmax(name="predictions")(scores)), random)


def features(random):
    pixels = keras.Input((SIDE, SIDE, 3), name="pixels")
    blue_first = keras.ops.flip(pixels, axis=-1)
    centred = blue_first - numpy.array(MEANS, "float32")
    return shaken(keras.Model(pixels, layers(centred / 64.0)), random)


MODELS = {"keras": (classifier, "logits"), "keras-features": (features, "pooler_output")}


def to_onnx(model, output, path):
    """The recipe: a SavedModel, and of it one file in ONNX whose output has the name that Fovea knows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        model.export(folder, format="tf_saved_model", verbose=False)
        command = ["--saved-model", folder, "--output", path, "--opset", "17", "--rename-outputs", output]
        told = subprocess.run([sys.executable, "-m", "tf2onnx.convert", *command], capture_output=True, text=True)
    if told.returncode != 0:
        sys.exit(told.stderr)


def configured(folder, towers, is_scaled):
    """What a SavedModel does not say: classes, and how pictures are prepared."""
    labels = json.loads((towers / "resnet" / "config.json").read_text())["id2label"] if is_scaled else None
    config = {"model_type": "keras"} | ({"id2label": labels} if labels else {})
    (folder / "config.json").write_text(json.dumps(config))
    prepares = {"do_resize": True, "size": {"height": SIDE, "width": SIDE}, "resample": 2, "do_center_crop": False}
    prepares |= {"do_rescale": is_scaled, "do_normalize": is_scaled}
    if is_scaled:
        prepares |= {"rescale_factor": 1 / 255, "image_mean": [0.5] * 3, "image_std": [0.5] * 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(prepares, indent=1))


def prepared(path, is_scaled):
    """As `keras.utils.load_img(path, target_size=(SIDE, SIDE), interpolation="bilinear")` makes it of a picture that is upright."""
    square = pictures.upright(path).resize((SIDE, SIDE), Image.BILINEAR)
    pixels = numpy.asarray(square, "float32")
    return keras.applications.imagenet_utils.preprocess_input(pixels, mode="tf") if is_scaled else pixels


def expected(model, paths, is_scaled):
    names = ["feature", "scores"] if is_scaled else ["feature"]
    inside = keras.Model(model.inputs[0], {name: model.get_layer(name).output for name in names})
    fed, seen, scores = [], {}, {}
    for path in paths:
        pixels = prepared(path, is_scaled)
        fed.append(pixels.transpose(2, 0, 1))
        said = {name: out[0].numpy() for name, out in inside(pixels[None], training=False).items()}
        feature = said["feature"]
        seen[path.name] = [round(float(x), 7) for x in feature / numpy.linalg.norm(feature)]
        if is_scaled:
            scores[path.name] = [float(x) for x in said["scores"][:16]]
    told = {"side": SIDE, "pictures": seen} | ({"scores": scores} if scores else {})
    return told, numpy.stack(fed).astype("<f4")


def make(name, out, towers):
    """A folder as `fovea models add` takes it, and what TensorFlow says of the pictures."""
    build, output = MODELS[name]
    folder, is_scaled = out / name, name == "keras"
    shutil.rmtree(folder, ignore_errors=True)
    model = build(numpy.random.default_rng(len(name)))
    to_onnx(model, output, folder / "onnx" / "model.onnx")
    configured(folder, towers, is_scaled)
    paths = [path for path in sorted((towers / "pictures").iterdir()) if path.suffix != ".jpg"]
    said, fed = expected(model, paths, is_scaled)
    (folder / "expected.json").write_text(json.dumps(said))
    (folder / "pixels.bin").write_bytes(fed.tobytes())
    return said


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for one in sys.argv[2:] or MODELS:
        make(one, target, target)
