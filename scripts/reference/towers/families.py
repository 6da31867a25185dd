"""Makes the tiny packs of the families that `open_clip` and others publish, beside those of make.py and in the same form.

    pip install --target FOLDER --no-deps open-clip-torch==2.32.0 timm==1.0.15 ftfy==6.3.1 regex==2026.11.19 wcwidth==0.9.4 \\
        pyyaml==6.0.4 huggingface_hub==0.36.0 safetensors==0.8.0
    PYTHONPATH=FOLDER VENV/bin/python scripts/reference/towers/families.py crates/encode/tests/towers [FAMILY...]

VENV is that of make.py. The towers are `open_clip`'s and `timm`'s own classes with small numbers, laid out as they are published:

    mobileclip   transformers.js: FastViT that sees bytes unscaled, a text network that looks at what fills up
    mobileclip2  open_clip: the same FastViT, a causal text network that takes the last of the largest ids for the end
    xlm-r        Immich: ViT, XLM-R with mean pooling and a projection, one input of 32 bits that says itself what counts
    m-clip       Immich: M-CLIP, whose XLM-R has a mask, and whose configuration is that of the pictures' tower
    jina-clip    one network with both towers. Its code is loaded from a hub and cannot be had as a package, so a ViT and an XLM-R
                 stand for EVA-02 and jina-embeddings; inputs, outputs, configuration and processing are those of jina-clip-v2
"""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy
import onnx
import torch
import transformers
from open_clip.hf_model import HFTextEncoder
from open_clip.model import CLIPVisionCfg, _build_vision_tower
from open_clip.timm_model import TimmModel
from open_clip.tokenizer import HFTokenizer, _clean_lower
from open_clip.transform import PreprocessCfg, image_transform
from open_clip.transformer import TextTransformer

import pictures
import vocabularies
from make import export, numbers, shaken
from texts import TEXTS

DIM = 16
LENGTH = 77
WIDTHS = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4)


@dataclass
class Family:
    """What a family is compared by: both towers, how it prepares pictures, and how it reads a text: all ids, and those that fill up."""

    side: int
    see: torch.nn.Module
    read: Callable
    prepare: Callable
    tokens: Callable
    inputs: Callable = lambda ids, fill: (ids,)


class Masked(torch.nn.Module):
    """M-CLIP: what counts is said from outside."""

    def __init__(self, transformer):
        super().__init__()
        self.transformer, self.linear = transformer, torch.nn.Linear(WIDTHS["hidden_size"], DIM)

    def forward(self, input_ids, attention_mask):
        states = self.transformer(input_ids=input_ids, attention_mask=attention_mask)[0]
        mean = (states * attention_mask.unsqueeze(2)).sum(dim=1) / attention_mask.sum(dim=1)[:, None]
        return torch.nn.functional.normalize(self.linear(mean), dim=-1)


class Unit(torch.nn.Module):
    def __init__(self, tower):
        super().__init__()
        self.tower = tower

    def forward(self, given):
        return torch.nn.functional.normalize(self.tower(given), dim=-1)


class Last(torch.nn.Module):
    """A text network that takes the last of the largest ids for the end of a text."""

    def __init__(self, tower):
        super().__init__()
        self.tower = tower

    def forward(self, ids):
        self.tower.pool_type = "none"
        end = ids.shape[1] - 1 - ids.flip(1).argmax(dim=1)
        return self.tower(ids)[torch.arange(len(ids)), end]


class Both(torch.nn.Module):
    def __init__(self, see, read):
        super().__init__()
        self.see, self.read = see, read

    def forward(self, input_ids, pixel_values):
        said, seen = self.read(input_ids), self.see(pixel_values)
        return said, seen, *(torch.nn.functional.normalize(vector, dim=-1) for vector in (said, seen))


def fast_vit(side):
    """MobileCLIP's FastViT; `TimmModel` has no way to say how small."""
    tower = TimmModel("fastvit_mci0", DIM, image_size=side, pool="avg", proj=None, drop=0.0, drop_path=0.0)
    import timm

    small = dict(layers=(1, 1, 1, 1), embed_dims=(8, 16, 16, 32), mlp_ratios=(1, 1, 1, 1))
    tower.trunk = timm.create_model("fastvit_mci0", num_classes=DIM, global_pool="avg", **small)
    return tower


def vit(side):
    return _build_vision_tower(DIM, CLIPVisionCfg(layers=2, width=32, head_width=8, patch_size=8, image_size=side))


def xlm_r(vocabulary, places):
    return transformers.XLMRobertaConfig(vocab_size=vocabulary, max_position_embeddings=places, type_vocab_size=1, **WIDTHS)


def write(path, what):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(what, indent=2) + "\n")


def prepared(cfg):
    kept = {name: cfg[name] for name in ("mean", "std", "resize_mode", "interpolation", "fill_color")}
    return image_transform(cfg["size"], is_train=False, **kept)


def export_fixed(module, inputs, names, path):
    """As Immich exports: one picture or text at a time, of one size."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.onnx.export(module.eval(), inputs, str(path), input_names=names, output_names=["embedding"], opset_version=14)


def clip_tokens(tokenizer, clean):
    """CLIP's ids, and zeros after them, which is what fills up in `open_clip`."""

    def tokens(text):
        ids = tokenizer(clean(text), truncation=True, max_length=LENGTH)["input_ids"]
        return ids + [0] * (LENGTH - len(ids)), [1] * len(ids) + [0] * (LENGTH - len(ids))

    return tokens


def mobileclip(folder):
    side, tokenizer = 32, vocabularies.clip(folder)
    read = TextTransformer(LENGTH, len(tokenizer), width=32, heads=4, layers=2, output_dim=DIM, no_causal_mask=True)
    see, read = shaken(fast_vit(side)), shaken(read)
    # The published file says nothing but the kind.
    write(folder / "config.json", {"model_type": "clip", "transformers.js_config": {"dtype": {"vision_model": "fp32"}}})
    processor = transformers.CLIPImageProcessor(
        size={"shortest_edge": side}, crop_size={"height": side, "width": side}, resample=2, do_normalize=False,
    )
    processor.save_pretrained(folder)
    export(see, (torch.rand(1, 3, side, side),), ["pixel_values"], ["image_embeds"], folder / "onnx/vision_model.onnx")
    ids = torch.ones((1, LENGTH), dtype=torch.int64)
    export(read, (ids,), ["input_ids"], ["text_embeds"], folder / "onnx/text_model.onnx")
    given = dict(return_tensors="pt", input_data_format="channels_last")
    prepare = lambda picture: processor(picture, **given)["pixel_values"][0]
    return Family(side, see, read, prepare, clip_tokens(tokenizer, lambda text: text))


def mobileclip2(folder):
    side, tokenizer = 32, vocabularies.clip(folder)
    read = TextTransformer(LENGTH, len(tokenizer), width=32, heads=4, layers=2, output_dim=DIM)
    see, read = shaken(fast_vit(side)), shaken(read)
    cfg = dict(size=[side, side], mode="RGB", mean=[0.0] * 3, std=[1.0] * 3, interpolation="bilinear", resize_mode="shortest",
               fill_color=0)
    text = dict(context_length=LENGTH, vocab_size=len(tokenizer), width=32, heads=4, layers=2, no_causal_mask=False)
    vision = dict(timm_model_name="fastvit_mci0", timm_pool="avg", timm_proj=None, image_size=side)
    model = dict(embed_dim=DIM, vision_cfg=vision, text_cfg=text, custom_text=True)
    write(folder / "open_clip_config.json", {"model_cfg": model, "preprocess_cfg": cfg})
    export(see, (torch.rand(1, 3, side, side),), ["pixel_values"], ["image_embeds"], folder / "visual.onnx")
    export_fixed(read, (torch.ones((1, LENGTH), dtype=torch.int64),), ["input_ids"], folder / "textual.onnx")
    take_the_last(folder / "textual.onnx")
    # Only what `open_clip` needs; its own tokenizer is in no file of a model.
    for name in ("tokenizer.json", "special_tokens_map.json", "tokenizer_config.json"):
        (folder / name).unlink()
    return Family(side, see, Last(read), prepared(cfg), clip_tokens(tokenizer, _clean_lower))


def take_the_last(path):
    """As in a published export: of several ids that are the largest the last one marks the end, so that a text that is filled up
    with what ends it is taken for another."""
    model = onnx.load(str(path))
    found = [node for node in model.graph.node if node.op_type == "ArgMax"]
    assert len(found) == 1
    kept = [attribute for attribute in found[0].attribute if attribute.name != "select_last_index"]
    del found[0].attribute[:]
    found[0].attribute.extend(kept + [onnx.helper.make_attribute("select_last_index", 1)])
    onnx.save(model, str(path))


def xlm(folder):
    side, tokenizer = 24, vocabularies.xlm_r(folder / "textual", 512)
    config = xlm_r(len(tokenizer), 514)
    read = HFTextEncoder("xlm-roberta", DIM, config=config, pooler_type="mean_pooler", proj_type="mlp", pretrained=False)
    read.transformer.pooler = None
    see, read = shaken(vit(side)), shaken(read)
    cfg = dict(vars(PreprocessCfg(size=[side, side])))
    write(folder / "visual/preprocess_cfg.json", cfg)
    text = dict(hf_model_name="xlm-roberta-base", hf_tokenizer_name="xlm-roberta-base", hf_pooler_type="mean_pooler")
    vision = dict(image_size=side, layers=2, width=32, patch_size=8)
    write(folder / "config.json", {"embed_dim": DIM, "vision_cfg": vision, "text_cfg": text})
    export_fixed(Unit(see), (torch.rand(1, 3, side, side),), ["image"], folder / "visual/model.onnx")
    export_fixed(Unit(read), (torch.ones((1, LENGTH), dtype=torch.int32),), ["text"], folder / "textual/model.onnx")
    whole = HFTokenizer(str(folder / "textual"), context_length=LENGTH)

    def tokens(text):
        ids = whole(text)[0].tolist()
        return ids, [int(id != tokenizer.pad_token_id) for id in ids]

    return Family(side, see, read, prepared(cfg), tokens, lambda ids, mask: (ids.int(),))


def m_clip(folder):
    side, tokenizer = 24, vocabularies.xlm_r(folder / "textual", 512)
    read = Masked(transformers.XLMRobertaModel(xlm_r(len(tokenizer), 514), add_pooling_layer=False))
    see, read = shaken(vit(side)), shaken(read)
    cfg = dict(vars(PreprocessCfg(size=side)))
    write(folder / "visual/preprocess_cfg.json", cfg)
    # That of ViT-B-32, which says of texts what CLIP's own network reads.
    text = dict(context_length=77, vocab_size=49408, width=512, heads=8, layers=12)
    vision = dict(image_size=side, layers=2, width=32, patch_size=8)
    write(folder / "config.json", {"embed_dim": DIM, "vision_cfg": vision, "text_cfg": text})
    export_fixed(Unit(see), (torch.rand(1, 3, side, side),), ["image"], folder / "visual/model.onnx")
    ids = torch.ones((1, LENGTH), dtype=torch.int32)
    export_fixed(read, (ids, ids), ["input_ids", "attention_mask"], folder / "textual/model.onnx")

    def tokens(text):
        given = tokenizer(text, padding="max_length", truncation=True, max_length=LENGTH)
        return given["input_ids"], given["attention_mask"]

    return Family(side, see, read, prepared(cfg), tokens, lambda ids, mask: (ids.int(), mask.int()))


def jina(folder):
    side, longest = 24, 128
    tokenizer = vocabularies.xlm_r(folder, longest)
    config = xlm_r(len(tokenizer), longest + 2)
    read = HFTextEncoder("xlm-roberta", DIM, config=config, pooler_type="mean_pooler", proj_type="linear", pretrained=False)
    read.transformer.pooler = None
    see, read = shaken(vit(side)), shaken(read)
    cfg = vars(PreprocessCfg(size=side))
    settings = {name: cfg[name] for name in ("fill_color", "interpolation", "mean", "resize_mode", "size", "std")}
    kind = {"image_processor_type": "JinaCLIPImageProcessor", "processor_class": "JinaCLIPProcessor"}
    write(folder / "preprocessor_config.json", {**kind, **settings})
    text = {"embed_dim": DIM, "model_type": "jina_clip_text", "pooler_type": "mean_pooler", "proj_type": None}
    vision = {"embed_dim": DIM, "image_size": side, "model_type": "jina_clip_vision", "patch_size": 8}
    write(folder / "config.json", {"model_type": "jina_clip", "projection_dim": DIM, "text_config": text, "vision_config": vision})
    names = ["text_embeddings", "image_embeddings", "l2norm_text_embeddings", "l2norm_image_embeddings"]
    given = torch.tensor([[0, 5, 6, 2]]), torch.rand(1, 3, side, side)
    export(Both(see, read), given, ["input_ids", "pixel_values"], names, folder / "onnx/model.onnx")

    def tokens(text):
        ids = tokenizer(text, truncation=True)["input_ids"]
        return ids, [1] * len(ids)

    return Family(side, see, read, prepared(cfg), tokens)


FAMILIES = {"mobileclip": mobileclip, "mobileclip2": mobileclip2, "xlm-r": xlm, "m-clip": m_clip, "jina-clip": jina}


def make(name, out):
    torch.manual_seed(len(name))
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_expected(folder, out, FAMILIES[name](folder))


def write_expected(folder, out, family):
    planes, seen, lossy, read = [], {}, {}, []
    for path in sorted((out / "pictures").iterdir()):
        pixels = torch.as_tensor(family.prepare(pictures.upright(path)))[None]
        with torch.no_grad():
            vector = numbers(family.see(pixels))
        if path.suffix == ".jpg":
            lossy[path.name] = vector
        else:
            planes.append(pixels[0].numpy())
            seen[path.name] = vector
    for text in TEXTS:
        ids, mask = family.tokens(text)
        with torch.no_grad():
            vector = family.read(*family.inputs(torch.tensor([ids]), torch.tensor([mask])))
        read.append({"text": text, "ids": ids, "vector": numbers(vector)})
    expected = {"side": family.side, "pictures": seen, "jpegs": lossy, "texts": read}
    (folder / "expected.json").write_text(json.dumps(expected, ensure_ascii=True))
    (folder / "pixels.bin").write_bytes(numpy.stack(planes).astype("<f4").tobytes())


if __name__ == "__main__":
    for one in sys.argv[2:] or FAMILIES:
        make(one, Path(sys.argv[1]))
