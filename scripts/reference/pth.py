"""Reads a legacy PyTorch file (torch.save before 1.6) with Python's own pickle and numpy, without PyTorch.

Independent of Fovea's reader in crates/encode/src/convert: it exists to judge it.
"""

import collections
import pickle
import struct

import numpy as np

DTYPES = {"FloatStorage": "<f4", "LongStorage": "<i8"}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if name == "OrderedDict":
            return collections.OrderedDict
        if name == "_rebuild_tensor_v2":
            return lambda storage, offset, size, stride, *rest: (storage, offset, size, stride)
        return name

    def persistent_load(self, reference):
        return reference


def load(path):
    """The state dict as {name: array}."""
    with open(path, "rb") as file:
        for _ in range(3):
            pickle.load(file)
        state = _Unpickler(file).load()
        keys = _Unpickler(file).load()
        kinds = {view[0][2]: view[0][1] for view in state.values()}
        storages = {}
        for key in keys:
            (count,) = struct.unpack("<q", file.read(8))
            dtype = np.dtype(DTYPES[kinds[key]])
            storages[key] = np.frombuffer(file.read(count * dtype.itemsize), dtype)
    tensors = {}
    for name, (reference, offset, size, stride) in state.items():
        flat = storages[reference[2]][offset:]
        strides = [step * flat.itemsize for step in stride]
        tensors[name] = np.lib.stride_tricks.as_strided(flat, size, strides).copy()
    return tensors
