"""Pairs of picture and title from Debian's Open Clip Art, for choosing settings without looking at the evaluation set.

    apt-get download openclipart-png openclipart-svg
    dpkg -x openclipart-png_*.deb clipart && dpkg -x openclipart-svg_*.deb clipart
    python3 scripts/reference/openclipart.py clipart      # prints how many pairs there are, and some of them

Titles and keywords are the RDF metadata of the SVG beside each PNG. Icon themes, flags, shapes and the like are
left out: their titles say what they are for, not what is seen.
"""

import gzip
import pathlib
import re
import sys

SKIPPED = ("computer/icons", "shapes", "special", "signs_and_symbols", "decorations", "unsorted/duplicates",
           "computer/microprocessor", "recreation/games/cards", "logos", "geography", "office/etiquettes",
           "people/smilies")
TITLE = re.compile(r"<dc:title[^>]*>\s*([^<]+?)\s*</dc:title>")
LIST = re.compile(r"<rdf:li[^>]*>\s*([^<]+?)\s*</rdf:li>")


def clean(title):
    """A title as somebody would type it: no numbers at the end, no underscores, no file names."""
    title = re.sub(r"\.(svg|png)$", "", title.strip(), flags=re.I).replace("_", " ").replace("-", " ")
    title = re.sub(r"[\s#]*\d+$", "", title)
    return re.sub(r"\s+", " ", title).strip()


def pairs(root):
    """(png path, title, keywords) sorted by path; one picture for each title."""
    base = pathlib.Path(root) / "usr/share/openclipart"
    found, titles = [], set()
    for png in sorted((base / "png").rglob("*.png")):
        relative = png.relative_to(base / "png")
        if str(relative).startswith(SKIPPED):
            continue
        text = None
        for suffix in (".svg", ".svgz", ".svg.gz"):
            svg = (base / "svg" / relative).with_suffix(suffix)
            if svg.exists():
                data = svg.read_bytes()
                data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
                text = data.decode("utf-8", "replace")
        match = TITLE.search(text or "")
        if not match:
            continue
        title = clean(match.group(1))
        if len(title) < 3 or title.lower() in titles or title.lower() in ("untitled", "unsorted"):
            continue
        titles.add(title.lower())
        found.append((str(png), title, LIST.findall(text)))
    return found


if __name__ == "__main__":
    everything = pairs(sys.argv[1])
    print(len(everything), "pairs")
    for path, title, keywords in everything[:: max(1, len(everything) // 40)]:
        print(title, "|", ", ".join(keywords[:8]), "|", path.split("/png/")[1])
