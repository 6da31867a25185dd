"""Tokenizers with small vocabularies, in the file formats of the real ones."""

import io
import json

import sentencepiece
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertTokenizerFast, CLIPTokenizerFast, GemmaTokenizerFast, SiglipTokenizer, XLMRobertaTokenizerFast
from transformers.convert_slow_tokenizer import T5Converter
from transformers.models.clip.tokenization_clip import bytes_to_unicode

from texts import HAN, WORDS


def clip(folder):
    """Byte pairs of CLIP: all bytes, each also as the end of a word, and the merges of a few words."""
    letters = list(bytes_to_unicode().values())
    pieces = letters + [letter + "</w>" for letter in letters]
    merges = []
    for word in WORDS:
        parts = list(word[:-1]) + [word[-1] + "</w>"]
        while len(parts) > 1:
            pair = (parts[0], parts[1])
            if pair not in merges:
                merges.append(pair)
            parts = ["".join(pair)] + parts[2:]
    pieces += ["".join(pair) for pair in merges]
    pieces = list(dict.fromkeys(pieces)) + ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({piece: at for at, piece in enumerate(pieces)}))
    lines = ["#version: 0.2"] + [" ".join(pair) for pair in merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n")
    tokenizer = CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)
    tokenizer.save_pretrained(folder)
    return tokenizer


def chinese_clip(folder):
    """Word pieces of BERT: letters, Han characters, and a few words."""
    letters = [chr(code) for code in range(33, 127)]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + letters + list(HAN) + WORDS
    pieces += ["##" + letter for letter in letters] + ["##s", "##ing"]
    (folder / "vocab.txt").write_text("\n".join(dict.fromkeys(pieces)) + "\n")
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), do_lower_case=True, model_max_length=52)
    tokenizer.save_pretrained(folder)
    return tokenizer


def siglip(folder):
    """SentencePiece as of SigLIP. The reference is the tokenizer in Python; `tokenizer.json` says the same as data, as the
    published conversions do."""
    text = io.StringIO("\n".join([" ".join(WORDS), *WORDS * 3, *(f"{a} {b}" for a in WORDS for b in WORDS[:12]), HAN]))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=text, model_writer=model, vocab_size=260, model_type="unigram", character_coverage=1.0,
        pad_id=0, eos_id=1, unk_id=2, bos_id=-1, hard_vocab_limit=False, normalization_rule_name="nmt_nfkc", minloglevel=2,
    )
    (folder / "spiece.model").write_bytes(model.getvalue())
    slow = SiglipTokenizer(str(folder / "spiece.model"), model_max_length=16)
    fast = T5Converter(_with_extra_ids(slow)).converted()
    punctuation = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~]"
    fast.normalizer = normalizers.Sequence([
        normalizers.Lowercase(), normalizers.Replace(Regex(punctuation), ""), normalizers.Replace(Regex("\\s+"), " "),
        normalizers.Strip(), fast.normalizer,
    ])
    fast.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    fast.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"model_max_length": 16, "pad_token": "</s>", "tokenizer_class": "SiglipTokenizer"})
    )
    return slow


def _with_extra_ids(slow):
    slow._extra_ids = 0
    return slow


def siglip2(folder):
    """Byte pairs with bytes to fall back on, as of Gemma, which SigLIP 2 reads."""
    pieces = ["<pad>", "<eos>", "<bos>", "<unk>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    letters = sorted(set("".join(WORDS)) | set(HAN) | {"\u2581", "'", "!", ","})
    merges = []
    for word in WORDS:
        parts = ["\u2581"] + list(word)
        while len(parts) > 1:
            pair = (parts[0], parts[1])
            if pair not in merges:
                merges.append(pair)
            parts = ["".join(pair)] + parts[2:]
    pieces += letters + ["".join(pair) for pair in merges]
    vocab = {piece: at for at, piece in enumerate(dict.fromkeys(pieces))}
    fast = Tokenizer(models.BPE(vocab, merges, byte_fallback=True, fuse_unk=True, unk_token="<unk>"))
    fast.normalizer = normalizers.Sequence([normalizers.Lowercase(), normalizers.Replace(" ", "\u2581")])
    fast.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    fast.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    fast.post_processor = processors.TemplateProcessing(single="$A <eos>", special_tokens=[("<eos>", 1)])
    fast.add_special_tokens(["<pad>", "<eos>", "<bos>", "<unk>"])
    tokenizer = GemmaTokenizerFast(tokenizer_object=fast, model_max_length=16, add_bos_token=False, add_eos_token=True)
    tokenizer.save_pretrained(folder)
    return tokenizer


def xlm_r(folder, longest):
    """SentencePiece as of XLM-R, by the conversion that its publisher has `tokenizer.json` from."""
    text = io.StringIO("\n".join([" ".join(WORDS), *WORDS * 3, *(f"{a} {b}" for a in WORDS for b in WORDS[:12]), HAN]))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=text, model_writer=model, vocab_size=260, model_type="unigram", character_coverage=1.0,
        hard_vocab_limit=False, normalization_rule_name="nmt_nfkc", minloglevel=2,
    )
    folder.mkdir(parents=True, exist_ok=True)
    pieces = folder / "sentencepiece.bpe.model"
    pieces.write_bytes(model.getvalue())
    tokenizer = XLMRobertaTokenizerFast(str(pieces), model_max_length=longest)
    tokenizer.save_pretrained(folder)
    pieces.unlink()
    return tokenizer
