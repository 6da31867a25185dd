"""Draws the awkward pictures: what the reference prepares and what Fovea must prepare alike. All are lossless but one JPEG,
which Fovea decodes at a reduced scale."""

import struct
import zlib

import numpy
from PIL import Image, ImageOps


def scene(width, height, channels, seed):
    """Slopes, edges and noise, so that a filter that is slightly wrong shows."""
    random = numpy.random.default_rng(seed)
    y, x = numpy.mgrid[0:height, 0:width]
    planes = []
    for channel in range(channels):
        slope = 255 * (x * (channel + 1) + y) / max(1, width * (channel + 1) + height)
        edges = 90 * (((x // 5 + y // 7 + channel) % 3) - 1)
        planes.append(slope + edges + random.normal(0, 12, (height, width)))
    return numpy.clip(numpy.stack(planes, -1), 0, 255).astype(numpy.uint8)


def landscape(width, height, seed):
    """As photographs are: each octave of detail half as strong as the one before."""
    random = numpy.random.default_rng(seed)
    total = numpy.zeros((height, width, 3))
    for octave in range(1, 9):
        coarse = Image.fromarray(random.integers(0, 256, (3 << octave >> 1, 4 << octave >> 1, 3), numpy.uint8))
        total += (numpy.asarray(coarse.resize((width, height), Image.BICUBIC), float) - 128) * 2.0 ** (1 - octave)
    return Image.fromarray(numpy.clip(total + 128, 0, 255).astype(numpy.uint8))


def png_of_16_bits(pixels):
    """Pillow writes no RGB with 16 bits a channel; the format does not need it to."""
    height, width, _ = pixels.shape
    wide = pixels.astype(">u2") * 257
    rows = b"".join(b"\0" + wide[row].tobytes() for row in range(height))
    chunk = lambda kind, data: (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    )
    head = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    )


def draw(folder):
    folder.mkdir(parents=True, exist_ok=True)
    rgb = lambda width, height, seed: Image.fromarray(scene(width, height, 3, seed))
    plain = {
        "square": (24, 24), "wide": (97, 41), "tall": (41, 97), "odd": (25, 37), "small": (7, 5), "one": (1, 1),
        "column": (1, 40), "row": (40, 1), "strip": (150, 4), "large": (211, 160), "nearly": (48, 49), "double": (48, 48),
    }
    for seed, (name, size) in enumerate(plain.items()):
        rgb(*size, seed).save(folder / f"{name}.png", optimize=True)
    Image.fromarray(scene(40, 30, 1, 20)[:, :, 0]).save(folder / "grey.png", optimize=True)
    Image.fromarray(scene(33, 21, 1, 21)[:, :, 0] > 127).save(folder / "bits.png", optimize=True)
    rgb(50, 31, 22).quantize(16).save(folder / "palette.png", optimize=True)
    Image.fromarray(scene(33, 47, 4, 23)).save(folder / "alpha.png", optimize=True)
    Image.fromarray(scene(29, 20, 2, 24), "LA").save(folder / "grey_alpha.png", optimize=True)
    (folder / "wide_numbers.png").write_bytes(png_of_16_bits(scene(45, 30, 3, 25)))
    Image.fromarray(scene(36, 52, 4, 27), "CMYK").save(folder / "ink.tif", compression="tiff_lzw")
    landscape(960, 720, 28).save(folder / "camera.jpg", quality=85, subsampling="4:2:0")
    for orientation in (6, 7):
        turned = rgb(44, 27, 26 + orientation)
        exif = turned.getexif()
        exif[0x0112] = orientation
        turned.save(folder / f"turned_{orientation}.png", exif=exif, optimize=True)


def upright(path):
    """Upright RGB. The processors ignore orientation and drop transparency; Fovea does neither, so the reference is
    given what Fovea sees: the picture turned, on white."""
    picture = ImageOps.exif_transpose(Image.open(path))
    if picture.mode in ("RGBA", "LA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, (255, 255, 255, 255))
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")
