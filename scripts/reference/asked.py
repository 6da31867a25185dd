"""What the words around what is looked for cost, and what single Han characters gain by their meaning.

    python asked.py --clipart CLIPART --emoji NPM --pack PACK --cache CACHE

with the folders and the Python of scripts/align_base (align_base.py tells what is in them). Emoji of things are asked by
their names, judged by an alignment that learned of Open Clip Art alone: R@10 of each name by itself, R@10 with the words of a
carrier around it (crates/engine/src/query/carriers.rs), and of names of one character with their meaning beside them
(crates/encode/src/text/glosses.rs).
"""
import pathlib

import numpy as np

import align_base as base

CARRIERS = {
    "en": ["a photo of {}", "pictures with {}", "show me {}", "{} photos", "find images of {}"],
    "zh": ["{}的照片", "一张{}的照片", "给我看{}"], "zh-hant": ["{}的照片"], "de": ["ein Foto von {}", "Bilder mit {}"],
    "es": ["fotos de {}", "una imagen con {}"], "fr": ["photos de {}", "une image avec {}"], "it": ["foto di {}"],
    "ja": ["{}の写真", "{}の画像"], "ko": ["{} 사진"], "nl": ["foto's van {}"], "pl": ["zdjęcia {}"],
    "pt": ["fotos de {}"], "ru": ["фото {}", "фотография с {}"], "th": ["รูปถ่าย{}"],
}
GLOSSES = pathlib.Path(__file__).parents[2] / "crates/encode/assets/han-glosses.tsv"


def asked(text, texts):
    text.learn(texts)
    return base.unit(text(texts))


def main():
    given = base.arguments("clipart", "emoji", "pack", "cache")
    material = base.Material(given)
    pictures, text = material.pictures, material.text
    vectors = material.vectors(material.head(material.is_clip, given), given.r)
    text.cache = pathlib.Path(given.cache) / "asked.npz"
    glosses = dict(line.split("\t") for line in GLOSSES.read_text("utf8").splitlines() if "\t" in line)
    single, glossed, n_single = 0, 0, 0
    for kind in ("google", "fluent"):
        rows = [i for i, p in enumerate(pictures) if p["set"] == kind and p["category"] in base.OBJECTS and material.usable[i]]
        for language, carriers in CARRIERS.items():
            holders = {}
            for place, i in enumerate(rows):
                holders.setdefault(pictures[i]["names"][base.LANGUAGES.index(language)], []).append(place)
            names, own = list(holders), list(holders.values())
            plain = base.ranks(asked(text, names), vectors[rows], own) <= 10
            if kind == "google":
                around = [base.ranks(asked(text, [c.replace("{}", n) for n in names]), vectors[rows], own) for c in carriers]
                shares = ", ".join(f"{c} {np.mean(r <= 10):.3f}" for c, r in zip(carriers, around))
                print(f"{language}: {plain.mean():.3f} by name, {shares}", flush=True)
            if language in ("zh", "zh-hant", "ja"):
                one = [i for i, name in enumerate(names) if len(name) == 1 and name in glosses]
                meaning = asked(text, [names[i] for i in one]) + asked(text, [glosses[names[i]] for i in one])
                beside = base.ranks(base.unit(meaning), vectors[rows], [own[i] for i in one]) <= 10
                single, glossed, n_single = single + plain[one].sum(), glossed + beside.sum(), n_single + len(one)
    print(f"names of one character: {single} of {n_single} by themselves, {glossed} with their meaning beside them")


main()
