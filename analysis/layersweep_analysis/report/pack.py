"""Arrays for the page's script: one compressed block, so that thousands of texts with their masks fit into the page."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import numpy as np
import numpy.typing as npt

_TYPES = {"uint8": "Uint8Array", "int8": "Int8Array", "uint16": "Uint16Array", "int32": "Int32Array", "float32": "Float32Array"}


class Pack:
    """Collects arrays; `encode` gives base64 of zlib of: length of the header (uint32), header (JSON), arrays on multiples
    of four bytes. Where the header says {"array": n} stands the n-th array."""

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._arrays: list[tuple[str, int, int]] = []
        self._size = 0

    def add(self, array: npt.NDArray[Any]) -> dict[str, int]:
        data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<")).tobytes()
        self._arrays.append((_TYPES[array.dtype.name], self._size, array.size))
        self._chunks.append(data + b"\0" * (-len(data) % 4))
        self._size += len(self._chunks[-1])
        return {"array": len(self._arrays) - 1}

    def encode(self, header: dict[str, Any]) -> str:
        text = json.dumps({"arrays": self._arrays, "content": header}, ensure_ascii=False, separators=(",", ":")).encode()
        text += b" " * (-(len(text) + 4) % 4)
        return base64.b64encode(zlib.compress(struct.pack("<I", len(text)) + text + b"".join(self._chunks), 6)).decode()
