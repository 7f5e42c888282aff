"""What a results file looks like (docs/results-file.md, version 1). The only module that knows names, codes and versions
of the format; everything else goes through it."""

from __future__ import annotations

from typing import Final

VERSION: Final = 1

MODES: tuple[str, ...] = ("input", "hidden")
STATISTICS: Final = "statistics"
EXPLAIN: Final = "explain"
EVALUATION: Final = "evaluation"

# Missing values of the types; floats miss as NaN.
MISSING_INT32: Final = -1
MISSING_UINT8: Final = 255

# token_part
SPECIAL: Final = 0
QUESTION: Final = 2
ANSWER: Final = 4

# status(seed, point)
TRAINED: Final = 1

# A token is kept where its keep_probability is above this: the hard mask of the method.
KEEP_THRESHOLD: Final = 0.5

# Variables that the package adds to the opened file.
TOKEN_EXAMPLE: Final = "token_example"
TOKEN_POSITION: Final = "token_position"

PROVENANCE: Final = (
    ("title", "Title"),
    ("command", "Command"),
    ("created", "Written (UTC)"),
    ("source", "Program"),
    ("commit", "Commit"),
    ("libraries", "Libraries"),
    ("hosts", "Hosts"),
    ("processor", "Processor"),
    ("weights_sha256", "Weights, SHA-256"),
    ("vocabulary_sha256", "Vocabulary, SHA-256"),
    ("data_sha256", "Data, SHA-256"),
    ("references", "Method"),
)

# What tells two files' texts and tokens apart without reading them.
SAME_TEXTS: Final = ("data_sha256", "vocabulary_sha256")
