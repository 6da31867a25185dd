"""Makes a CLIP of the size of ViT-B/32 with random weights: to measure speed with, which weights do not change.

    VENV/bin/python scripts/reference/towers/sized.py FOLDER
    fovea models add FOLDER --name clip-b32
    fovea bench encode --model clip-b32

VENV is that of make.py, with `pip --python VENV/bin/python install --no-deps open-clip-torch==2.32.0` for CLIP's own byte pairs.
"""

import gzip
import importlib.util
import json
import sys
from pathlib import Path

import torch
import transformers
from transformers.models.clip.tokenization_clip import bytes_to_unicode

from make import Text, Vision, export

# Merges that CLIP uses of its file.
MERGES = 49152 - 256 - 2


def write_tokenizer(folder):
    """CLIP's table of byte pairs, which `open_clip` has, as `transformers` keeps it."""
    place = Path(importlib.util.find_spec("open_clip").submodule_search_locations[0])
    lines = gzip.open(place / "bpe_simple_vocab_16e6.txt.gz", "rt", encoding="utf-8").read().split("\n")
    merges = lines[1:MERGES + 1]
    letters = list(bytes_to_unicode().values())
    pieces = letters + [letter + "</w>" for letter in letters] + [pair.replace(" ", "") for pair in merges]
    pieces += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({piece: id for id, piece in enumerate(pieces)}))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": 77, "pad_token": "<|endoftext|>"}))
    return len(pieces)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(1)
    vocabulary = write_tokenizer(folder)
    config = transformers.CLIPConfig(
        text_config=dict(vocab_size=vocabulary, bos_token_id=vocabulary - 2, eos_token_id=vocabulary - 1),
        vision_config=dict(image_size=224, patch_size=32), projection_dim=512, attn_implementation="eager",
    )
    model = transformers.CLIPModel._from_config(config, attn_implementation="eager").eval()
    config.save_pretrained(folder)
    transformers.CLIPImageProcessor().save_pretrained(folder)
    export(Vision(model), (torch.rand(1, 3, 224, 224),), ["pixel_values"], ["image_embeds"], folder / "onnx/vision_model.onnx")
    ids = torch.tensor([[vocabulary - 2, 320, 1125, vocabulary - 1]])
    names = ["input_ids", "attention_mask"], ["text_embeds"]
    export(Text(model), (ids, torch.ones_like(ids)), *names, folder / "onnx/text_model.onnx")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
