"""Small byte-pair tokenizers, trained here, that have every component and setting of such: for make_tokenizer_fixtures.py and
check_tokenizer.py. Needs: tokenizers 0.23.3."""

import json

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, processors, trainers

import hostile_text

QWEN2 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = QWEN2.replace(r"|\p{N}|", r"|\p{N}{1,3}|")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
         r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|"
             r"\s*[\r\n]+|\s+(?!\S)|\s+")
TEXTS = (hostile_text.CURATED + list(hostile_text.random_texts(21, 200)) +
         ["The film isn't good, the movie is unwatchable.", "performances of the films 2024 1234567", "don't we've they'll I'm he'd",
          "  def f(x):\n    return x\n\n"] * 40)


def split(pattern, behavior="isolated", invert=False):
    return pre_tokenizers.Split(Regex(pattern) if isinstance(pattern, str) else pattern[0], behavior, invert)


def byte_level(add_prefix_space=False, use_regex=True):
    return pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space, use_regex=use_regex)


def sequence(*steps):
    return pre_tokenizers.Sequence(list(steps))


def template(tokenizer, single, pair):
    names = [name.split(":")[0] for name in pair.split() if name[0] != "$"]
    return processors.TemplateProcessing(single=single, pair=pair, special_tokens=[(n, tokenizer.token_to_id(n)) for n in set(names)])


def trained(pre_tokenizer, special=(), added=(), size=420, alphabet=None, **model):
    """`alphabet`: so many characters, instead of all bytes."""
    tokenizer = Tokenizer(models.BPE(**model))
    if pre_tokenizer is not None:
        tokenizer.pre_tokenizer = pre_tokenizer
    first = [str(t.content) for t in special] + [f"<0x{b:02X}>" for b in range(256 if model.get("byte_fallback") else 0)]
    limits = {"initial_alphabet": sorted(pre_tokenizers.ByteLevel.alphabet())} if alphabet is None else {"limit_alphabet": alphabet}
    affixes = {key: model[key] for key in ("continuing_subword_prefix", "end_of_word_suffix") if key in model}
    tokenizer.train_from_iterator(TEXTS, trainers.BpeTrainer(vocab_size=size, special_tokens=first, show_progress=False, **limits, **affixes))
    stored = json.loads(tokenizer.to_str())
    stored["added_tokens"] = []  # the pieces of bytes are none
    tokenizer = Tokenizer.from_str(json.dumps(stored))
    tokenizer.add_special_tokens(list(special))
    tokenizer.add_tokens(list(added))
    return tokenizer


def special(*names, **flags):
    return [AddedToken(name, special=True, normalized=False, **flags) for name in names]


def roberta():
    names = special("<s>", "<pad>", "</s>", "<unk>") + special("<mask>", lstrip=True)
    tokenizer = trained(byte_level(), names)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=False)
    return tokenizer


def roberta_with_prefix():
    added = [AddedToken("<ent>", single_word=True, normalized=True), AddedToken("  ", normalized=True),
             AddedToken(" new ", rstrip=True, normalized=False), AddedToken("\u0120", lstrip=True, rstrip=True)]
    tokenizer = trained(byte_level(add_prefix_space=True), special("<s>", "<pad>", "</s>", "<unk>", "<mask>"), added)
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), trim_offsets=True, add_prefix_space=True)
    return tokenizer


def gpt2():
    tokenizer = trained(byte_level(), special("<|endoftext|>"))
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    return tokenizer


def neox():
    tokenizer = trained(byte_level(), special("<|endoftext|>", "<|padding|>"), [AddedToken(" " * n, normalized=True) for n in (4, 3, 2)])
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=True)
    return tokenizer


def qwen2():
    tokenizer = trained(sequence(split(QWEN2), byte_level(use_regex=False)), special("<|endoftext|>", "<|im_start|>"))
    tokenizer.post_processor = processors.ByteLevel(add_prefix_space=False, trim_offsets=False)
    return tokenizer


def llama3():
    tokenizer = trained(sequence(split(LLAMA3), byte_level(use_regex=False)), special("<|begin_of_text|>", "<|end_of_text|>"),
                        ignore_merges=True)
    tokenizer.post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=True),
        template(tokenizer, "<|begin_of_text|>:0 $A:0", "<|begin_of_text|>:0 $A:0 <|begin_of_text|>:1 $B:1")])
    return tokenizer


def o200k():
    return trained(sequence(split(O200K, "removed", invert=True), byte_level(add_prefix_space=True, use_regex=False)), special("<|e|>"))


def deepseek3():
    steps = [split(r"\p{N}{1,3}"), split("[一-龥぀-ゟ゠-ヿ]+"), split(DEEPSEEK3), byte_level(use_regex=False)]
    tokenizer = trained(sequence(*steps), special("<s>", "</s>"))
    tokenizer.post_processor = template(tokenizer, "<s>:0 $A:0", "<s>:0 $A:0 </s>:1 <s>:1 $B:1")
    return tokenizer


def deepseek():
    steps = [split(r"[\r\n]"), split(r"\s?[A-Za-zµÀ-ÖØ-öø-ƺΑ-Ωа-я]+"), split(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"), split(r"\s+$"),
             split("[一-龥ࠀ-一가-퟿]+"), pre_tokenizers.Digits(individual_digits=True), byte_level(use_regex=False)]
    return trained(sequence(*steps), special("<s>", "</s>"))


def behaviors():
    """Each way to cut, and what else there is among pre-tokenizers."""
    steps = [split("^[#>]+", "merged_with_next"), split(("e",), "merged_with_previous"), split(r"[\p{Lu}]", "merged_with_next"),
             split(r"\p{P}|", "contiguous"), split(r"\w\W(?<=[^a-f]\W)", "removed"), split(r"\p{Han}{2,}?", "merged_with_previous", invert=True),
             pre_tokenizers.Digits(), pre_tokenizers.Punctuation("merged_with_previous"), pre_tokenizers.CharDelimiterSplit("x"),
             pre_tokenizers.WhitespaceSplit()]
    return trained(sequence(*steps), special("<unk>"), alphabet=300, unk_token="<unk>")


def words():
    """Pieces that tell where they stand in a word, and unknown ones."""
    return trained(pre_tokenizers.Whitespace(), special("<unk>"), alphabet=300, size=700, unk_token="<unk>", end_of_word_suffix="</w>")


def continued():
    return trained(sequence(pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation()), special("<unk>"), alphabet=40, size=260,
                   unk_token="<unk>", fuse_unk=True, continuing_subword_prefix="##")


def left_out():
    """What the vocabulary does not spell leaves no token."""
    return trained(None, alphabet=40, size=260)


def byte_fallback():
    tokenizer = trained(split((" ",), "merged_with_previous"), special("<unk>", "<s>", "</s>"), alphabet=40, size=500, unk_token="<unk>",
                        fuse_unk=True, byte_fallback=True)
    tokenizer.post_processor = template(tokenizer, "<s>:0 $A:0", "<s>:0 $A:0 <s>:1 $B:1")
    return tokenizer


def some_bytes():
    """No pieces for most bytes: such characters are unknown."""
    stored = json.loads(byte_fallback().to_str())
    for byte in [*range(0x90, 0xA0), *range(0xE8, 0xF0)]:
        stored["model"]["vocab"][f"<gone{byte}>"] = stored["model"]["vocab"].pop(f"<0x{byte:02X}>")
    stored["model"]["fuse_unk"] = False
    stored["pre_tokenizer"] = None
    return Tokenizer.from_str(json.dumps(stored))


ALL = [roberta, roberta_with_prefix, gpt2, neox, qwen2, llama3, o200k, deepseek3, deepseek, behaviors, words, continued, left_out,
       byte_fallback, some_bytes]
FIXTURES = [roberta_with_prefix, llama3, deepseek, behaviors, words, byte_fallback]
