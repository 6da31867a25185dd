#!/usr/bin/env python3
"""Prepares Debian's tuxpaint-stamps-default: pictures with captions in about 100 languages.

    python3 stamps.py DEST [--from FILE.deb]

leaves in DEST
    stamps/...                 785 PNG pictures, mirrored and flipped twins left out, each
                               with its sidecar .txt of captions
    captions.tsv               path, language, caption, of all of them
    captions-photographic.tsv  the same for the 374 photographic ones (by top-level folder)
    stamps.json                which package this was made from; written last

The demo shows these pictures and the evaluation asks for them. They judge Fovea, so
nothing that ships is trained or tuned on them.

Needs Python 3.8 alone, and apt-get to fetch the package (160 MB; no root). Either all
of DEST appears or nothing does, and a second run returns at once.
"""

import argparse
import errno
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

PACKAGE = "tuxpaint-stamps-default"
KNOWN = {  # SHA-256 of the package file -> version that the numbers were measured with
    "6db6c1bfc870a47f1499d6203b083522eacb57c5f9c87d468f2e92eb6d9d5f34": "2022.06.04-1",
}
LAYOUT = 1  # raised when what this script leaves behind changes, so that an old DEST is made anew
INSIDE = "usr/share/tuxpaint/stamps/"
TWINS = ("_mirror", "_flip")
PHOTOGRAPHIC = frozenset(
    "animals clothes food hobbies household medical people plants sports vehicles".split()
)
EXPECTED = {"pictures": 785, "photographic": 374, "photographic_en": 374, "photographic_zh": 310}

INPUT, ENVIRONMENT, DAMAGED = 2, 3, 4  # Fovea's exit codes


class Stop(Exception):
    """Ends the program with a message for a person: what happened and what to do next."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def main(arguments):
    options = parse(arguments)
    destination = Path(options.dest).absolute()
    if is_ready(destination):
        say(f"{PACKAGE} is ready in {destination}")
        return 0
    refuse_a_strangers_folder(destination)
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".stamps-", dir=destination.parent) as scratch:
            prepare(Path(scratch), destination, options.package_file)
    except OSError as error:
        raise Stop(ENVIRONMENT, explain_os_error(error, destination)) from error
    return 0


def parse(arguments):
    parser = argparse.ArgumentParser(
        prog="stamps.py", description=f"Prepares Debian's {PACKAGE} for the demo and the evaluation."
    )
    parser.add_argument("dest", metavar="DEST", help="folder to make")
    parser.add_argument(
        "--from", dest="package_file", metavar="FILE.deb", type=Path,
        help="the package file, for a machine without a network",
    )
    return parser.parse_args(arguments)


def prepare(scratch, destination, package_file):
    package = package_file or download(scratch)
    version = check_package(package)
    made = scratch / "made"
    captions = extract(package, made / "stamps")
    counts = write_captions(made, captions)
    if counts != EXPECTED:
        raise Stop(DAMAGED, f"{package.name} holds {counts}, expected {EXPECTED}: another version "
                            f"of {PACKAGE}; the known ones are {', '.join(KNOWN.values())}")
    marker = {"layout": LAYOUT, "package": PACKAGE, "version": version, **counts}
    (made / "stamps.json").write_text(json.dumps(marker, indent=2) + "\n", encoding="utf-8")
    publish(made, destination, scratch)
    say(f"{counts['pictures']} stamps with captions are in {destination}")


# --- Where DEST stands ----------------------------------------------------------------


def read_marker(destination):
    try:
        return json.loads((destination / "stamps.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def is_ready(destination):
    marker = read_marker(destination)
    return isinstance(marker, dict) and marker.get("layout") == LAYOUT


def refuse_a_strangers_folder(destination):
    """Only a folder that is missing, empty or made by this script is ever replaced."""
    if not os.path.lexists(destination):
        return
    ours = read_marker(destination) is not None
    if not ours and (not destination.is_dir() or any(destination.iterdir())):
        raise Stop(INPUT, f"{destination} exists and was not made by this script: name another folder")


def publish(made, destination, scratch):
    """The rename is the moment at which DEST exists; what stood there goes with the scratch folder."""
    if os.path.lexists(destination):
        os.rename(destination, scratch / "replaced")
    try:
        os.rename(made, destination)
    except OSError as error:
        # Another process was quicker; what it made is the same.
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or not is_ready(destination):
            raise


def explain_os_error(error, destination):
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (f"the disk of {destination.parent} is full: preparing the stamps needs about 300 MB "
                "there for a moment and 35 MB afterwards; nothing was left behind")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{destination} cannot be written ({error.strerror}): name a folder of your own"
    return f"{error.filename or destination}: {error.strerror or error}"


# --- Getting the package --------------------------------------------------------------


def download(scratch):
    apt = shutil.which("apt-get")
    if apt is None or is_not_debians(apt):
        raise Stop(ENVIRONMENT, f"this machine has no apt-get, which fetches {PACKAGE}: download the "
                                f".deb of {PACKAGE} from a Debian mirror (pool/main/t/{PACKAGE}/) on any "
                                "machine, and give it with --from FILE.deb")
    say(f"fetching {PACKAGE} with apt-get (160 MB)")
    refused = apt_download(apt, scratch)
    if refused and is_unknown_package(refused) and os.geteuid() == 0:
        say("the package lists are missing or old: running apt-get update")
        subprocess.run([apt, "-qq", "update"], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
        refused = apt_download(apt, scratch)
    if refused:
        raise Stop(ENVIRONMENT, explain_refusal(refused))
    found = sorted(scratch.glob("*.deb"))
    if not found:
        raise Stop(ENVIRONMENT, "apt-get download succeeded but left no .deb file")
    return found[0]


def is_not_debians(apt):
    """Other programs go by the name (a macOS Java tool, wrappers): Debian's says `apt 2.6.1 (amd64)`."""
    try:
        said = subprocess.run([apt, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    except OSError:
        return True
    return not said.stdout.startswith("apt ")


def apt_download(apt, scratch):
    """What apt-get complained of, or an empty string when it was content."""
    # apt drops root to its own user for downloads, which must be able to write here.
    os.chmod(scratch, 0o755)
    run = subprocess.run(
        [apt, "-q", "-o", "APT::Sandbox::User=root", "download", PACKAGE], cwd=scratch,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    return "" if run.returncode == 0 else (run.stderr.strip() or f"apt-get ended with {run.returncode}")


def is_unknown_package(refused):
    return any(sign in refused for sign in ("Unable to locate package", "No packages found",
                                            "Can't select candidate", "no installation candidate", "404 "))


def explain_refusal(refused):
    reason = refused.splitlines()[-1]
    if is_unknown_package(refused):
        return (f"apt-get does not know {PACKAGE} ({reason}): run `apt-get update` first (with sudo where you "
                "are not root); on Ubuntu the package is in `universe`; or give the .deb with --from FILE.deb")
    if "No space left" in refused or "enough free space" in refused:
        return f"the disk is full ({reason}): the package needs 160 MB for a moment"
    if any(sign in refused for sign in ("resolve", "connect", "Connection", "timed out", "unreachable")):
        return (f"apt-get reached no package mirror ({reason}): check the network, or fetch the .deb on another "
                "machine and give it with --from FILE.deb")
    return f"apt-get could not download {PACKAGE}:\n{refused}"


def check_package(package):
    """The version, known by the checksum. A version that is known by name alone is a damaged file."""
    try:
        found = sha256(package)
    except FileNotFoundError as error:
        raise Stop(INPUT, f"{package} does not exist") from error
    except IsADirectoryError as error:
        raise Stop(INPUT, f"{package} is a folder: name the .deb file in it") from error
    if found in KNOWN:
        return KNOWN[found]
    parts = package.name.split("_")
    version = parts[1] if len(parts) == 3 and parts[0] == PACKAGE else None
    if version is None or version in KNOWN.values():
        raise Stop(DAMAGED, f"{package} has the wrong checksum: SHA-256 {found}, expected {' or '.join(KNOWN)}; "
                            "delete it and fetch it again (a derivative of Debian may have rebuilt it: give "
                            "Debian's own file with --from FILE.deb)")
    say(f"{PACKAGE} {version} is not a version that Fovea's numbers were measured with")
    return version


def sha256(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()


# --- Unpacking it ---------------------------------------------------------------------


def extract(package, stamps):
    """Writes the pictures that stay and their sidecars; returns the captions by picture."""
    say("unpacking")
    pictures, sidecars = set(), {}
    for name, data in members(package):
        path = PurePosixPath(name)
        if ".." in path.parts or path.suffix not in (".png", ".txt") or any(t in path.name for t in TWINS):
            continue
        if path.suffix == ".txt":
            sidecars[path] = data  # small; which of them belong to a picture is known at the end
        else:
            write(stamps / path, data)
            pictures.add(path)
    for picture in pictures:
        if picture.with_suffix(".txt") in sidecars:
            write(stamps / picture.with_suffix(".txt"), sidecars[picture.with_suffix(".txt")])
    return {picture: captions_of(sidecars.get(picture.with_suffix(".txt"), b"")) for picture in pictures}


def members(package):
    """Name below the stamps folder, and content, of every regular file in the package."""
    try:
        with open_data(package) as stream, tarfile.open(fileobj=stream, mode="r|*") as archive:
            for member in archive:
                name = member.name[2:] if member.name.startswith("./") else member.name
                if member.isreg() and name.startswith(INSIDE):
                    yield name[len(INSIDE):], archive.extractfile(member).read()
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise Stop(DAMAGED, f"{package} cannot be unpacked ({error}): fetch it again") from error


def open_data(package):
    """The package's tar stream: from dpkg-deb where there is one, otherwise from the ar file itself."""
    if shutil.which("dpkg-deb"):
        run = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], stdin=subprocess.DEVNULL,
                             capture_output=True)
        if run.returncode == 0:
            return io.BytesIO(run.stdout)
    for name, data in ar_members(package):
        if name.startswith("data.tar"):
            if name.endswith(".zst"):
                raise Stop(ENVIRONMENT, "unpacking this package needs dpkg-deb: install dpkg")
            return io.BytesIO(data)
    raise Stop(DAMAGED, f"{package} is not a Debian package")


def ar_members(package):
    """The ar format: an 8-byte magic, then 60-byte headers with the size in decimal at 48..58."""
    with open(package, "rb") as file:
        if file.read(8) != b"!<arch>\n":
            raise Stop(DAMAGED, f"{package} is not a Debian package")
        while len(header := file.read(60)) == 60:
            size = int(header[48:58])
            yield header[:16].decode("ascii", "replace").strip().rstrip("/"), file.read(size)
            file.seek(size % 2, os.SEEK_CUR)


def write(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


# --- Captions -------------------------------------------------------------------------


def captions_of(sidecar):
    """Language -> caption. The first line is English; the others read `zh_CN.utf8=...`."""
    first, *others = sidecar.decode("utf-8", "replace").splitlines() or [""]
    captions = {"en": " ".join(first.split())}
    for line in others:
        code, sign, text = line.partition("=")
        if sign:
            captions.setdefault(language(code.strip()), " ".join(text.split()))
    return {lang: text for lang, text in captions.items() if text}


def language(code):
    """POSIX locale -> BCP 47: `zh_CN.utf8` -> `zh`, `pt_BR.utf8` -> `pt-BR`, `sr@latin` -> `sr-Latn`."""
    code = code.split(".")[0]
    short = {"zh_CN": "zh", "sr@latin": "sr-Latn"}
    return short.get(code, code.replace("_", "-").replace("@", "-"))


def write_captions(made, captions):
    photographic = {p: c for p, c in captions.items() if p.parts[0] in PHOTOGRAPHIC}
    write_tsv(made / "captions.tsv", captions)
    write_tsv(made / "captions-photographic.tsv", photographic)
    return {
        "pictures": len(captions),
        "photographic": len(photographic),
        "photographic_en": sum("en" in c for c in photographic.values()),
        "photographic_zh": sum("zh" in c for c in photographic.values()),
    }


def write_tsv(path, captions):
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write("path\tlanguage\tcaption\n")
        for picture in sorted(captions):
            for lang, text in sorted(captions[picture].items()):
                file.write(f"stamps/{picture}\t{lang}\t{text}\n")


def say(message):
    print(message, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Stop as stop:
        say(f"stamps.py: {stop}")
        sys.exit(stop.code)
    except KeyboardInterrupt:
        sys.exit(130)
