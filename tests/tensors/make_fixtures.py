"""Makes the fixtures of tests/tensors with the reference implementation (needs torch and safetensors).

reference.safetensors    every element type that torch can write, an empty tensor, a scalar, metadata
unaligned.safetensors    a header without padding, so that the floats lie at an odd address; checked to load
small.safetensors        a small file with padding, for the flips below
small_flips.bin          for every byte of small.safetensors before its data and every value of that byte one bit: does the
                         reference open the changed file? (bit v % 8 of byte 32 * place + v // 8)
"""
import json
import pathlib
import struct

import safetensors
import safetensors.torch
import torch

folder = pathlib.Path(__file__).parent / "fixtures"
folder.mkdir(exist_ok=True)


def as_type(values, dtype):
    return torch.tensor(values, dtype=torch.float64).to(dtype)


reference = {
    "weight": as_type([[0.5, -1.25, 3.0], [1e-3, 65504.0, -0.0]], torch.float32),
    "double": as_type(1.0 / 3.0, torch.float64),
    "half": as_type([1.0, -2.0, 0.5], torch.float16),
    "brain": as_type([1.0, -3.0], torch.bfloat16),
    "index": torch.tensor([[-1, 2**40], [3, -(2**63)]], dtype=torch.int64),
    "count": torch.tensor([2**63, 7], dtype=torch.uint64),
    "int32": torch.tensor([-7, 2**31 - 1], dtype=torch.int32),
    "uint32": torch.tensor([2**32 - 1], dtype=torch.uint32),
    "int16": torch.tensor([-300, 300, 5], dtype=torch.int16),
    "uint16": torch.tensor([65535], dtype=torch.uint16),
    "int8": torch.tensor([-128, 127, 0], dtype=torch.int8),
    "bytes": torch.tensor([0, 255, 17], dtype=torch.uint8),
    "flags": torch.tensor([True, False, True, True, False]),
    "complex": torch.tensor([1 + 2j], dtype=torch.complex64),
    "f8_e4m3": as_type([1.0, 2.0], torch.float8_e4m3fn),
    "f8_e5m2": as_type([1.0, 2.0], torch.float8_e5m2),
    "f8_e4m3fnuz": as_type([1.0, 2.0], torch.float8_e4m3fnuz),
    "f8_e5m2fnuz": as_type([1.0, 2.0], torch.float8_e5m2fnuz),
    "empty": torch.zeros(0, 4, dtype=torch.float32),
    "café": torch.tensor([5], dtype=torch.int64),
}
# One entry only: the order of more is not fixed by the reference.
safetensors.torch.save_file(reference, folder / "reference.safetensors", {"format": 'pt "ü"\n'})


def file_bytes(header, data, padding=0):
    text = json.dumps(header, separators=(",", ":")).encode() + b" " * padding
    return struct.pack("<Q", len(text)) + text + data


def odd_file():
    header = {
        "a": {"dtype": "U8", "shape": [3], "data_offsets": [0, 3]},
        "b": {"dtype": "F32", "shape": [2], "data_offsets": [3, 11]},
        "c": {"dtype": "I64", "shape": [1], "data_offsets": [11, 19]},
    }
    data = bytes([1, 2, 3]) + struct.pack("<2f", 0.5, -2.0) + struct.pack("<q", -5)
    plain = file_bytes(header, data)
    return plain if (len(plain) - len(data) + 3) % 4 else file_bytes(header, data, padding=1)


unaligned = odd_file()
loaded = safetensors.torch.load(unaligned)
assert loaded["b"].tolist() == [0.5, -2.0] and loaded["c"].tolist() == [-5]
(folder / "unaligned.safetensors").write_bytes(unaligned)

small = safetensors.torch.save(
    {"a": torch.tensor([1.5, 2.5], dtype=torch.float32), "b": torch.tensor([[1], [2]], dtype=torch.int16)}, {"k": "v"}
)
(folder / "small.safetensors").write_bytes(small)


def opens(content):
    try:
        safetensors.deserialize(content)
        return True
    except safetensors.SafetensorError:
        return False


header_end = 8 + struct.unpack("<Q", small[:8])[0]
flips = bytearray(32 * header_end)
for place in range(header_end):
    for value in range(256):
        if opens(small[:place] + bytes([value]) + small[place + 1 :]):
            flips[32 * place + value // 8] |= 1 << value % 8
(folder / "small_flips.bin").write_bytes(flips)
print(f"{header_end} places, {sum(byte.bit_count() for byte in flips)} of {256 * header_end} changed files open")
