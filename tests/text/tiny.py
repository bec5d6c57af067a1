"""Random models small enough for unit tests: two layers, 64 wide, and a tokenizer that fits."""

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

WORDS = ["a", "the", "cat", "dog", "river", "town", "film", "love", "war", "music", "old", "new"]
WORDS += ["red", "blue", "two", "three"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = len(SPECIAL) + len(WORDS)
WIDTH = 64


def write_bert(folder, seed=0, vocabulary=VOCABULARY):
    """A BertModel with random weights, saved with its tokenizer into ``folder``, which it gives."""
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=WIDTH,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * WIDTH,
        max_position_embeddings=32,
        initializer_range=0.2,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    write_tokenizer(folder)
    return folder


def write_tokenizer(folder):
    places = {word: place for place, word in enumerate([*SPECIAL, *WORDS])}
    tokenizer = Tokenizer(WordLevel(places, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    frame = [("[CLS]", places["[CLS]"]), ("[SEP]", places["[SEP]"])]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=frame)
    names = {f"{name[1:-1].lower()}_token": name for name in SPECIAL}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, **names).save_pretrained(folder)


def shake(network, amount, seed):
    """Move what is trained of a network at random: lora's second matrices start as zeros."""
    torch.manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.requires_grad:
                parameter.add_(amount * torch.randn_like(parameter))


def texts(number, seed=0, longest=20):
    """Random words, of 1 to ``longest``."""
    generator = torch.Generator().manual_seed(seed)
    lengths = torch.randint(1, longest + 1, (number,), generator=generator).tolist()
    picks = [torch.randint(0, len(WORDS), (n,), generator=generator).tolist() for n in lengths]
    return [" ".join(WORDS[pick] for pick in row) for row in picks]
