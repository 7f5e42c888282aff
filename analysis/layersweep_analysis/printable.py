"""Text from files and names in messages: as the program prints it (src/base/printable.hpp)."""

from __future__ import annotations

import re

# Control characters, ends of lines, what turns text, and what has no picture; bytes of names that are not UTF-8.
_HIDDEN = (
    "\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff\ud800-\udfff"
)
_SHOWN = f"[^\x00-\x7f{_HIDDEN}]"  # and beyond ASCII
_JOINED = f"(?<={_SHOWN})[\u200c\u200d](?={_SHOWN})"
_ESCAPED = re.compile(f"(?!{_JOINED})[{_HIDDEN}]")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def printable(text: object) -> str:
    """It can neither steer a terminal, forge a line, nor hide."""
    return _ESCAPED.sub(_escape, str(text))


def _escape(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    if character in _SHORT:
        return _SHORT[character]
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte that is not UTF-8
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
