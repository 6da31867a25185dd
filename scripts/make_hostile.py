#!/usr/bin/env python3
"""Writes testdata/small (tiny sound pictures of every format) and testdata/hostile (pictures that attack a decoder).

Standard library only, and the same bytes on every run with the same zlib. The few files in BASE64 were written once by
Pillow 13 from one 32x16 picture of four colours (red, green, blue, near-white), because no encoder for them is at hand here.

    python3 scripts/make_hostile.py
"""

import base64
import struct
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent / "testdata"
COLORS = [(220, 20, 20), (20, 200, 20), (20, 20, 220), (235, 235, 235)]
WIDTH, HEIGHT = 32, 16

BASE64 = {
    "JPEG": """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIU
    FRT/2wBDAQMEBAUEBQkFBQkUDQsNFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBT/wAARCAAQACADAREAAhEB
    AxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS
    0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKz
    tLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgEC
    BAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpj
    ZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6
    /9oADAMBAAIRAxEAPwD5/r8kP9CwoA97r86P8LAoA+Ia/wBqz+nQoA/oAr/PQ+rCgD//2Q==
    """,
    "JPEG_420": """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEYGh0dHx8fExciJCIeJBwe
    Hx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh7/wAARCAAQACADASIAAhEB
    AxEB/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS
    0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKz
    tLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/8QAHwEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoL/8QAtREAAgEC
    BAQDBAcFBAQAAQJ3AAECAxEEBSExBhJBUQdhcRMiMoEIFEKRobHBCSMzUvAVYnLRChYkNOEl8RcYGRomJygpKjU2Nzg5OkNERUZHSElKU1RVVldYWVpj
    ZGVmZ2hpanN0dXZ3eHl6goOEhYaHiImKkpOUlZaXmJmaoqOkpaanqKmqsrO0tba3uLm6wsPExcbHyMnK0tPU1dbX2Nna4uPk5ebn6Onq8vP09fb3+Pn6
    /9oADAMBAAIRAxEAPwDzKiuEor7X/iD3/UZ/5T/+3P0P/iKn/UJ/5P8A/aH0LRX1dRX41/qn/wBPf/Jf+CfgH+pP/T//AMl/+2P/2Q==
    """,
    "JPEG_PROGRESSIVE": """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEYGh0dHx8fExciJCIeJBwe
    Hx7/2wBDAQUFBQcGBw4ICA4eFBEUHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh7/wgARCAAQACADASIAAhEB
    AxEB/8QAFwABAQEBAAAAAAAAAAAAAAAAAAcFBv/EABUBAQEAAAAAAAAAAAAAAAAAAAYF/9oADAMBAAIQAxAAAAHmGEtIaEq4aA//xAAUEAEAAAAAAAAA
    AAAAAAAAAAAw/9oACAEBAAEFAg//xAAaEQABBQEAAAAAAAAAAAAAAAAAFRZioeFj/9oACAEDAQE/AXVyvBEnWn//xAAbEQABBAMAAAAAAAAAAAAAAAAA
    FRZiY6Gi4f/aAAgBAgEBPwFn3a9EmWD/xAAUEAEAAAAAAAAAAAAAAAAAAAAw/9oACAEBAAY/Ag//xAAUEAEAAAAAAAAAAAAAAAAAAAAw/9oACAEBAAE/
    IQ//2gAMAwEAAgADAAAAEM/P/8QAFBEBAAAAAAAAAAAAAAAAAAAAEP/aAAgBAwEBPxAdP//EABYRAQEBAAAAAAAAAAAAAAAAAADw8f/aAAgBAgEBPxBM
    6f/EABQQAQAAAAAAAAAAAAAAAAAAADD/2gAIAQEAAT8QD//Z
    """,
    "JPEG_GRAY": """
    /9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAUDBAQEAwUEBAQFBQUGBwwIBwcHBw8LCwkMEQ8SEhEPERETFhwXExQaFRERGCEYGh0dHx8fExciJCIeJBwe
    Hx7/wAALCAAQACABAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMUEGE1FhByJx
    FDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZ
    mqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APMqK9Kor56or9M6K//Z
    """,
    "JPEG_CMYK": """
    /9j/7gAOQWRvYmUAZAAAAAAA/9sAQwACAQEBAQECAQEBAgICAgIEAwICAgIFBAQDBAYFBgYGBQYGBgcJCAYHCQcGBggLCAkKCgoKCgYICwwLCgwJCgoK
    /8AAFAgAEAAgBEMRAE0RAFkRAEsRAP/EAB8AAAEFAQEBAQEBAAAAAAAAAAABAgMEBQYHCAkKC//EALUQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFB
    BhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYnKCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqS
    k5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+v/aAA4EQwBNAFkASwAAPwD9cK/E+vxP
    r9/KKKKK/jfr+tCiiiiiiiv5L6/sgooooor+1yv7XK7yiiiiiv/Z
    """,
    "WEBP": """
    UklGRlAAAABXRUJQVlA4IEQAAABwAgCdASogABAAAUAmJaACdL0r4B+EH43ARGMAAP73E9//7LTv/IC5PEhf+JC//EhcRkIIF/iPb//6eB5WGyCeygAA
    AA==
    """,
    "WEBP_LOSSLESS": """
    UklGRkQAAABXRUJQVlA4TDgAAAAvH8ADAB8gECDs+HdlSEhAmOX/HckDoQDCk0H+K5ck5j/uDkwIBNk2k5zkJA9wgYj+h+q2/aoAfg==
    """,
    "WEBP_ALPHA": """
    UklGRm4AAABXRUJQVlA4WAoAAAAQAAAAHwAADwAAQUxQSAkAAAABBxAREYiI/gcAVlA4ID4AAACwAgCdASogABAAPm0qkUWkIqGYBABABsS0AABCr2AA
    /vNzf//HeD//gP4l//vGf/L7//94z//7jPkL1ACgAA==
    """,
    "GIF": """
    R0lGODdhIAAQAIEAAOvr6xTIFNwUFBQU3CwAAAAAIAAQAEAIYQAFCBxIsKCAAAgTKlwYYIDDhxAjDgBAsaLFiwAMahzIsGNCiSAfYhxZceNGjx5NakTZ
    MWRIkiRdgoQ5UqVBlgxtFsS5UCdBngp9cgSKUKZEmhiNRkR6USlEphadioRKMSAAOw==
    """,
    "GIF_ANIMATED": """
    R0lGODlhIAAQAIEAAOvr6xTIFNwUFBQU3CH5BAAKAAAALAAAAAAgABAAAAhhAAUIHEiwoIAACBMqXBjAoMOBDCMmfPhQokSKDi1GxGhQI0OOBT0uBElQ
    pEKSEE0iHMCypcuXAwDInEmzJgCYOFva3DkzZ06ePH3iBLpTKEyiNo2+RFpTqUumNJ3qhCozIAAh+QQBCgAEACwAAAAAIAAQAIHr6+sUyBTcFBQUFNwI
    YQABCBxIsCCAAQgTKlw4wKDDgQwjJnz4UKJEig4tRsRoUCNDjgU9LgRJUKRCkhBNIgzAsqXLlwEEyJxJs6YAmDhb2tw5M2dOnjx94gS6UyhMojaNvkRa
    U6lLpjSd6oQqMyAAOw==
    """,
}


def blob(name):
    return base64.b64decode("".join(BASE64[name].split()))


def pixel(x, y):
    return COLORS[(y >= HEIGHT // 2) * 2 + (x >= WIDTH // 2)]


# PNG


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, depth, color, rows, extra=b"", interlace=0):
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    data = zlib.compress(rows, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def rows(encode):
    return b"".join(b"\0" + b"".join(encode(*pixel(x, y)) for x in range(WIDTH)) for y in range(HEIGHT))


def adam7():
    out = b""
    for x0, y0, dx, dy in [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]:
        for y in range(y0, HEIGHT, dy):
            out += b"\0" + b"".join(bytes(pixel(x, y)) for x in range(x0, WIDTH, dx))
    return out


def luma(r, g, b):
    return (299 * r + 587 * g + 114 * b) // 1000


def palette_png():
    indices = b"".join(
        b"\0" + bytes(sum(COLORS.index(pixel(x + i, y)) << (6 - 2 * i) for i in range(4)) for x in range(0, WIDTH, 4))
        for y in range(HEIGHT)
    )
    return png(WIDTH, HEIGHT, 2, 3, indices, chunk(b"PLTE", b"".join(bytes(c) for c in COLORS)))


def text_png():
    words = "Ein roter Fleck".encode()
    itxt = chunk(b"iTXt", b"Description\0\1\0de\0Beschreibung\0" + zlib.compress(words))
    return png(WIDTH, HEIGHT, 8, 2, rows(lambda *c: bytes(c)), itxt + chunk(b"tEXt", b"Title\0Four colours"))


# BMP, TIFF, EXIF


def bmp():
    data = b"".join(b"".join(bytes(pixel(x, y)[::-1]) for x in range(WIDTH)) for y in reversed(range(HEIGHT)))
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, HEIGHT, 1, 24, 0, len(data), 2835, 2835, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54 + len(data), 0, 0, 54) + info + data


SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 10: 8}


def ifd(entries, at, next_ifd=0, order="<"):
    """One directory at offset `at`: entries are (tag, type, count, packed bytes)."""
    table, values = b"", b""
    values_at = at + 2 + 12 * len(entries) + 4
    for tag, kind, count, data in sorted(entries):
        if len(data) <= 4:
            field = data.ljust(4, b"\0")
        else:
            field = struct.pack(order + "I", values_at + len(values))
            values += data
        table += struct.pack(order + "HHI", tag, kind, count) + field
    return struct.pack(order + "H", len(entries)) + table + struct.pack(order + "I", next_ifd) + values


def short(tag, *values, order="<"):
    return (tag, 3, len(values), struct.pack(f"{order}{len(values)}H", *values))


def long(tag, *values, order="<"):
    return (tag, 4, len(values), struct.pack(f"{order}{len(values)}I", *values))


def text(tag, value):
    return (tag, 2, len(value) + 1, value.encode() + b"\0")


def rational(tag, *pairs, order="<"):
    return (tag, 5, len(pairs), b"".join(struct.pack(order + "II", *pair) for pair in pairs))


def tiff_file(data, entries):
    """Pixel data first, then the directory."""
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + ifd(entries, 8 + len(data))


def tiff(encode, bits, photometric, extra=()):
    data = b"".join(b"".join(encode(*pixel(x, y)) for x in range(WIDTH)) for y in range(HEIGHT))
    entries = [
        long(256, WIDTH), long(257, HEIGHT), short(258, *bits), short(259, 1), short(262, photometric), long(273, 8),
        short(277, len(bits)), long(278, HEIGHT), long(279, len(data)), *extra,
    ]
    return tiff_file(data, entries)


def tiled_tiff():
    """Two planes of tiles would be rare; tiles that stick out at the right and below are not: 16x16 tiles, 24x10 picture."""
    width, height, data, offsets = 24, 10, b"", []
    for left in (0, 16):
        offsets.append(8 + len(data))
        data += b"".join(bytes(pixel(min(left + x, width - 1), y)) for y in range(16) for x in range(16))
    entries = [
        long(256, width), long(257, height), short(258, 8, 8, 8), short(259, 1), short(262, 2), short(277, 3),
        long(322, 16), long(323, 16), long(324, *offsets), long(325, 768, 768),
    ]
    return tiff_file(data, entries)


def planar_tiff():
    planes = [bytes(pixel(x, y)[c] for y in range(HEIGHT) for x in range(WIDTH)) for c in range(3)]
    size = len(planes[0])
    entries = [
        long(256, WIDTH), long(257, HEIGHT), short(258, 8, 8, 8), short(259, 1), short(262, 2),
        long(273, 8, 8 + size, 8 + 2 * size), short(277, 3), long(278, HEIGHT), long(279, size, size, size), short(284, 2),
    ]
    return tiff_file(b"".join(planes), entries)


def palette_tiff():
    data = bytes(COLORS.index(pixel(x, y)) for y in range(HEIGHT) for x in range(WIDTH))
    colors = COLORS + [(0, 0, 0)] * 252
    color_map = [c[i] * 257 for i in range(3) for c in colors]
    entries = [
        long(256, WIDTH), long(257, HEIGHT), short(258, 8), short(259, 1), short(262, 3), long(273, 8), short(277, 1),
        long(278, HEIGHT), long(279, len(data)), short(320, *color_map),
    ]
    return tiff_file(data, entries)


def raw_file():
    """What a DNG looks like: a tiny thumbnail, a preview JPEG and sensor data in sub-directories, turned by orientation 6."""
    preview, sensor = blob("JPEG"), bytes(range(64))
    sub = 8 + len(preview) + len(sensor)
    preview_ifd = ifd([short(259, 7), short(262, 6), long(273, 8), long(279, len(preview))], sub)
    sensor_at = sub + len(preview_ifd)
    sensor_ifd = ifd(
        [long(256, 8), long(257, 8), short(258, 8), short(259, 1), short(262, 32803), long(273, 8 + len(preview)), long(279, 64)],
        sensor_at,
    )
    main_at = sensor_at + len(sensor_ifd)
    main = ifd(
        [text(271, "Fixture"), text(272, "Raw One"), short(274, 6), long(330, sub, sensor_at), (50706, 1, 4, b"\1\4\0\0")],
        main_at,
    )
    return b"II*\0" + struct.pack("<I", main_at) + preview + sensor + preview_ifd + sensor_ifd + main


def with_exif(jpeg, block):
    body = b"Exif\0\0" + block
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def exif(entries, order="<"):
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "I", 8) + ifd(entries, 8, 0, order)


def nested_exif(exif_entries, gps_entries=()):
    """A main directory with an Exif and a GPS directory behind it."""
    main_len = len(ifd([long(34665, 0), long(34853, 0)], 8))
    first = ifd(list(exif_entries), 8 + main_len)
    second = ifd(list(gps_entries), 8 + main_len + len(first))
    main = ifd([long(34665, 8 + main_len), long(34853, 8 + main_len + len(first))], 8)
    return b"II*\0" + struct.pack("<I", 8) + main + first + second


# SVG


def svg(body, size='width="32" height="16" viewBox="0 0 32 16"', before=""):
    return f'<?xml version="1.0"?>\n{before}<svg xmlns="http://www.w3.org/2000/svg" {size}>{body}</svg>\n'.encode()


def rect(x, y, width, height, color):
    return f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="rgb{color}"/>'


def four_rects():
    return "".join(rect(x, y, 16, 8, pixel(x, y)) for y in (0, 8) for x in (0, 16))


def gzipped(data):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush()


def small():
    words = '<title>Vier Farben</title><desc xml:lang="en">four colours</desc>'
    rgb = lambda *c: bytes(c)
    wide = lambda *c: b"".join(struct.pack("<H", v * 257) for v in c)
    yield "rgb.jpg", blob("JPEG")
    yield "subsampled.jpg", blob("JPEG_420")
    yield "progressive.jpg", blob("JPEG_PROGRESSIVE")
    yield "gray.jpg", blob("JPEG_GRAY")
    yield "cmyk.jpg", blob("JPEG_CMYK")
    yield "lossy.webp", blob("WEBP")
    yield "lossless.webp", blob("WEBP_LOSSLESS")
    yield "transparent.webp", blob("WEBP_ALPHA")
    yield "still.gif", blob("GIF")
    yield "animated.gif", blob("GIF_ANIMATED")
    yield "rgb.png", png(WIDTH, HEIGHT, 8, 2, rows(rgb))
    yield "rgb16.png", png(WIDTH, HEIGHT, 16, 2, rows(lambda *c: b"".join(struct.pack(">H", v * 257) for v in c)))
    yield "gray.png", png(WIDTH, HEIGHT, 8, 0, rows(lambda *c: bytes([luma(*c)])))
    yield "transparent.png", png(WIDTH, HEIGHT, 8, 6, rows(lambda *c: bytes([*c, 0])))
    yield "half.png", png(WIDTH, HEIGHT, 8, 6, rows(lambda *c: bytes([*c, 128])))
    yield "palette.png", palette_png()
    yield "interlaced.png", png(WIDTH, HEIGHT, 8, 2, adam7(), interlace=1)
    yield "words.png", text_png()
    yield "rgb.bmp", bmp()
    yield "rgb.tif", tiff(rgb, (8, 8, 8), 2)
    yield "rgb16.tif", tiff(wide, (16, 16, 16), 2)
    yield "gray.tif", tiff(lambda *c: bytes([luma(*c)]), (8,), 1)
    yield "white_is_zero.tif", tiff(lambda *c: bytes([255 - luma(*c)]), (8,), 0)
    yield "tiled.tif", tiled_tiff()
    yield "planar.tif", planar_tiff()
    yield "palette.tif", palette_tiff()
    yield "preview.dng", raw_file()
    yield "rects.svg", svg(words + four_rects())
    yield "rects.svgz", gzipped(svg(words + four_rects()))
    for value in range(1, 9):
        order = "<" if value % 2 else ">"
        yield f"orientation_{value}.jpg", with_exif(blob("JPEG"), exif([short(274, value, order=order)], order))


def hostile():
    rgb = lambda *c: bytes(c)
    jpeg, sound_png = blob("JPEG"), png(WIDTH, HEIGHT, 8, 2, rows(rgb))
    yield "empty.jpg", b""
    yield "truncated.jpg", jpeg[:-40]
    yield "header_only.jpg", jpeg[:200]
    yield "truncated_progressive.jpg", blob("JPEG_PROGRESSIVE")[:-60]
    yield "truncated.png", sound_png[:-30]
    yield "truncated.webp", blob("WEBP")[:-20]
    yield "truncated.gif", blob("GIF")[:-30]
    yield "truncated.bmp", bmp()[:-100]
    yield "truncated.tif", tiff(rgb, (8, 8, 8), 2)[:1000]
    yield "truncated.svg", svg(four_rects())[:-40]
    yield "zero_by_zero.png", png(0, 0, 8, 2, b"")
    yield "huge_header.png", png(60_000, 60_000, 8, 2, b"\0" * 1000)
    frame = jpeg.index(b"\xff\xc0")
    yield "huge_header.jpg", jpeg[: frame + 5] + struct.pack(">HH", 60_000, 60_000) + jpeg[frame + 9 :]
    yield "bomb.png", png(20_000, 20_000, 1, 0, b"\0" * (2501 * 20_000))
    yield "bomb_interlaced.png", png(20_000, 20_000, 1, 0, b"\0" * 100_000, interlace=1)
    yield "bomb.gif", b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + b"\x80\0\0\0\0\0\xff\xff\xff," + struct.pack(
        "<HHHHB", 0, 0, 65_535, 65_535, 0
    ) + b"\2\2\x4c\1\0;"
    yield "bomb_text.png", png(WIDTH, HEIGHT, 8, 2, rows(rgb), chunk(b"iTXt", b"Description\0\1\0\0\0" + zlib.compress(b"a" * 30_000_000, 9)))
    yield "png_named.jpg", sound_png
    yield "jpeg_named.png", jpeg
    yield "text_named.png", b"This is not a picture, it is a note.\n"
    yield "page_named.jpg", b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n"
    yield "zeros.jpg", bytes(4096)
    outside = '<image width="32" height="16" href="{}"/>'
    yield "external_file.svg", svg('<rect width="32" height="16" fill="white"/>' + outside.format("rgb.png") + outside.format("/etc/hostname"))
    yield "external_url.svg", svg(outside.format("http://192.0.2.1/a.png"), before='<?xml-stylesheet href="http://192.0.2.1/a.css"?>')
    entity = '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    yield "external_entity.svg", svg("<text>&x;</text>", before=entity)
    laughs = "".join(f'<!ENTITY l{i} "{f"&l{i - 1};" * 10}">' for i in range(1, 10))
    yield "billion_laughs.svg", svg("<desc>&l9;</desc>", before=f'<!DOCTYPE svg [<!ENTITY l0 "ha">{laughs}]>')
    yield "quadratic_entity.svg", svg("<desc>" + "&a;" * 5000 + "</desc>", before=f'<!DOCTYPE svg [<!ENTITY a "{"a" * 20_000}">]>')
    yield "huge_canvas.svg", svg('<rect width="1e9" height="1e9" fill="red"/>', 'width="1000000000" height="1000000000"')
    yield "thin_canvas.svg", svg('<rect width="1e9" height="1" fill="red"/>', 'width="1000000000" height="1"')
    yield "deep.svg", svg("<g>" * 5000 + "</g>" * 5000)
    yield "deep_layers.svg", svg('<g opacity="0.9">' * 190 + four_rects() + "</g>" * 190)
    yield "use_bomb.svg", svg('<g id="a0"><rect width="1" height="1"/></g>' + "".join(
        f'<g id="a{i}">{f"""<use href="#a{i - 1}"/>""" * 10}</g>' for i in range(1, 9)))
    yield "use_loop.svg", svg('<g id="a"><use href="#b"/></g><g id="b"><use href="#a"/></g>')
    yield "many_filters.svg", svg('<filter id="f">' + '<feTurbulence baseFrequency="0.05" numOctaves="9"/>' * 500 + '</filter>'
        + '<rect width="32" height="16" filter="url(#f)"/>' * 20)
    yield "zip_bomb.svgz", gzipped(b"<svg xmlns='http://www.w3.org/2000/svg'>" + b" " * 60_000_000)
    yield "exif_corrupt.jpg", with_exif(jpeg, b"II*\0\xff\xff\xff\x7f" + b"\xa5" * 60)
    count_bomb = exif([short(274, 6), (270, 2, 0x7FFFFFFF, b"\0\0\0\0\0"), (271, 5, 0xFFFFFFFF, b"\0\0\0\0\0")])
    yield "exif_count_bomb.jpg", with_exif(jpeg, count_bomb)
    loop = b"II*\0" + struct.pack("<I", 8) + ifd([short(274, 3), long(330, 8), long(34665, 8), long(34853, 8)], 8, 8)
    yield "exif_recursive.jpg", with_exif(jpeg, loop)
    zero = (0, 0)
    yield "exif_nan.jpg", with_exif(jpeg, nested_exif(
        [rational(33434, zero), rational(33437, (1, 0)), rational(37386, zero), text(36867, "0000:00:00 00:00:00")],
        [text(1, "N"), rational(2, zero, zero, zero), text(3, "E"), rational(4, (1, 0), zero, zero), rational(6, zero)]))
    yield "exif_orientation_99.jpg", with_exif(jpeg, exif([short(274, 99)]))
    xmp = b"http://ns.adobe.com/xap/1.0/\0" + b"<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF" + b"<a>" * 2000
    yield "xmp_broken.jpg", jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp + jpeg[2:]
    yield "tiff_loop.tif", b"II*\0" + struct.pack("<I", 8) + ifd([long(330, 8)], 8, 8)
    bomb_strip = [long(256, 50_000), long(257, 10_000), short(258, 8, 8, 8), short(259, 8), short(262, 2), long(273, 8), short(277, 3),
                  long(278, 10_000), long(279, 20)]
    yield "bomb.tif", tiff_file(zlib.compress(b"\0" * 1000)[:20].ljust(20, b"\0"), bomb_strip)
    yield "contradictory.bmp", bmp()[:18] + struct.pack("<ii", 50_000, -2_147_483_648) + bmp()[26:]
    yield "clip.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(32)
    yield "clip.avif", b"\0\0\0\x18ftypavif\0\0\0\0mif1avif" + bytes(32)
    yield "clip.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isommp42" + bytes(32)
    yield "no_preview.dng", b"II*\0" + struct.pack("<I", 8) + ifd([(50706, 1, 4, b"\1\4\0\0"), short(262, 32803)], 8)


def main():
    for folder, files in (("small", small()), ("hostile", hostile())):
        (ROOT / folder).mkdir(parents=True, exist_ok=True)
        for name, data in files:
            (ROOT / folder / name).write_bytes(data)
        total = sum(path.stat().st_size for path in (ROOT / folder).iterdir())
        print(f"{folder}: {total} bytes")


if __name__ == "__main__":
    main()
