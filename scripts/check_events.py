#!/usr/bin/env python3
"""Has TensorBoard read an event file that Fovea wrote, and compares every point with what was meant.

    scripts/check_events [WRITE_EVENTS]

Run by that script, which installs TensorBoard. WRITE_EVENTS is the example of fovea-train.
Prints a line for each check; the exit code is 1 where one fails.
"""

import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader, RawEventFileLoader
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.util import tensor_util

# The reader says what it thinks of a damaged file, which one check hands it on purpose.
logging.disable(logging.WARNING)


def same_value(found, expected):
    expected = float(expected)
    return found == expected or (found != found and expected != expected)


def same(found, expected):
    assert len(found) == len(expected), f"{len(found)} points, not {len(expected)}"
    for (tag, step, value, wall_time), point in zip(found, expected):
        assert (tag, step, wall_time) == (point["tag"], point["step"], point["wall_time"]), (tag[:40], step, point)
        assert same_value(value, point["value"]), (tag[:40], step, value, point)


def loader(path, expected):
    """Event by event, the version first."""
    first, *rest = EventFileLoader(str(path)).Load()
    assert first.file_version == "brain.Event:2" and first.wall_time == expected["began"], first
    values = [(event, value) for event in rest for value in event.summary.value]
    found = [(value.tag, event.step, float(tensor_util.make_ndarray(value.tensor)), event.wall_time) for event, value in values]
    same(found, expected["scalars"])


def accumulator(path, expected):
    """As the page reads a folder: by tag, in the order of the tags."""
    read = EventAccumulator(str(path.parent), size_guidance={"scalars": 0})
    read.Reload()
    tags = list(dict.fromkeys(point["tag"] for point in expected["scalars"]))
    assert sorted(read.Tags()["scalars"]) == sorted(tags), f"{len(read.Tags()['scalars'])} tags, not {len(tags)}"
    for tag in tags:
        found = [(tag, one.step, one.value, one.wall_time) for one in read.Scalars(tag)]
        same(found, [point for point in expected["scalars"] if point["tag"] == tag])


def bytes_again(path, _expected):
    """The same bytes as Protocol Buffers write for each event: no field is unknown, none in another order."""
    for record in RawEventFileLoader(str(path)).Load():
        event = Event.FromString(record)
        assert event.SerializeToString(deterministic=True) == record, record[:80]


def damage(path, expected):
    """The reader does look at the checksums: of a file with one bit turned, it reads no more than what stands before."""
    damaged = bytearray(path.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    other = path.with_name("events.out.tfevents.damaged")
    other.write_bytes(damaged)
    found = sum(1 for _ in EventFileLoader(str(other)).Load())
    other.unlink()
    assert 0 < found < len(expected["scalars"]), found


def main():
    (write_events,) = sys.argv[1:]
    failed = 0
    with tempfile.TemporaryDirectory() as place:
        subprocess.run([write_events, place], check=True)
        expected = json.loads((Path(place) / "expected.json").read_text(encoding="utf-8"))
        for check in [loader, accumulator, bytes_again, damage]:
            try:
                check(Path(place) / expected["file"], expected)
                print(f"events, {check.__name__}: the same")
            except Exception as error:  # What the reader says of a file it cannot read is the finding.
                failed += 1
                print(f"events, {check.__name__}: {type(error).__name__}: {error}")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
