"""Safetensors files changed without a library: 8 bytes of length, a JSON header, one buffer."""
import json
import struct

import numpy


def read(path):
    content = path.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8:8 + length])
    header.pop("__metadata__", None)
    buffer = content[8 + length:]
    return {name: numpy.frombuffer(buffer[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"])
            for name, entry in header.items()}


def write(path, tensors):
    header, buffer = {}, b""
    for name, values in tensors.items():
        data = numpy.ascontiguousarray(values, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(values.shape), "data_offsets": [len(buffer), len(buffer) + len(data)]}
        buffer += data
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + buffer)


def edit(path, name, change):
    tensors = read(path)
    tensors[name] = change(tensors[name])
    write(path, tensors)


def split(folder):
    """model.safetensors as two shards and their index."""
    tensors = read(folder / "model.safetensors")
    names = sorted(tensors)
    shards = {"model-00001-of-00002.safetensors": names[::2], "model-00002-of-00002.safetensors": names[1::2]}
    for shard, held in shards.items():
        write(folder / shard, {name: tensors[name] for name in held})
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(
        {"metadata": {}, "weight_map": {name: shard for shard, held in shards.items() for name in held}}))
