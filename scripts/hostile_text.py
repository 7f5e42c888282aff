"""Texts that tokenizers trip over, for make_tokenizer_fixtures.py and check_tokenizer.py."""

import random

SPECIAL = ["[MASK]", "[CLS]", "[SEP]", "[PAD]", "[UNK]", "[mask]", "[MASK", "MASK]", "[[MASK]]", "[ MASK ]", "##s", "[unused1]"]
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
WORDS = ["the", "The", "film", "movie", "unwatchable", "isn't", "don't", "good", "GOOD", "performances", "a", "I"]
POOLS = {
    "letters": LETTERS,
    "accented": "éÉèêëàâäçñöüßøæœåÅÀÇÑÖÜØÆŒıİŞşĞğǅǆẞﬁﬀ\u212b\u1e9b\u01d5",
    "greek": "αβγσςΣΩάΆϊΰἈἄᾳᾼῷ\u1fbe\u0345",
    "cyrillic": "абвйЙёЁїЇЖжѝ",
    "marks": "\u0300\u0301\u0302\u0303\u0308\u0323\u0327\u0328\u0334\u0338\u0344\u0340\u0341\u0343\u035f\u0360\u05b0\u064b\u0651"
             "\u093c\u094d\u09be\u0b3e\u0e38\u0f71\u0f73\u0f81\u1037\u3099\u20e3\u1d165\U0001d165\U0001d16d\U0001d15e",
    "cjk": "中文字漢語日本東京一\u3400\u4dbf\u4dc0\u9fff\ua000\uf900\ufa0e\ufaff\U00020000\U0002a6df\U0002a700\U0002b820\U0002b91f"
           "\U0002ceaf\U0002f800\U0002fa1d\U00030000",
    "kana": "ひらがなカタカナがパヴｶﾞ々ー",
    "hangul": "한국어가각힣각ㅎ",
    "indic": "नमस्तेक्षিকোৌ\u0958\u09dc\u0a33\u0b5c\u0cca\u0d4a\u0ddd",
    "semitic": "שלוםשׁהّالعربيةآأ",
    "thai": "สวัสดีกำ",
    "emoji": "😀❤️👩‍👩‍👧🏳️‍🌈👍🏽🇩🇪©™✓",
    "punctuation": "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»·‘’“”–—…‰§¶†。、「」？！；\u2e43\u2e5d\u0df4\u1b7d",
    "symbols": "€£¥+=<>|~^`$¬×÷°№℃①½²",
    "spaces": " \t\u00a0\u1680\u2002\u2003\u200a\u2028\u2029\u202f\u205f\u3000\u0085\u000b\u000c\r",
    "controls": "\x00\x01\x07\x08\x0e\x1b\x1f\x7f\x80\x9f\u00ad\u0600\u061c\u06dd\u070f\u180e\u200b\u200c\u200d\u200e\u202a\u2060"
                "\u2065\u2066\ufeff\ufff9\ufffa\U000110bd\U0001bca0\U0001d173\U000e0001\U000e0041",
    "odd": "\ufffd\ufffc\ufffe\uffff\ud7ff\ue000\uf8ff\U000f0000\U0010fffd\U0010ffff\u0378\u0380\u08b5\u1c89\ua7cb\U00010d50"
           "\U00016e40\U00016ea0\U0001e900\U00011938\U000105c9\U000113c5\U0001fae8\U000e0fff",
}

CURATED = [
    "", " ", "\t", "\t \u3000 ", "\x00", "\ufffd", "\u0301", "a", "##", "##ing", ".", "...", "a.b,c!d?e", "don't stop-me now",
    "The film's performances are unwatchable.", "THE FILM'S PERFORMANCES ARE UNWATCHABLE.", "Ｆｕｌｌ ｗｉｄｔｈ",
    "Crème brûlée à la carte, naïve façade", "cre\u0300me bru\u0302le\u0301e", "e\u0301\u0323\u0327x e\u0323\u0301", "\u1e69\u0323",
    "ΣΊΣΥΦΟΣ ΟΔΟΣ", "ὈΔΥΣΣΕΎΣ", "İstanbul DIŞİŞLERİ ılık", "Straße STRASSE ẞ", "ﬁne ﬀ ǅ",
    "我喜欢这部电影。It is good电影good", "東京タワー", "がぎぐ ｶﾞ か\u3099", "한국어 영화", "\u1112\u1161\u11ab\u1100\u116e\u11a8",
    "👩‍👩‍👧‍👦 family 🏳️‍🌈 flag 👍🏽", "❤️ ❤ ♥️", "a\u200bb\u200db\u2060c\ufeffd", "soft\u00adhyphen", "a\x00b\x01c\ufffdd",
    "line\nbreak\r\nand\u2028more\u0085end\x0b\x0cx", "no\u00a0break\u2007space", "private \ue000\uf8ff use", "\u0378unassigned\U000e0fff",
    "non\uffffchar \ufdd0", "x" * 99, "x" * 100, "x" * 101, "é" * 100, "é" * 101, "İ" * 50, "İ" * 51, "가" * 33, "가" * 34,
    "x" * 60 + "-" + "y" * 60, "-" * 120, "中" * 120, "a" * 40 + "\u200b" * 200 + "b" * 40, "e" + "\u0301" * 300 + "e",
    "[CLS] already [SEP]", "the [MASK] film", "the[MASK]film", "[MASK][MASK]", "[mask] [Mask]", "[MASK", "MASK]", "[[MASK]]",
    "[MA\u200bSK]", "[MA\u0301SK]", "[UNK] [PAD]", " [MASK] ", "\t[SEP]\t", "[unused1]", "[ MASK ]", "[MASK]'s", "中[MASK]中",
    "https://example.org/a_b?c=d&e=f#g", "user@example.org", "1,234.56 €", "-LRB- x -RRB-", "`` quoted ''", "co-writer\\/director",
    "\U0001d165\U0001d165\u0301a", "\u0344\u0323a", "a\u0344\u0323", "\u0f73\u0f71\u0f74 x", "\u09be\u09c7\u09be", "\u0b47\u0b3e",
    "\U0001d15e\u0301\U0001d16d", "न्\u200dय क्\u200cष", "مَرْحَبًا", "שָׁלוֹם", "ก\u0e33 ก\u0e4d\u0e32", "ά ά", "ᾼ ᾳ", "ϓ ϔ",
]


def word(rng, extra):
    kind = rng.random()
    if kind < 0.15:
        return rng.choice(WORDS)
    if kind < 0.27:
        return rng.choice(SPECIAL + extra)
    if kind < 0.30:
        return rng.choice("xé가中\u0301-") * rng.randint(90, 110)
    pools = [POOLS[name] for name in rng.sample(sorted(POOLS), rng.randint(1, 3))]
    text = "".join(rng.choice(rng.choice(pools)) for _ in range(rng.randint(1, 12)))
    if rng.random() < 0.1:
        code = rng.randrange(0x110000 - 0x800)
        text += chr(code if code < 0xD800 else code + 0x800)
    return text


def random_texts(seed, count, extra=()):
    """`extra`: further words, such as the added tokens of one tokenizer."""
    rng = random.Random(seed)
    for _ in range(count):
        words = [word(rng, list(extra)) for _ in range(rng.randint(0, 7))]
        yield "".join(w + rng.choice([" ", " ", "", "\t", rng.choice(POOLS["spaces"])]) for w in words)
