#!/usr/bin/env python3
"""Make tests/explain/fixtures/captum.safetensors: what Captum and transformers say of tests/model/fixtures/tiny-bert.

Needs torch, transformers, safetensors, captum. Per point: `baseline.P` (features), `integrated_gradients.P` (50
Gauss-Legendre steps from the baseline), `input_x_gradient.P`, both of the log probability of the predicted class and summed
over features; per layer input: `attention.P`, the mean over heads and queries of the layer's attention. The texts of
`lengths` lie one after the other in `token_ids`, `segments` and all results. Each text is computed alone, without padding.
"""

import pathlib

import torch
import transformers
from captum.attr import InputXGradient, IntegratedGradients
from safetensors.torch import save_file

TESTS = pathlib.Path(__file__).resolve().parent.parent / "tests"
LENGTHS = [7, 3, 12, 1]
STEPS = 50


def above(model, point, states, segments):
    """Log probabilities from the states at a point."""
    bert = model.bert
    if point == 0:
        states = bert.embeddings(inputs_embeds=states, token_type_ids=segments.expand(states.shape[:2]))
        point = 1
    for layer in bert.encoder.layer[point - 1:]:
        out = layer(states)
        states = out[0] if isinstance(out, tuple) else out
    return torch.log_softmax(model.classifier(torch.tanh(bert.pooler.dense(states[:, 0]))), -1)


def main():
    torch.manual_seed(5)
    model = transformers.BertForSequenceClassification.from_pretrained(
        TESTS / "model" / "fixtures" / "tiny-bert", attn_implementation="eager").eval()
    model.requires_grad_(False)
    points = model.config.num_hidden_layers + 2
    ids = [torch.randint(1, model.config.vocab_size, (1, length)) for length in LENGTHS]
    segments = [(torch.arange(length)[None] > length // 2).long() for length in LENGTHS]
    tensors = {"lengths": torch.tensor(LENGTHS), "token_ids": torch.cat(ids, 1)[0], "segments": torch.cat(segments, 1)[0]}
    tensors |= {f"baseline.{point}": 0.1 * torch.randn(model.config.hidden_size) for point in range(points)}
    results = {}
    for text, segment in zip(ids, segments):
        out = model(input_ids=text, token_type_ids=segment, output_hidden_states=True, output_attentions=True)
        states = [model.bert.embeddings.word_embeddings(text), *out.hidden_states]
        target = int(out.logits.argmax())
        for point, state in enumerate(states):
            forward = lambda x: above(model, point, x, segment)  # noqa: B023
            assert torch.allclose(forward(state), torch.log_softmax(out.logits, -1), atol=1e-5)
            baseline = tensors[f"baseline.{point}"].expand_as(state)
            integrated = IntegratedGradients(forward).attribute(
                state, baselines=baseline, target=target, n_steps=STEPS, method="gausslegendre")
            product = InputXGradient(forward).attribute(state.detach().clone().requires_grad_(), target=target)
            results.setdefault(f"integrated_gradients.{point}", []).append(integrated.sum(-1)[0])
            results.setdefault(f"input_x_gradient.{point}", []).append(product.sum(-1)[0])
        for layer, attention in enumerate(out.attentions):
            results.setdefault(f"attention.{layer + 1}", []).append(attention[0].mean((0, 1)))
    tensors |= {name: torch.cat(parts).detach().float() for name, parts in results.items()}
    folder = TESTS / "explain" / "fixtures"
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.contiguous() for name, value in tensors.items()}, folder / "captum.safetensors")


if __name__ == "__main__":
    main()
