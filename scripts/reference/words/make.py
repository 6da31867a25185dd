"""Makes small files of word vectors in each format, and what gensim reads of them, for `crates/encode/tests/towers/words`.

    python3 -m venv VENV && VENV/bin/pip install gensim==4.3.3
    VENV/bin/python scripts/reference/words/make.py crates/encode/tests/towers/words

Beside the files lies `expected.json`: of each file every word with its vector as gensim has it, and of some texts the mean by smooth
inverse frequency (Arora, Liang and Ma 2017) as numpy computes it, with frequencies by Zipf's law of the ranks.
"""

import json
import sys
from pathlib import Path

import numpy
from gensim.models import KeyedVectors

DIM = 9
# The most frequent first, as in files of such vectors.
WORDS = (
    "</s> the a of and in red circle square blue green cat dog cats Paris NASA caf\u00e9 stra\u00dfe 1984 red-haired \u732b \u732b\u54aa "
    "\u7ea2\u8272 \u7684 \u5706 haired well 's New_York \u0e41\u0e21\u0e27 na\u00efve house tree tench"
).split()
SPACED = ". . ."
SMOOTHING = 1e-3
# A text, and its words as they stand in the file: what is not known is left out.
TEXTS = [
    ("a red circle", "a red circle"), ("The CAT, and the dog!", "the cat and the dog"), ("paris in 1984", "Paris in 1984"),
    ("red-haired cats", "red-haired cats"), ("well-haired", "well haired"), ("blue-green house", "blue green house"),
    ("\u7ea2\u8272\u7684\u732b\u54aa", "\u7ea2\u8272 \u7684 \u732b\u54aa"), ("Caf\u00e9 in Stra\u00dfe", "caf\u00e9 in stra\u00dfe"),
    ("the unknownword tree", "the tree"), ("na\u00efve \u0e41\u0e21\u0e27", "na\u00efve \u0e41\u0e21\u0e27"), ("a " * 900, "a"),
    ("xyzzy", ""), ("", ""), ("... \u2014 !", ""),
]


def mean(vectors, words, n):
    harmonic = sum(1 / rank for rank in range(1, n + 1))
    total = numpy.zeros(DIM)
    for word in words:
        rank = vectors.key_to_index[word] + 1
        total += SMOOTHING / (SMOOTHING + 1 / (rank * harmonic)) * vectors[word]
    length = numpy.linalg.norm(total)
    return (total / length if length > 0 else total).tolist()


def expected(vectors, n=len(WORDS)):
    return {
        "words": {word: vectors[word].tolist() for word in vectors.index_to_key},
        "texts": [{"text": text, "vector": mean(vectors, words.split(), n)} for text, words in TEXTS],
    }


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    random = numpy.random.default_rng(7)
    numbers = random.normal(0, 0.3, (len(WORDS), DIM)).astype(numpy.float32)
    made = KeyedVectors(DIM)
    made.add_vectors(WORDS, numbers)
    made.save_word2vec_format(str(folder / "word2vec.bin"), binary=True, sort_attr=None, prefix="")
    made.save_word2vec_format(str(folder / "word2vec.txt"), binary=False, sort_attr=None)
    line = lambda word, row: word + " " + " ".join(f"{number:.5f}" for number in row)
    rows = [line(word, row) for word, row in zip(WORDS, numbers)]
    # fastText ends each line with a space, GloVe has words with spaces in them and no first line.
    head = f"{len(WORDS)} {DIM}\n"
    (folder / "fasttext.vec").write_text(head + "".join(row + " \n" for row in rows), encoding="utf-8")
    spaced = line(SPACED, random.normal(0, 0.3, DIM))
    (folder / "glove.txt").write_text("".join(row + "\n" for row in [*rows, spaced]), encoding="utf-8")
    load = lambda name, **how: KeyedVectors.load_word2vec_format(str(folder / name), **how)
    found = {
        "word2vec.bin": expected(load("word2vec.bin", binary=True)),
        "word2vec.txt": expected(load("word2vec.txt")),
        "fasttext.vec": expected(load("fasttext.vec")),
    }
    # gensim takes words with spaces for rows of another length, so that it is given the others.
    (folder / "plain.txt").write_text("".join(row + "\n" for row in rows), encoding="utf-8")
    found["glove.txt"] = expected(load("plain.txt", no_header=True), len(WORDS) + 1)
    (folder / "plain.txt").unlink()
    (folder / "expected.json").write_text(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
