"""The official client of Milvus, for `fovea bench milvus` and `fovea bench plan`: pymilvus against the server that Fovea is
measured on.

    python3 peer.py HOST PORT

Questions, each answered by one line of JSON:

    {"do": "make", "name": N, "dim": D}             a collection as Fovea makes one for a space, empty
    {"do": "upsert", "name": N, "file": F, "from": A, "to": B}    rows A to B of a .npy file in one request; its seconds
    {"do": "find", "pack": P}                       Fovea's collection of vectors of a pack
    {"do": "settled", "name": N}                    whether all that is kept is searched by its index
    {"do": "search", "name": N, "file": F, "row": R, "expr": E, "limit": L, "params": P}    one search as Fovea asks it; its
                                                    milliseconds
    {"do": "drop", "names": [N]}                    drops collections that the measurement made
    {"do": "clear"}                                 drops all of Fovea's collections
    {"do": "flush"}                                 writes what all of Fovea's collections have to the object store
    {"do": "indexed"}                               whether all of that is in indexes
    {"do": "loaded"}                                whether all of Fovea's collections can be asked
    {"do": "memory"}                                bytes of the process that has a query node

Rows are turned into what pymilvus takes before the clock starts: a program that calls it has them so.
"""

import json
import sys
import time

import numpy as np
from pymilvus import Collection, CollectionSchema, DataType, FieldSchema, connections, utility
from pymilvus.grpc_gen import milvus_pb2

TEXTS = {"lib": 16, "owner": 80, "region": 200}
INDEX = {"index_type": "HNSW", "metric_type": "IP", "params": {"M": 16, "efConstruction": 200}}

files = {}
collections = {}


def rows(file):
    if file not in files:
        files[file] = np.load(file)
    return files[file]


def collection(name):
    if name not in collections:
        collections[name] = Collection(name)
    return collections[name]


def make(name, dim):
    fields = [FieldSchema("pk", DataType.VARCHAR, is_primary=True, max_length=100)]
    fields += [FieldSchema(text, DataType.VARCHAR, max_length=most) for text, most in TEXTS.items()]
    fields.append(FieldSchema("part", DataType.INT64))
    fields.append(FieldSchema("v", DataType.FLOAT_VECTOR, dim=dim))
    made = Collection(name, CollectionSchema(fields), shards_num=1, consistency_level="Session")
    made.create_index("v", INDEX)
    made.load()
    collections[name] = made
    return {}


def upsert(name, file, first, last):
    vectors = rows(file)[first:last].tolist()
    n = last - first
    owners = [f"c{at:064x}" for at in range(first, last)]
    keys = [f"{at:056x}" for at in range(first, last)]
    columns = [keys, ["0123456789abcdef"] * n, owners, [""] * n, [0] * n, vectors]
    target = collection(name)
    begun = time.perf_counter()
    target.upsert(columns)
    return {"seconds": time.perf_counter() - begun}


def find(pack):
    for name in utility.list_collections():
        if name.startswith("fovea_") and collection(name).description.endswith(f"of pack {pack}"):
            return {"name": name}
    raise LookupError(f"no collection of pack {pack}")


def settled(name):
    segments = utility.get_query_segment_info(name)
    return {"settled": bool(segments) and all(segment.index_name for segment in segments)}


def search(name, file, row, expr, limit, params):
    vector = rows(file)[row].tolist()
    params = {"metric_type": "IP", "params": params}
    fields = ["owner", "part", "region"]
    target = collection(name)
    begun = time.perf_counter()
    target.search([vector], "v", params, limit, expr=expr, output_fields=fields)
    return {"ms": (time.perf_counter() - begun) * 1e3}


def drop(names):
    for name in names:
        collections.pop(name, None)
        if utility.has_collection(name):
            utility.drop_collection(name)
    return {}


def clear():
    return drop(ours())


def ours():
    return [name for name in utility.list_collections() if name.startswith("fovea_")]


def flush():
    for name in ours():
        collection(name).flush()
    return {}


def indexed():
    progress = [utility.index_building_progress(name, index_name="v") for name in ours()]
    return {"indexed": all(one["indexed_rows"] >= one["total_rows"] for one in progress), "progress": progress}


def loaded():
    for name in ours():
        collection(name).load()
        # Only an answer says that nothing is missing.
        collection(name).query('pk != ""', output_fields=["count(*)"], consistency_level="Strong")
    return {"loaded": True}


def memory():
    asked = milvus_pb2.GetMetricsRequest(request=json.dumps({"metric_type": "system_info"}))
    said = json.loads(connections._fetch_handler("default")._stub.GetMetrics(asked).response)
    nodes = [node["infos"] for node in said["nodes_info"]]
    return {"bytes": max(node["hardware_infos"]["memory_usage"] for node in nodes if node["name"].startswith("querynode"))}


def answer(question):
    do = question.pop("do")
    if do == "upsert":
        return upsert(question["name"], question["file"], question["from"], question["to"])
    known = [make, find, settled, search, drop, clear, flush, indexed, loaded, memory]
    return {function.__name__: function for function in known}[do](**question)


def main():
    connections.connect(host=sys.argv[1], port=sys.argv[2])
    for line in sys.stdin:
        try:
            said = answer(json.loads(line))
        except Exception as error:  # told to whoever asked, who ends the measurement
            said = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(said), flush=True)


main()
