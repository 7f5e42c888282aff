"""Tiny models of every family of transformers, and what transformers computes with them: states at all points and logits.

Used by make_model_fixtures.py (one shape a family, committed) and parity.py (a second one). Needs torch, transformers, safetensors.
"""

import dataclasses

import torch
import transformers
from safetensors.torch import save_file

ENCODER = {"vocab_size": 61, "hidden_size": 30, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 41,
           "max_position_embeddings": 20}
DECODER = ENCODER | {"num_key_value_heads": 1, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
LLAMA3 = {"rope_type": "llama3", "rope_theta": 500.0, "factor": 4.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 24}
ROTARY = {"rope_type": "default", "rope_theta": 300.0}
KINDS = ["full_attention", "sliding_attention"]


@dataclasses.dataclass
class Shape:
    kind: str      # class of transformers without the head's name
    config: dict   # of the committed fixture
    second: dict   # what is different in the second shape
    span: bool = False  # whether the family answers questions


# Sizes are odd on purpose: three heads, widths that are no multiples of 16, keys shared by heads.
SHAPES = {
    "bert": Shape("Bert", ENCODER, {"num_hidden_layers": 1, "hidden_act": "relu", "type_vocab_size": 1}, True),
    "distilbert": Shape("DistilBert", {"vocab_size": 61, "dim": 30, "n_layers": 2, "n_heads": 3, "hidden_dim": 41,
                                       "max_position_embeddings": 20}, {"n_layers": 1, "activation": "relu"}, True),
    "roberta": Shape("Roberta", ENCODER | {"type_vocab_size": 1, "max_position_embeddings": 22, "layer_norm_eps": 1e-5},
                     {"num_hidden_layers": 1, "pad_token_id": 4, "hidden_act": "relu", "max_position_embeddings": 18}, True),
    "camembert": Shape("Camembert", ENCODER | {"type_vocab_size": 1, "num_hidden_layers": 1, "max_position_embeddings": 22},
                       {"num_hidden_layers": 2, "layer_norm_eps": 1e-5}, True),
    "xlm-roberta": Shape("XLMRoberta", ENCODER | {"type_vocab_size": 1, "num_hidden_layers": 1, "max_position_embeddings": 22},
                         {"num_hidden_layers": 3, "num_attention_heads": 5}, True),
    "electra": Shape("Electra", ENCODER | {"embedding_size": 14}, {"embedding_size": 30, "num_hidden_layers": 1}, True),
    "albert": Shape("Albert", ENCODER | {"embedding_size": 14, "num_hidden_layers": 4, "num_hidden_groups": 2},
                    {"num_hidden_layers": 3, "num_hidden_groups": 1, "embedding_size": 30, "hidden_act": "gelu"}, True),
    "modernbert": Shape("ModernBert", ENCODER | {
        "local_attention": 6, "classifier_pooling": "mean", "pad_token_id": 0, "bos_token_id": 1,
        "cls_token_id": 1, "eos_token_id": 2, "sep_token_id": 2,
        "rope_parameters": {"full_attention": ROTARY, "sliding_attention": {"rope_type": "default", "rope_theta": 40.0}}},
        {"classifier_pooling": "cls", "attention_bias": True, "mlp_bias": True, "norm_bias": True, "classifier_bias": True,
         "layer_types": [KINDS[1], KINDS[0], KINDS[1]], "num_hidden_layers": 3}, True),
    "gpt2": Shape("GPT2", {"vocab_size": 61, "n_embd": 30, "n_layer": 2, "n_head": 3, "n_inner": 41, "n_positions": 20,
                           "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2},
                  {"n_inner": None, "n_layer": 1, "n_head": 5, "activation_function": "relu"}),
    "gpt_neox": Shape("GPTNeoX", {key: value for key, value in DECODER.items() if key != "num_key_value_heads"} | {
        "rope_parameters": ROTARY | {"partial_rotary_factor": 0.4}},
        {"use_parallel_residual": False, "attention_bias": False, "rope_parameters": ROTARY | {"partial_rotary_factor": 1.0}}),
    "llama": Shape("Llama", DECODER | {"rope_parameters": LLAMA3, "attention_bias": True},
                   {"mlp_bias": True, "attention_bias": False, "head_dim": 14, "num_hidden_layers": 1,
                    "rope_parameters": ROTARY | {"rope_type": "linear", "factor": 3.0}}),
    "mistral": Shape("Mistral", DECODER | {"sliding_window": 4, "rope_parameters": ROTARY},
                     {"sliding_window": None, "head_dim": 8, "num_key_value_heads": 3}),
    "qwen2": Shape("Qwen2", DECODER | {"rope_parameters": ROTARY},
                   {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1, "num_hidden_layers": 3}),
    "qwen3": Shape("Qwen3", DECODER | {"head_dim": 6, "num_attention_heads": 4, "num_key_value_heads": 2,
                                       "rope_parameters": ROTARY},
                   {"attention_bias": True, "use_sliding_window": True, "sliding_window": 5,
                    "layer_types": [KINDS[1], KINDS[0]]}),
    "deberta-v2": Shape("DebertaV2", ENCODER | {
        "relative_attention": True, "share_att_key": True, "position_biased_input": False, "position_buckets": 6,
        "norm_rel_ebd": "layer_norm", "pos_att_type": "p2c|c2p", "type_vocab_size": 0, "pad_token_id": 0},
        {"position_buckets": -1, "norm_rel_ebd": "none", "pos_att_type": ["c2p"], "type_vocab_size": 2, "num_hidden_layers": 1,
         "pooler_hidden_act": "tanh"}, True),
}


def far_from_the_start(model):
    """Weights far from the initial values, where activations and softmax are curved."""
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            norm = any(part in name.lower() for part in ("norm", "ln_")) and name.endswith("weight")
            parameter.normal_(1.0 if norm else 0.0, 0.25)
    return model.eval()


def texts(config, longest):
    """Ids of texts of unequal length, one of them as long as the positions allow; one holds the token of padding."""
    lengths = torch.tensor([longest * 2 // 3, 4, longest, 1])
    mask = (torch.arange(longest)[None] < lengths[:, None]).long()
    padding = config.pad_token_id
    ids = torch.randint(0, config.vocab_size, mask.shape)
    ids[ids == padding] = padding + 1
    ids[0, lengths[0] - 1] = padding  # the last token of a text, and still part of it
    ids[2, 2] = padding
    return torch.where(mask == 1, ids, padding), lengths, mask


def layers_of(model):
    """The modules of the layers, each once."""
    body = model.base_model
    for path in ("encoder.layer", "encoder.albert_layer_groups", "transformer.layer", "layers", "h"):
        module = body
        for name in path.split("."):
            module = getattr(module, name, None)
            if module is None:
                break
        if module is not None:
            return list(module)
    raise SystemExit(f"no layers in {type(model).__name__}")


def reference(model, ids, mask):
    """States at all points (word embeddings, input of each layer, output of the last before any norm) and logits."""
    words, states, last = [], [], []
    hooks = [model.get_input_embeddings().register_forward_hook(lambda module, given, out: words.append(out))]
    for layer in layers_of(model):
        hooks.append(layer.register_forward_pre_hook(
            lambda module, given, named: states.append(given[0] if given else named["hidden_states"]), with_kwargs=True))
        hooks.append(layer.register_forward_hook(
            lambda module, given, out: last.append(out[0] if isinstance(out, tuple) else out)))
    with torch.no_grad():
        out = model(input_ids=ids, attention_mask=mask)
    for hook in hooks:
        hook.remove()
    points = [*states, last[-1]]
    if words[0].shape != states[0].shape or not torch.equal(words[0], states[0]):
        points.insert(0, words[0])
    logits = torch.stack([out.start_logits, out.end_logits], 1) if hasattr(out, "start_logits") else out.logits
    return points, logits


def make(folder, kind, head, config, seed):
    """A model with random weights in `folder`, and beside it FOLDER.safetensors with texts and what transformers makes of them."""
    torch.manual_seed(seed)
    labels = 2 if head == "QuestionAnswering" else 3
    settings = getattr(transformers, f"{kind}Config")(**config, num_labels=labels, attn_implementation="eager")
    model = far_from_the_start(getattr(transformers, f"{kind}For{head}")(settings))
    model.save_pretrained(folder)
    longest = settings.max_position_embeddings - (settings.pad_token_id + 1 if "oberta" in kind or kind == "Camembert" else 0)
    ids, lengths, mask = texts(settings, min(longest, 13) if head != "SequenceClassification" else min(longest, 17))
    points, logits = reference(model, ids, mask)
    tensors = {"token_ids": ids, "lengths": lengths, "logits": logits}
    tensors |= {f"states.{point}": state for point, state in enumerate(points)}
    save_file({name: value.contiguous().clone() for name, value in tensors.items()}, f"{folder}.safetensors")
