"""OpenVINO gives PyTorch's vectors, int8 nearly so, and neither depends on the batch."""

import sys

import numpy as np
import pytest
import torch

from graph_schema.errors import RequestError, TextModelError
from kgrec.text import load_encoder
from kgrec.text.encoding import forward as forward_module
from kgrec.text.encoding import int8, runtimes
from tests.text import tiny

TEXTS = tiny.texts(40)
OPENVINO = ("openvino", "int8")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny.write_bert(tmp_path_factory.mktemp("tiny"))


def load(folder, precision):
    return load_encoder(folder, device="cpu", precision=precision, max_length=24)


@pytest.fixture(scope="module")
def exact(folder):
    return load(folder, "fp32").encode(TEXTS)


@pytest.fixture(scope="module", params=OPENVINO)
def other(request, folder):
    return load(folder, request.param)


def test_openvino_is_fp32_to_the_last_digits(folder, exact):
    encoder = load(folder, "openvino")
    assert (encoder.precision, encoder.runtime) == ("fp32", "openvino")
    assert np.abs(encoder.encode(TEXTS) - exact).max() < 1e-5
    assert encoder.fingerprint == load(folder, "fp32").fingerprint


def test_int8_is_near_and_told_apart(folder, exact):
    encoder = load(folder, "int8")
    assert (encoder.precision, encoder.runtime) == ("int8", "openvino")
    found = encoder.encode(TEXTS)
    assert np.abs(found - exact).max() > 1e-5  # else nothing was quantised
    assert (found * exact).sum(1).min() >= 0.999
    assert encoder.fingerprint != load(folder, "fp32").fingerprint


def test_vectors_do_not_depend_on_their_batch(other):
    together = other.encode(TEXTS)
    alone = np.concatenate([other.encode([text]) for text in TEXTS])
    assert np.abs(together - alone).max() < 1e-5
    assert np.abs(other.encode(TEXTS[::-1])[::-1] - together).max() < 1e-5


@pytest.mark.parametrize(("faster", "runtime"), [(True, "openvino"), (False, "torch")])
def test_auto_takes_openvino_for_many_texts_where_it_is_faster(
    folder, exact, monkeypatch, faster, runtime
):
    monkeypatch.setattr(forward_module, "MANY", 30)
    monkeypatch.setattr(forward_module, "has_native_bf16", lambda _: False)
    asked = []
    monkeypatch.setattr(forward_module, "is_faster", lambda *given: asked.append(given) or faster)
    encoder = load(folder, "auto")
    encoder.encode(TEXTS[:5])
    assert (encoder.runtime, asked) == ("torch", [])
    found = [encoder.encode(TEXTS) for _ in range(2)]
    assert (encoder.runtime, len(asked)) == (runtime, 1)
    assert np.abs(found[1] - exact).max() < 1e-5


def test_auto_stays_with_pytorch_where_openvino_cannot(folder, exact, monkeypatch):
    monkeypatch.setattr(forward_module, "MANY", 30)
    monkeypatch.setattr(forward_module, "has_native_bf16", lambda _: False)
    monkeypatch.setattr(runtimes, "_openvino_graph", lambda _: 1 / 0)
    encoder = load(folder, "auto")
    assert (encoder.encode(TEXTS) == exact).all()
    assert encoder.runtime == "torch"
    with pytest.raises(TextModelError, match="can't run this model"):
        load(folder, "openvino")


@pytest.mark.parametrize("precision", OPENVINO)
def test_asking_for_openvino_without_it(folder, monkeypatch, precision):
    monkeypatch.setitem(sys.modules, "openvino", None)
    monkeypatch.setattr(runtimes, "has_openvino", lambda: False)
    with pytest.raises(TextModelError, match=r"pip install 'kgrec\[openvino\]'"):
        load(folder, precision)


def test_int8_that_turns_vectors_too_far_is_refused(folder, monkeypatch):
    monkeypatch.setattr(int8, "_LARGEST", 7.0)  # as if there were four bits
    with pytest.raises(TextModelError, match=r"int8 changes .* use precision auto"):
        load(folder, "int8")


def test_openvino_runs_on_the_processor_alone(folder):
    with pytest.raises(RequestError, match="use device 'cpu'"):
        load_encoder(folder, device="meta", precision="int8", max_length=24)


def test_threads_may_share_an_encoder(other):
    from concurrent.futures import ThreadPoolExecutor

    expected = other.encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        found = list(
            pool.map(lambda start: other.encode(TEXTS[start : start + 5]), range(0, 40, 5))
        )
    assert np.abs(np.concatenate(found) - expected).max() < 1e-5


def test_pytorch_is_asked_for_the_last_layer(folder):
    network = load(folder, "fp32")._forward._network
    ids = torch.tensor([[2, 7, 9, 3]])
    found = runtimes.torch_states(network)(ids, torch.ones_like(ids))
    assert found.shape == (1, 4, tiny.WIDTH)
