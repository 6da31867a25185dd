#!/usr/bin/env python3
"""Keeps previews and uploads in a bucket of moto, behind a gate that lets nothing in whose signature botocore would have
written otherwise, and looks at what lies there.

    scripts/check_s3 [FOVEA]

Run by that script, beside a Milvus server that FOVEA_MILVUS names. Prints a line for each thing that holds; the exit code is 1 where
one does not.
"""

import hashlib
import http.client
import json
import os
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

PROGRAM = sys.argv[1]
# Everything here is on this machine, whatever its environment says of proxies.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1"
BUCKET = "pictures"
# Letters that are written in more than one way within an address.
PREFIX = "a library's é +name %25 &x"
REGION = "eu-central-1"
KEYS = Credentials("a key", "a secret+/")
LIBRARY = f"{os.environ['FOVEA_MILVUS']}?library=s3-{os.getpid()}&index=flat"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answer(address, data=None, verb=None):
    request = urllib.request.Request(address, data=data, method=verb, headers={"Content-Type": "image/png"} if data else {})
    try:
        with urllib.request.urlopen(request, timeout=60) as told:
            return told.read()
    except urllib.error.HTTPError as refused:
        sys.exit(f"{address}: {refused}: {refused.read().decode()}")


def wait_for(address, process):
    for _ in range(600):
        try:
            with urllib.request.urlopen(address, timeout=60) as told:
                return told.read()
        except (urllib.error.URLError, ConnectionError):
            assert process.poll() is None, f"{process.args[0]} ended with {process.returncode}"
            time.sleep(0.1)
    raise TimeoutError(address)


def picture(number):
    """A PNG of one color."""
    side = 96
    row = b"\0" + bytes([40 * number % 256, 255 - 30 * number, 90]) * side

    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(row * side)) + chunk(b"IEND", b"")


class Gate(BaseHTTPRequestHandler):
    """In front of moto, whose own check of signatures refuses what boto3 sends, too, where a path or a query has other letters."""

    protocol_version = "HTTP/1.1"
    moto = None
    let_in = 0

    def is_signed(self, body):
        said = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=(.+)/(\d{8}/[^/]+/s3/aws4_request), *SignedHeaders=(.+), *Signature=(.+)",
                            self.headers.get("Authorization", ""))  # fmt: skip
        if said is None or self.headers.get("X-Amz-Content-SHA256") != hashlib.sha256(body).hexdigest():
            return False
        key, scope, names, signature = said.groups()
        signed = {name: self.headers[name] for name in names.split(";")}
        request = AWSRequest(self.command, f"http://{self.headers['Host']}{self.path}", signed, body)
        request.context["timestamp"] = self.headers["X-Amz-Date"]
        auth = S3SigV4Auth(KEYS, "s3", REGION)
        wanted = auth.signature(auth.string_to_sign(request, auth.canonical_request(request)), request)
        return (key, scope, signature) == (KEYS.access_key, auth.credential_scope(request), wanted)

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not self.is_signed(body):
            status, headers, said = 403, {}, b"<Error><Code>SignatureDoesNotMatch</Code><Message>Another one was expected.</Message></Error>"
        else:
            Gate.let_in += 1
            moto = http.client.HTTPConnection("127.0.0.1", Gate.moto, timeout=60)
            moto.request(self.command, self.path, body, dict(self.headers))
            told = moto.getresponse()
            status, headers, said = told.status, dict(told.getheaders()), told.read()
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "connection", "transfer-encoding", "date", "server"):
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(said))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said)

    do_GET = do_PUT = do_HEAD = do_DELETE = do_POST = pass_on

    def log_message(self, *_):
        pass


class Check:
    def __init__(self, place):
        self.place = place
        self.running = []

    def start(self, *words, **more):
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, **more)
        self.running.append(process)
        return process

    def end(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(30)

    def store(self):
        Gate.moto = free_port()
        moto_address = f"http://127.0.0.1:{Gate.moto}"
        with open(self.place / "moto.log", "w") as log:
            moto = self.start(sys.executable, "-m", "moto.server", "-p", str(Gate.moto), stdout=log, stderr=log)
        wait_for(f"{moto_address}/moto-api/", moto)
        keys = {"aws_access_key_id": KEYS.access_key, "aws_secret_access_key": KEYS.secret_key}
        self.s3 = boto3.client("s3", endpoint_url=moto_address, region_name=REGION, **keys)
        self.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
        gate = ThreadingHTTPServer(("127.0.0.1", 0), Gate)
        threading.Thread(target=gate.serve_forever, daemon=True).start()
        self.endpoint = f"http://127.0.0.1:{gate.server_port}"

    def environment(self, machine, **more):
        keys = {"AWS_ACCESS_KEY_ID": KEYS.access_key, "AWS_SECRET_ACCESS_KEY": KEYS.secret_key, "AWS_REGION": REGION}
        ours = {"AWS_ENDPOINT_URL": self.endpoint, "XDG_DATA_HOME": str(self.place / machine)}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        return inherited | keys | ours | more

    def words(self, *words, bucket=BUCKET):
        return [PROGRAM, "--db", LIBRARY, "--blobs", f"s3://{bucket}/{PREFIX}", *map(str, words)]

    def fovea(self, *words, bucket=BUCKET, **more):
        environment = self.environment("first", **more)
        return subprocess.run(self.words(*words, bucket=bucket), env=environment, capture_output=True, text=True)

    def objects(self, below):
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{PREFIX}/{below}/").get("Contents", [])
        return [entry["Key"] for entry in listed]

    def index(self):
        pictures = self.place / "shown"
        pictures.mkdir()
        for number in range(5):
            (pictures / f"{number}.png").write_bytes(picture(number))
        told = self.fovea("index", pictures)
        assert told.returncode == 0, told.stderr
        previews = self.objects("previews")
        assert len(previews) == 5, previews
        for key in previews:
            body = self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
            assert body[:3] == b"\xff\xd8\xff", (key, body[:16])
        print(f"ok  index: {len(previews)} previews below a prefix of {len(PREFIX)} letters")

    def serve(self, machine):
        port = free_port()
        with open(self.place / f"{machine}.log", "w") as log:
            words = self.words("serve", "--listen", f"127.0.0.1:{port}")
            serving = self.start(*words, env=self.environment(machine), stdout=log, stderr=log)
        wait_for(f"http://127.0.0.1:{port}/readyz", serving)
        return f"http://127.0.0.1:{port}/api/v1"

    def uploads(self):
        first, second = self.serve("first"), self.serve("second")
        added = json.loads(answer(f"{first}/items?name=green%20one.png", picture(7)))
        [key] = self.objects("uploads")
        item = added["item"].lstrip("#")
        # A process looks at what others wrote every quarter of a second.
        time.sleep(1)
        assert answer(f"{second}/items/{item}/original") == picture(7), "another machine shows another picture"
        assert answer(f"{second}/items/{item}/thumbnail")[:3] == b"\xff\xd8\xff"
        print(f"ok  serve: an upload to one machine is {key[len(PREFIX) + 1:]!r}, which another machine shows")
        answer(f"{first}/items/{item}", verb="DELETE")
        assert self.objects("uploads") == []
        print("ok  serve: what is removed is gone from the bucket")

    def refusals(self):
        (self.place / "shown" / "new.png").write_bytes(picture(8))
        wrong = self.fovea("index", self.place / "shown", AWS_SECRET_ACCESS_KEY="another")
        assert wrong.returncode != 0 and "SignatureDoesNotMatch" in wrong.stderr and BUCKET in wrong.stderr, wrong.stderr
        print(f"ok  a wrong key: {wrong.stderr.strip().splitlines()[-1]}")
        absent = self.fovea("index", self.place / "shown", bucket="elsewhere")
        assert absent.returncode != 0 and "elsewhere" in absent.stderr, absent.stderr
        print(f"ok  no such bucket: {absent.stderr.strip().splitlines()[-1]}")

    def lost(self):
        [one, *_] = self.objects("previews")
        self.s3.delete_object(Bucket=BUCKET, Key=one)
        told = self.fovea("check")
        assert "preview" in told.stdout + told.stderr and told.returncode != 0, (told.returncode, told.stdout, told.stderr)
        print(f"ok  check: {(told.stdout + told.stderr).strip().splitlines()[0]}")


with tempfile.TemporaryDirectory() as scratch:
    check = Check(Path(scratch))
    try:
        check.store()
        check.index()
        check.uploads()
        check.refusals()
        check.lost()
        print(f"ok  {Gate.let_in} requests were signed as botocore signs them")
    finally:
        check.end()
