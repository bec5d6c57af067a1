"""The real default model, loaded once."""

import pytest

from kgrec.text import load_encoder
from kgrec.text.encoding.models import model_folder


@pytest.fixture(scope="session")
def bert_folder():
    return model_folder()


@pytest.fixture(scope="session")
def encoder():
    return load_encoder(device="cpu", precision="fp32", max_length=64)
