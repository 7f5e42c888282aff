"""Parts of speech by HanTa, whose English model lies in its package: works without a network (extra `pos`)."""

from __future__ import annotations

import importlib.util
from functools import lru_cache

SPEECH = (
    "noun", "name", "verb", "adjective", "adverb", "pronoun", "determiner", "preposition", "conjunction", "number",
    "negation", "punctuation", "other",
)  # fmt: skip

# Tags of the British National Corpus (C5), by the longest prefix that fits.
_TAGS = {
    "NP": "name", "NN": "noun", "V": "verb", "AJ": "adjective", "AV": "adverb", "PN": "pronoun", "DPS": "determiner",
    "DT": "determiner", "AT": "determiner", "PR": "preposition", "TO": "preposition", "IN": "preposition",
    "CJ": "conjunction", "CRD": "number", "ORD": "number", "XX": "negation", "PU": "punctuation", "EX": "pronoun",
}  # fmt: skip
# Negative contractions as tokenizers cut them; the model takes them for pronouns.
_NEGATIONS = {"n't", "not", "'t"}


class Tagger:
    """Tags sentences of words with indices into SPEECH."""

    def __init__(self) -> None:
        if not self.is_installed():
            raise ModuleNotFoundError("parts of speech need HanTa: pip install './analysis[pos]'")
        from HanTa.HanoverTagger import HanoverTagger

        self._tagger = HanoverTagger("morphmodel_en.pgz")

    @staticmethod
    def is_installed() -> bool:
        return importlib.util.find_spec("HanTa") is not None

    def tag(self, words: list[str]) -> list[int]:
        if not words:
            return []
        tagged = self._tagger.tag_sent(words)
        return [_code(word.lower(), tag) for word, _, tag in tagged]


def _code(word: str, tag: str) -> int:
    if not any(character.isalnum() for character in word):
        return SPEECH.index("punctuation")
    if word in _NEGATIONS:
        return SPEECH.index("negation")
    return _code_of_tag(tag)


@lru_cache(maxsize=256)
def _code_of_tag(tag: str) -> int:
    for length in (3, 2, 1):
        if tag[:length] in _TAGS:
            return SPEECH.index(_TAGS[tag[:length]])
    return SPEECH.index("other")
