"""Makes the tiny packs and what the reference says of them, for `crates/encode/tests/towers`.

    /usr/bin/python3 -m venv --without-pip --system-site-packages VENV    (Debian 12 with python3-torch)
    pip --python VENV/bin/python install --requirement scripts/reference/towers/requirements.txt
    VENV/bin/python scripts/reference/towers/make.py crates/encode/tests/towers [FAMILY...]

The weights are random, so a tower that runs but is fed something else gives other vectors. Beside each pack lies
`expected.json` (of each text the ids and the vector, of each picture the vector) and `pixels.bin`: float32, little endian,
[pictures, 3, side, side], the lossless pictures sorted by name.
"""

import json
import shutil
import sys
from pathlib import Path

import numpy
import torch
import transformers
from torchvision.models._meta import _IMAGENET_CATEGORIES

import pictures
import vocabularies
from texts import TEXTS

SIDE = 24
VISION = dict(image_size=SIDE, patch_size=8, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)
TEXT = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)


class Vision(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model.get_image_features(pixel_values=pixel_values)


class Text(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask=None):
        return self.model.get_text_features(input_ids=input_ids, attention_mask=attention_mask)


class Logits(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values=pixel_values).logits


class Rows(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixel_values):
        return self.model(pixel_values=pixel_values).last_hidden_state


class Both(torch.nn.Module):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, pixel_values, attention_mask):
        out = self.model(input_ids=input_ids, pixel_values=pixel_values, attention_mask=attention_mask)
        return out.logits_per_image, out.logits_per_text, out.text_embeds, out.image_embeds


def export(module, inputs, names, outputs, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    axes = {name: {0: "batch"} for name in names + outputs}
    for name in names:
        if name != "pixel_values":
            axes[name][1] = "sequence"
    # The exporter leaves everything as it found the outermost module: not in training, or vectors would be drawn with dropout.
    torch.onnx.export(
        module.eval(), inputs, str(path), input_names=names, output_names=outputs, dynamic_axes=axes, opset_version=14
    )


def clip_parts(folder):
    tokenizer = vocabularies.clip(folder)
    ends = dict(bos_token_id=len(tokenizer) - 2, eos_token_id=len(tokenizer) - 1, pad_token_id=len(tokenizer) - 1)
    config = transformers.CLIPConfig(
        text_config=dict(TEXT, vocab_size=len(tokenizer), max_position_embeddings=77, projection_dim=16, **ends),
        vision_config=dict(VISION, projection_dim=16), projection_dim=16, attn_implementation="eager",
    )
    processor = transformers.CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    return tokenizer, transformers.CLIPModel._from_config(config, attn_implementation="eager"), processor, {}


def siglip_parts(folder, tokenizer):
    config = transformers.SiglipConfig(
        text_config=dict(TEXT, vocab_size=len(tokenizer), max_position_embeddings=16), vision_config=dict(VISION),
    )
    processor = transformers.SiglipImageProcessor(size={"height": SIDE, "width": SIDE}, resample=2)
    model = transformers.SiglipModel._from_config(config, attn_implementation="eager")
    # The same convolution, said so that this version of the exporter knows it.
    model.vision_model.embeddings.patch_embedding.padding = (0, 0)
    return tokenizer, model, processor, dict(padding="max_length")


def chinese_parts(folder):
    tokenizer = vocabularies.chinese_clip(folder)
    config = transformers.ChineseCLIPConfig(
        text_config=dict(TEXT, vocab_size=len(tokenizer), max_position_embeddings=64, pad_token_id=0),
        vision_config=dict(VISION), projection_dim=16,
    )
    processor = transformers.ChineseCLIPImageProcessor(
        size={"height": SIDE, "width": SIDE}, do_center_crop=False, resample=3
    )
    return tokenizer, transformers.ChineseCLIPModel._from_config(config, attn_implementation="eager"), processor, {}


def resnet_parts(folder):
    """A classifier: no tokenizer, and words by the names of ImageNet's classes."""
    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 12, 16, 24], depths=[1, 1, 1, 1], layer_type="basic",
        id2label=dict(enumerate(_IMAGENET_CATEGORIES)),
    )
    processor = transformers.ConvNextImageProcessor(size={"shortest_edge": SIDE}, crop_pct=0.875, resample=3)
    return None, transformers.ResNetForImageClassification(config), processor, {}


def dinov2_parts(folder):
    """A network that only sees, without classes: what stands for a picture is the first of its rows."""
    config = transformers.Dinov2Config(
        image_size=SIDE, patch_size=8, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, attn_implementation="eager",
    )
    processor = transformers.BitImageProcessor(
        size={"shortest_edge": 28}, crop_size={"height": SIDE, "width": SIDE}, resample=3,
        image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225],
    )
    model = transformers.Dinov2Model._from_config(config, attn_implementation="eager")
    # Of the size that it is exported for, so that nothing has to be interpolated.
    model.embeddings.interpolate_pos_encoding = lambda embeddings, height, width: model.embeddings.position_embeddings
    return None, model, processor, {}


FAMILIES = {
    "clip": clip_parts,
    "siglip": lambda folder: siglip_parts(folder, vocabularies.siglip(folder)),
    "siglip2": lambda folder: siglip_parts(folder, vocabularies.siglip2(folder)),
    "chinese-clip": chinese_parts,
    "resnet": resnet_parts,
    "dinov2": dinov2_parts,
}


def shaken(model):
    """Fresh weights are so small that every input gives nearly the same vector; larger ones tell inputs apart."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim >= 2:
                weight.copy_(torch.randn_like(weight) * 0.25)
    return model.eval()


def make(family, out):
    torch.manual_seed(len(family))
    folder = out / family
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer, model, processor, padding = FAMILIES[family](folder)
    model = shaken(model)
    model.config.save_pretrained(folder)
    processor.save_pretrained(folder)
    if family == "dinov2":
        export(Rows(model), (torch.rand(1, 3, SIDE, SIDE),), ["pixel_values"], ["last_hidden_state"], folder / "onnx/model.onnx")
        write_expected_of_rows(folder, out, model, processor)
        return
    if tokenizer is None:
        names = ["pixel_values"], ["logits"]
        export(Logits(model), (torch.rand(1, 3, SIDE, SIDE),), *names, folder / "onnx/model.onnx")
        write_expected_of_classifier(folder, out, model, processor)
        return
    ids = torch.tensor([[1, 2, 3, 1]] if family != "clip" else [[1, 2, 3, len(tokenizer) - 1]])
    if padding:
        ids = torch.ones((1, 16), dtype=torch.int64)
    pixels, mask = torch.rand(1, 3, SIDE, SIDE), torch.ones_like(ids)
    if family == "chinese-clip":
        names = ["logits_per_image", "logits_per_text", "text_embeds", "image_embeds"]
        inputs = ["input_ids", "pixel_values", "attention_mask"]
        export(Both(model), (ids, pixels, mask), inputs, names, folder / "onnx/model.onnx")
    elif padding:
        export(Vision(model), (pixels,), ["pixel_values"], ["pooler_output"], folder / "onnx/vision_model.onnx")
        export(Text(model), (ids,), ["input_ids"], ["pooler_output"], folder / "onnx/text_model.onnx")
    else:
        export(Vision(model), (pixels,), ["pixel_values"], ["image_embeds"], folder / "onnx/vision_model.onnx")
        export(Text(model), (ids, mask), ["input_ids", "attention_mask"], ["text_embeds"], folder / "onnx/text_model.onnx")
    write_expected(folder, out, tokenizer, model, processor, padding)
    # `tokenizer.json` is what is read; what it was made of would take much of the fixture.
    (folder / "spiece.model").unlink(missing_ok=True)


def numbers(tensor):
    return [round(float(x), 7) for x in torch.nn.functional.normalize(tensor, dim=-1)[0]]


def write_expected_of_classifier(folder, out, model, processor):
    """Of each lossless picture the feature below the last layer, and the first scores."""
    prepared, seen, scores = [], {}, {}
    for path in (one for one in sorted((out / "pictures").iterdir()) if one.suffix != ".jpg"):
        given = dict(return_tensors="pt", input_data_format="channels_last")
        pixels = processor(pictures.upright(path), **given)["pixel_values"]
        prepared.append(pixels[0].numpy())
        with torch.no_grad():
            seen[path.name] = numbers(model.resnet(pixel_values=pixels).pooler_output.flatten(1))
            scores[path.name] = [float(x) for x in model(pixel_values=pixels).logits[0, :16]]
    expected = {"side": SIDE, "pictures": seen, "scores": scores}
    (folder / "expected.json").write_text(json.dumps(expected))
    (folder / "pixels.bin").write_bytes(numpy.stack(prepared).astype("<f4").tobytes())


def write_expected_of_rows(folder, out, model, processor):
    """Of each lossless picture the first row."""
    prepared, seen = [], {}
    for path in (one for one in sorted((out / "pictures").iterdir()) if one.suffix != ".jpg"):
        pixels = processor(pictures.upright(path), return_tensors="pt", input_data_format="channels_last")["pixel_values"]
        prepared.append(pixels[0].numpy())
        with torch.no_grad():
            seen[path.name] = numbers(model(pixel_values=pixels).pooler_output)
    (folder / "expected.json").write_text(json.dumps({"side": SIDE, "pictures": seen}))
    (folder / "pixels.bin").write_bytes(numpy.stack(prepared).astype("<f4").tobytes())


def write_expected(folder, out, tokenizer, model, processor, padding):
    prepared, seen, lossy, read = [], {}, {}, []
    for path in sorted((out / "pictures").iterdir()):
        # A picture one pixel high is taken for one of another layout unless it is said.
        given = dict(return_tensors="pt", input_data_format="channels_last")
        pixels = processor(pictures.upright(path), **given)["pixel_values"]
        with torch.no_grad():
            vector = numbers(model.get_image_features(pixel_values=pixels))
        if path.suffix == ".jpg":
            lossy[path.name] = vector
        else:
            prepared.append(pixels[0].numpy())
            seen[path.name] = vector
    for text in TEXTS:
        given = tokenizer(text, truncation=True, return_tensors="pt", **(padding or {}))
        mask = {} if padding else {"attention_mask": given["attention_mask"]}
        with torch.no_grad():
            vector = model.get_text_features(input_ids=given["input_ids"], **mask)
        read.append({"text": text, "ids": given["input_ids"][0].tolist(), "vector": numbers(vector)})
    expected = {"side": SIDE, "pictures": seen, "jpegs": lossy, "texts": read}
    (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=True))
    (folder / "pixels.bin").write_bytes(numpy.stack(prepared).astype("<f4").tobytes())


if __name__ == "__main__":
    target = Path(sys.argv[1])
    pictures.draw(target / "pictures")
    for one in sys.argv[2:] or FAMILIES:
        make(one, target)
