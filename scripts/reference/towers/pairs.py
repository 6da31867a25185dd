"""Writes which ids `open_clip`'s own tokenizer gives the 40 awkward texts with CLIP's whole table of byte pairs.

    pip install --target FOLDER --no-deps open-clip-torch==2.32.0 ftfy==6.3.1 regex==2026.11.19 wcwidth==0.9.4
    PYTHONPATH=FOLDER VENV/bin/python scripts/reference/towers/pairs.py crates/encode/tests/towers/pairs.json

VENV is that of make.py. The table itself is not kept: the test takes it from the same package, by its checksum.
"""

import json
import sys
from pathlib import Path

from open_clip.tokenizer import SimpleTokenizer

from texts import TEXTS


def main(target):
    tokenizer = SimpleTokenizer(clean="lower")
    read = []
    for text in TEXTS:
        ids = tokenizer(text)[0].tolist()
        # What fills up is 0; the id that ends the text is the largest there is.
        read.append({"text": text, "ids": ids[:ids.index(tokenizer.eot_token_id) + 1]})
    target.write_text(json.dumps({"texts": read}, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
