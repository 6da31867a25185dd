"""Forty awkward texts."""

TEXTS = [
    "", " ", "a", "a photo of a cat", "A Photo Of A CAT!", "  two   spaces\tand a tab\n", "cats, dogs; birds: fish.",
    "the dog's bone isn't here, we'll see", "3 apples and 12 pears", "2026-11-29", "under_score and-hyphen", "(brackets) [and] {more}",
    "\U0001F431", "\U0001F468\u200d\U0001F469\u200d\U0001F467 a family", "\u2764\ufe0f red heart", "caf\u00e9", "cafe\u0301", "na\u00efve r\u00e9sum\u00e9",
    "Stra\u00dfe", "\u0130stanbul", "\u4e00\u53ea\u732b", "\u4e00\u53ea\u5728\u8349\u5730\u4e0a\u7684\u72d7\u3002", "\u732b cat \u72d7 dog", "\u3053\u3093\u306b\u3061\u306f", "\ud55c\uad6d\uc5b4", "\u043a\u043e\u0448\u043a\u0430",
    "\u0627\u0644\u0642\u0637", "\u0e41\u0e21\u0e27", "\uff21\uff22\uff23 full width", "\u201cquotes\u201d \u2014 and dashes", "a\u00a0b", "a\u200bb", "zero\u0000byte", "&amp; &lt;b&gt;",
    "<|endoftext|>", "[SEP] [MASK]", "https://example.org/a?b=c#d", "supercalifragilisticexpialidocious" * 3,
    " ".join(["word"] * 500), " ".join("the quick brown fox jumps over the lazy dog".split() * 60)[:2000],
]
assert len(TEXTS) == 40 == len(set(TEXTS))

WORDS = (
    "a an the of on in and photo picture image cat cats dog dogs bird red green blue house tree grass water sky is it we "
    "two three word quick brown fox jumps over lazy family heart apple pears with here see bone full width quotes dash"
).split()
HAN = "\u4e00\u53ea\u732b\u72d7\u5728\u8349\u5730\u4e0a\u7684\u7167\u7247\u7ea2\u8272\u623f\u5b50\u6811\u6c34\u5929\u7a7a\u3002\uff0c"
