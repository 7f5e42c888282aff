#!/usr/bin/env python3
"""Make tests/model/fixtures with transformers and PyTorch: what an independent BERT and an independent GRU compute.

  tiny-bert/            a random BertForSequenceClassification of 2 layers, with a vocabulary
  tiny-bert.safetensors inputs, states at all points and logits of it
  tiny-qa/              a random BertForQuestionAnswering, likewise, with longer positions
  tiny-qa.safetensors   inputs, start and end logits of it
  tiny-distilbert/, tiny-distilbert-qa/   the same of DistilBERT, with their .safetensors
  tiny-FAMILY/, tiny-FAMILY-qa/   the same of the families of model_shapes.py, without a tokenizer, with their .safetensors
  tiny-gru/             a random GRU classifier, with a vocabulary
  tiny-gru.safetensors  inputs, states at both points, logits, and gradients of a function of the logits
  minilm-l6.json        a few sentences' ids, values at all points of the real encoder, logits under a head by formula

Needs torch, transformers, safetensors. The encoder: --encoder FOLDER (without it, minilm-l6.json stays as it is).
With --check FOLDER nothing is made: the folder of a saved model is loaded and its logits for the ids 2 5 7 3 are printed.
"""

import argparse
import json
import pathlib
import sys

import model_shapes
import torch
import transformers
from safetensors.torch import save_file

FIXTURES = pathlib.Path(__file__).resolve().parent.parent / "tests" / "model" / "fixtures"
SENTENCES = [
    "A gorgeous, witty, seductive movie.",
    "It 's slow -- very, very slow.",
    "No one goes unindicted here, which is probably for the best.",
]
CLASSES = 5
ONE_LAYER = {"num_hidden_layers": 1, "num_hidden_groups": 1, "layer_types": None}


def points(model, ids, segments, mask):
    """States at L + 2 points (word embeddings, input of each layer, output of the last) and the logits."""
    with torch.no_grad():
        out = model(input_ids=ids, token_type_ids=segments, attention_mask=mask, output_hidden_states=True)
        return [model.bert.embeddings.word_embeddings(ids), *out.hidden_states], out.logits


def random_model(kind, folder, **sizes):
    config = transformers.BertConfig(
        vocab_size=64, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=72,
        layer_norm_eps=1e-12, attn_implementation="eager", **sizes)
    model = kind(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():  # far from the initial values, where gelu and softmax are curved
            parameter.normal_(1.0 if name.endswith("LayerNorm.weight") else 0.0, 0.25)
    model.save_pretrained(folder)
    write_vocabulary(folder)
    return model


def write_vocabulary(folder):
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{n}" for n in range(59)]
    (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")


def random_texts():
    lengths = torch.tensor([9, 4, 17, 1])
    mask = (torch.arange(17)[None] < lengths[:, None]).long()
    ids = torch.randint(1, 64, mask.shape) * mask
    segments = (torch.arange(17)[None] > lengths[:, None] // 2).long() * mask
    return lengths, mask, ids, segments


def make_tiny_qa():
    torch.manual_seed(12)
    model = random_model(transformers.BertForQuestionAnswering, FIXTURES / "tiny-qa", max_position_embeddings=64)
    lengths, mask, ids, segments = random_texts()
    with torch.no_grad():
        out = model(input_ids=ids, token_type_ids=segments, attention_mask=mask)
    tensors = {"token_ids": ids, "segments": segments, "lengths": lengths,
               "logits": torch.stack([out.start_logits, out.end_logits], 1)}
    save_file({name: value.contiguous() for name, value in tensors.items()}, FIXTURES / "tiny-qa.safetensors")


def make_tiny():
    torch.manual_seed(11)
    model = random_model(transformers.BertForSequenceClassification, FIXTURES / "tiny-bert", max_position_embeddings=24,
                         num_labels=3)
    lengths, mask, ids, segments = random_texts()
    states, logits = points(model, ids, segments, mask)
    tensors = {"token_ids": ids, "segments": segments, "lengths": lengths, "logits": logits}
    tensors |= {f"states.{point}": state for point, state in enumerate(states)}
    save_file({name: value.contiguous() for name, value in tensors.items()}, FIXTURES / "tiny-bert.safetensors")


def far_from_the_start(model):
    """Weights far from the initial values, where activations and softmax are curved."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.normal_(1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0, 0.25)
    return model.eval()


def make_tiny_distilbert():
    sizes = {"vocab_size": 64, "dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 72, "max_position_embeddings": 24}
    for name, kind, seed in (("tiny-distilbert", transformers.DistilBertForSequenceClassification, 14),
                             ("tiny-distilbert-qa", transformers.DistilBertForQuestionAnswering, 15)):
        torch.manual_seed(seed)
        model = far_from_the_start(kind(transformers.DistilBertConfig(**sizes, num_labels=3 if seed == 14 else 2,
                                                                      attn_implementation="eager")))
        model.save_pretrained(FIXTURES / name)
        write_vocabulary(FIXTURES / name)
        lengths, mask, ids, _ = random_texts()
        with torch.no_grad():
            out = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
            logits = out.logits if seed == 14 else torch.stack([out.start_logits, out.end_logits], 1)
            states = [model.distilbert.embeddings.word_embeddings(ids), *out.hidden_states]
        save_reference(name, ids, lengths, states, logits)


def make_families():
    for number, (family, shape) in enumerate(model_shapes.SHAPES.items()):
        if family in ("bert", "distilbert"):  # above, with a vocabulary
            continue
        name = f"tiny-{family.replace('_', '-')}"
        model_shapes.make(FIXTURES / name, shape.kind, "SequenceClassification", shape.config, 18 + number)
        if shape.span:
            model_shapes.make(FIXTURES / f"{name}-qa", shape.kind, "QuestionAnswering", shape.config | ONE_LAYER, 58 + number)


def save_reference(name, ids, lengths, states, logits):
    tensors = {"token_ids": ids, "lengths": lengths, "logits": logits}
    tensors |= {f"states.{point}": state for point, state in enumerate(states)}
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, FIXTURES / f"{name}.safetensors")


class GruClassifier(torch.nn.Module):
    """De Cao et al. 2020, sentiment: one GRU on word embeddings, a linear head on its last state."""

    def __init__(self, vocabulary, embedding, state, classes):
        super().__init__()
        self.emb = torch.nn.Embedding(vocabulary, embedding)
        self.gru = torch.nn.GRU(embedding, state, batch_first=True)
        self.classifier = torch.nn.Linear(state, classes)

    def forward(self, embedded, lengths):
        """States after every token (0 on padding) and logits."""
        packed = torch.nn.utils.rnn.pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
        states, last = self.gru(packed)
        return torch.nn.utils.rnn.pad_packed_sequence(states, batch_first=True)[0], self.classifier(last[0])


def make_tiny_gru():
    torch.manual_seed(13)
    sizes = {"vocab_size": 64, "embedding_size": 12, "hidden_size": 10}
    model = GruClassifier(*sizes.values(), CLASSES)
    with torch.no_grad():  # far from the initial values, where the gates are curved
        for parameter in model.parameters():
            parameter.normal_(0, 0.5)
    folder = FIXTURES / "tiny-gru"
    folder.mkdir(exist_ok=True)
    labels = {str(label): f"LABEL_{label}" for label in range(CLASSES)}
    (folder / "config.json").write_text(json.dumps({"model_type": "layersweep-gru", **sizes, "id2label": labels}, indent=2) + "\n")
    save_file(model.state_dict(), folder / "model.safetensors")
    write_vocabulary(folder)

    lengths, _, ids, _ = random_texts()
    embedded = model.emb(ids)
    embedded.retain_grad()
    states, logits = model(embedded, lengths)
    (logits * torch.arange(1, logits.numel() + 1).view(logits.shape).sin()).sum().backward()
    tensors = {"token_ids": ids, "lengths": lengths, "states.0": embedded, "states.1": states, "logits": logits,
               "gradient.states.0": embedded.grad}
    tensors |= {f"gradient.{name}": parameter.grad for name, parameter in model.named_parameters() if not name.startswith("emb.")}
    save_file({name: value.detach().contiguous() for name, value in tensors.items()}, FIXTURES / "tiny-gru.safetensors")


def make_minilm(folder):
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.BertForSequenceClassification.from_pretrained(folder, num_labels=CLASSES, attn_implementation="eager")
    hidden = model.config.hidden_size
    with torch.no_grad():  # the head by a formula, the same in the test
        number = torch.arange(CLASSES * hidden, dtype=torch.float64)
        model.classifier.weight.copy_(torch.sin(number + 1).view(CLASSES, hidden) * 0.1)
        model.classifier.bias.copy_(torch.cos(torch.arange(CLASSES, dtype=torch.float64)))
    encoded = tokenizer(SENTENCES, padding=True, return_tensors="pt")
    states, logits = points(model.eval(), encoded["input_ids"], encoded["token_type_ids"], encoded["attention_mask"])
    lengths = encoded["attention_mask"].sum(1).tolist()
    samples = []
    for row, length in enumerate(lengths):
        for token in (0, length - 1):
            for point, state in enumerate(states):
                samples.append({"row": row, "token": token, "point": point,
                                "values": [round(float(v), 7) for v in state[row, token, :: hidden // 6]]})
    value = {"ids": [row[:length] for row, length in zip(encoded["input_ids"].tolist(), lengths)],
             "every": hidden // 6, "samples": samples, "logits": logits.tolist()}
    (FIXTURES / "minilm-l6.json").write_text(json.dumps(value) + "\n")


def check(folder):
    model, report = transformers.BertForSequenceClassification.from_pretrained(folder, output_loading_info=True)
    if any(report[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys")):
        sys.exit(f"not loaded as it is: {report}")
    with torch.no_grad():
        print(*model.eval()(torch.tensor([[2, 5, 7, 3]])).logits[0].tolist())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=pathlib.Path)
    parser.add_argument("--check", type=pathlib.Path)
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    if arguments.check:
        check(arguments.check)
    else:
        make_tiny()
        make_tiny_qa()
        make_tiny_distilbert()
        make_families()
        make_tiny_gru()
        if arguments.encoder:
            make_minilm(arguments.encoder)
