#!/usr/bin/env python3
"""Writes a narrow random BERT classifier of many layers, with a vocabulary of w0 … w58, by the standard library alone.

    make_deep_encoder.py FOLDER LAYERS
"""
import json
import pathlib
import random
import struct
import sys

folder, layers = pathlib.Path(sys.argv[1]), int(sys.argv[2])
HIDDEN, INNER, VOCABULARY, POSITIONS = 16, 32, 64, 24
NAMES = ["same", "other"]
rng = random.Random(layers)

shapes = {
    "bert.embeddings.word_embeddings.weight": [VOCABULARY, HIDDEN],
    "bert.embeddings.position_embeddings.weight": [POSITIONS, HIDDEN],
    "bert.embeddings.token_type_embeddings.weight": [2, HIDDEN],
    "bert.pooler.dense.weight": [HIDDEN, HIDDEN],
    "bert.pooler.dense.bias": [HIDDEN],
    "classifier.weight": [len(NAMES), HIDDEN],
    "classifier.bias": [len(NAMES)],
}


def norm(name):
    shapes[f"{name}.LayerNorm.weight"] = shapes[f"{name}.LayerNorm.bias"] = [HIDDEN]


def linear(name, rows, columns):
    shapes[f"{name}.weight"], shapes[f"{name}.bias"] = [rows, columns], [rows]


norm("bert.embeddings")
for layer in range(layers):
    prefix = f"bert.encoder.layer.{layer}"
    for part in ("self.query", "self.key", "self.value", "output.dense"):
        linear(f"{prefix}.attention.{part}", HIDDEN, HIDDEN)
    norm(f"{prefix}.attention.output")
    linear(f"{prefix}.intermediate.dense", INNER, HIDDEN)
    linear(f"{prefix}.output.dense", HIDDEN, INNER)
    norm(f"{prefix}.output")

header, data = {}, bytearray()
for name, shape in shapes.items():
    count = shape[0] * (shape[1] if len(shape) > 1 else 1)
    # Layers that do something, and that keep rounding from growing with depth.
    centre, spread = (1, 0) if "LayerNorm.weight" in name else (0, 0 if name.endswith("bias") else 0.15)
    start = len(data)
    data += struct.pack(f"<{count}f", *(rng.gauss(centre, spread) for _ in range(count)))
    header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [start, len(data)]}

folder.mkdir(parents=True, exist_ok=True)
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
(folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
(folder / "config.json").write_text(json.dumps({
    "architectures": ["BertForSequenceClassification"], "model_type": "bert", "hidden_act": "gelu", "hidden_size": HIDDEN,
    "intermediate_size": INNER, "layer_norm_eps": 1e-12, "max_position_embeddings": POSITIONS, "num_attention_heads": 2,
    "num_hidden_layers": layers, "pad_token_id": 0, "type_vocab_size": 2, "vocab_size": VOCABULARY,
    "id2label": {str(i): name for i, name in enumerate(NAMES)}}))
(folder / "vocab.txt").write_text(
    "\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{n}" for n in range(VOCABULARY - 5)]) + "\n")
