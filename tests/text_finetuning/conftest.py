"""A tiny random model, read afresh for each test, and a corpus of two kinds of items."""

import numpy as np
import pytest

from kgrec.config.text_finetuning import TextTuning
from kgrec.text.encoding.loading import read_model
from kgrec.text_finetuning import TextCorpus, UserTexts
from tests.text.tiny import texts, write_bert

N_ITEMS, N_USERS = 24, 30
KINDS = ("cat dog red old", "river town blue new")


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory):
    return write_bert(tmp_path_factory.mktemp("tiny") / "model")


@pytest.fixture
def tiny(tiny_folder):
    """The network and its tokenizer."""
    model = read_model(tiny_folder)
    return model.network, model.tokenizer


@pytest.fixture(scope="session")
def corpus():
    """Items of even and odd rows are described in different words; so are their reviews."""
    rng = np.random.default_rng(0)

    def result(item, row):
        words = KINDS[item % 2].split()
        return " ".join([*rng.permutation(words)[:3], texts(1, seed=row, longest=3)[0]])

    users = np.repeat(np.arange(N_USERS), 5)
    items = np.concatenate([2 * rng.permutation(N_ITEMS // 2)[:5] + user % 2 for user in range(30)])
    return TextCorpus(
        documents=[result(item, item) for item in range(N_ITEMS)],
        reviews=UserTexts([result(item, 99 + row) for row, item in enumerate(items)], users, items),
        queries=UserTexts(
            [result(item, 999 + item) for item in range(8)], np.full(8, -1), np.arange(8)
        ),
        users=users,
        items=items,
    )


def small(**changed):
    """Settings for a tuning of a fraction of a second."""
    plain = {"max_length": 16, "batch_size": 8, "epochs": 1, "steps": 4, "mixed_precision": "off"}
    return TextTuning(**{**plain, "learning_rate": 1e-2, **changed})
