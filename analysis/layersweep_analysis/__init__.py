"""Reads layersweep's results files: `open_results` gives one lazily read xarray Dataset; the helpers answer the usual questions."""

from .questions import (
    agreement,
    at_shown_seeds,
    first_dropped,
    keep_share,
    mask_iou,
    shown_seeds,
    text_of,
    tokens_of,
    top_examples,
)
from .results import ResultsError, ResultsFile, blocks, find_results, open_file, open_results
from .tokens import known_classes

__all__ = [
    "ResultsError",
    "ResultsFile",
    "agreement",
    "at_shown_seeds",
    "blocks",
    "find_results",
    "first_dropped",
    "keep_share",
    "known_classes",
    "mask_iou",
    "open_file",
    "open_results",
    "shown_seeds",
    "text_of",
    "tokens_of",
    "top_examples",
]
