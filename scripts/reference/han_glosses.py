#!/usr/bin/env python3
"""What single Han characters mean in English: crates/encode/assets/han-glosses.tsv.

The encoder of sentences knows a character by itself worse than a word, in Chinese and in Japanese; beside its meaning
in English it is found better (crates/encode/src/text/glosses.rs). Meanings are those of Unihan (kDefinition, Unicode 15.0;
Debian `unicode-data` 15.0.0-1), two of them for the characters that are in common use: GB 2312 level 1, Big5 level 1,
and the first level of JIS X 0208. A simplified character has the first meaning of what it is written for before its own:
cloud, which is 雲, before `say`, which 云 was once.

    apt-get download unicode-data && dpkg-deb -x unicode-data_*.deb DIR
    scripts/reference/han_glosses.py DIR/usr/share/unicode > crates/encode/assets/han-glosses.tsv
"""
import bz2
import re
import sys

# What says how a character is used rather than what it means.
NO_MEANING = re.compile(
    r"surname|radical|variant|same as|used (in|for|as|with)|particle|interjection|non-classical|interchangeable|simplified"
    r"|suffix|prefix|adverb|preposition|conjunction|negative|possessive|traditional"
    r"|ancient form|corrupted|pronoun|phonetic|measure word|classifier|abbreviat|name of|place name|term of abuse",
    re.IGNORECASE,
)
MOST = 2
LONGEST = 24


def common():
    rows = [("gb2312", range(0xB0, 0xD8), range(0xA1, 0xFF)), ("big5", range(0xA4, 0xC7), range(0x40, 0xFF)),
            ("euc_jp", range(0xB0, 0xD0), range(0xA1, 0xFF))]
    found = set()
    for codec, leads, trails in rows:
        for lead in leads:
            for trail in trails:
                try:
                    letter = bytes([lead, trail]).decode(codec)
                except UnicodeDecodeError:
                    continue
                if 0x4E00 <= ord(letter) <= 0x9FFF:
                    found.add(letter)
    return found


def meanings(definition):
    bare = re.sub(r"\([^)]*\)", "", definition)
    for part in re.split(r"[;,]", bare):
        part = re.sub(r"^(an?|the|to) ", "", part.strip())
        if part and part.isascii() and len(part) <= LONGEST and not NO_MEANING.search(part):
            yield part


def fields(folder, file, key):
    for line in bz2.open(f"{folder}/{file}.txt.bz2", "rt", encoding="utf8"):
        parts = line.rstrip("\n").split("\t")
        if len(parts) == 3 and parts[1] == key:
            yield chr(int(parts[0][2:], 16)), parts[2]


def main():
    folder = sys.argv[1]
    known = {letter: list(meanings(text)) for letter, text in fields(folder, "Unihan_Readings", "kDefinition")}
    written_for = {}
    for letter, codes in fields(folder, "Unihan_Variants", "kTraditionalVariant"):
        others = [chr(int(code.split("<")[0][2:], 16)) for code in codes.split()]
        written_for[letter] = [other for other in others if other != letter]
    print("# Meanings of Unihan 15.0.0, shortened by scripts/reference/han_glosses.py; see NOTICE.")
    for letter in sorted(common()):
        first = [gloss for other in written_for.get(letter, []) for gloss in known.get(other, [])[:1]]
        gloss = list(dict.fromkeys(first + known.get(letter, [])))[:MOST]
        if gloss:
            print(f"{letter}\t{', '.join(gloss)}")


main()
