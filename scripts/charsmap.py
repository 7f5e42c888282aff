"""SentencePiece's precompiled character maps, made of a dictionary, for make_normalization_tables.py and the fixtures."""

import base64
import struct


def double_array(keys):
    """The units of a Darts-clone double array for {bytes: value}. A unit is one byte of a key; that of a key's end leads to its
    value. Bases are tried in turn, which does for small maps."""
    tree = {}
    for key, value in keys.items():
        node = tree
        for byte in key:
            node = node.setdefault(byte, {})
        node[0] = value
    units, taken = [0] * 512, {0}
    pending, first = [(tree, 0)], 1
    for node, place in pending:
        while first in taken:
            first += 1
        base = first
        while base in taken or any(base ^ label in taken for label in node):
            base += 1
        assert base ^ place < 1 << 21
        units += [0] * (base + 512 - len(units))
        taken.add(base)
        units[place] |= (base ^ place) << 10 | (0 in node) << 8
        for label, child in node.items():
            taken.add(base ^ label)
            units[base ^ label] = child | 1 << 31 if label == 0 else label
            if label:
                pending.append((child, base ^ label))
    return units


def charsmap(replacements):
    """The bytes of the map that replaces texts by texts."""
    texts, place = b"", {}
    for key, text in replacements.items():
        place[key.encode()] = len(texts)
        texts += text.encode() + b"\0"
    units = double_array(place)
    return struct.pack(f"<{len(units) + 1}I", 4 * len(units), *units) + texts


def encoded(replacements):
    return base64.b64encode(charsmap(replacements)).decode()
