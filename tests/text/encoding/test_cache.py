"""The embedding cache: what is stored comes back, whatever happens to the files and processes."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from kgrec.text import EmbeddingCache
from kgrec.text.encoding import cache as cache_module

MODEL, OTHER = "a" * 64, "b" * 64


def texts_of(n, prefix="text"):
    return [f"{prefix} {number}" for number in range(n)]


def vectors_of(texts):
    return np.stack([np.random.default_rng(len(t) + hash_of(t)).random(6) for t in texts]).astype(
        np.float32
    )


def hash_of(text):
    return sum(ord(letter) * 31**place for place, letter in enumerate(text)) % 2**32


def fill(folder, texts):
    EmbeddingCache(folder).put(MODEL, texts, vectors_of(texts))


def assert_whole(folder, texts):
    vectors, found = EmbeddingCache(folder).get(MODEL, texts, 6)
    assert found.all()
    assert (vectors == vectors_of(texts)).all()


def test_comes_back_in_any_order(tmp_path):
    texts = texts_of(50)
    fill(tmp_path, texts + texts[:5])
    assert_whole(tmp_path, texts[::-1] + texts[:3])
    vectors, found = EmbeddingCache(tmp_path).get(MODEL, ["text 7", "never", "text 8"], 6)
    assert found.tolist() == [True, False, True]
    assert (vectors[1] == 0).all()
    assert not EmbeddingCache(tmp_path).get(OTHER, texts, 6)[1].any()


def test_writing_twice_is_one_file(tmp_path):
    fill(tmp_path, texts_of(5))
    fill(tmp_path, texts_of(5))
    stats = EmbeddingCache(tmp_path).stats()
    assert (stats.encoders, stats.shards, stats.vectors) == (1, 1, 5)
    assert stats.bytes == next(tmp_path.glob("*/*")).stat().st_size


def damage_end(file):
    file.write_bytes(file.read_bytes()[:-7])


def damage_bit(file):
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)


def damage_all(file):
    file.write_bytes(b"not a shard")


@pytest.mark.parametrize("damage", [damage_end, damage_bit, damage_all])
def test_a_damaged_shard_is_ignored_and_removed(tmp_path, damage):
    fill(tmp_path, ["good"])
    good = set(tmp_path.glob("*/*"))
    fill(tmp_path, ["lost"])
    (bad,) = set(tmp_path.glob("*/*")) - good
    damage(bad)
    assert EmbeddingCache(tmp_path).get(MODEL, ["good", "lost"], 6)[1].tolist() == [True, False]
    assert not bad.exists()
    fill(tmp_path, ["lost"])
    assert_whole(tmp_path, ["good", "lost"])


def test_many_small_shards_are_merged(tmp_path):
    groups = [texts_of(3, f"group {number}") for number in range(40)]
    for texts in groups:
        fill(tmp_path, texts)
    assert EmbeddingCache(tmp_path).stats().shards <= cache_module.MAX_SHARDS
    assert_whole(tmp_path, [text for texts in groups for text in texts])


def test_size_is_bounded_and_what_was_used_last_stays(tmp_path):
    for number in range(4):
        fill(tmp_path, texts_of(100, f"part {number}"))
    for age, file in enumerate(sorted(tmp_path.glob("*/*"))):
        os.utime(file, (1000 + age, 1000 + age))
    assert_whole(tmp_path, texts_of(100, "part 2"))  # reading renews
    size = next(tmp_path.glob("*/*")).stat().st_size
    small = EmbeddingCache(tmp_path, max_bytes=int(2.5 * size))
    small.put(MODEL, texts_of(100, "new"), vectors_of(texts_of(100, "new")))
    assert small.stats().bytes <= small.max_bytes
    assert_whole(tmp_path, texts_of(100, "new"))


def test_left_overs_of_killed_processes_go(tmp_path):
    fill(tmp_path, ["a"])
    left = next(tmp_path.glob("*")) / ".kgrec-0123456789abcdef"
    left.mkdir()
    (left / "file.safetensors").write_bytes(b"half")
    fill(tmp_path, ["b"])
    assert not left.exists()


def test_several_processes_write_at_once(tmp_path):
    context = multiprocessing.get_context("fork")  # quick: nothing is imported again
    groups = [texts_of(20, f"worker {number % 2}") for number in range(3)]
    workers = [context.Process(target=fill, args=(tmp_path, texts)) for texts in groups]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    assert_whole(tmp_path, groups[0] + groups[1])


WRITE_FOR_EVER = """
import itertools, sys
import numpy as np
from kgrec.text import EmbeddingCache
cache = EmbeddingCache(sys.argv[1])
for number in itertools.count():
    cache.put("a" * 64, [f"k{number}"], np.full((1, 50_000), number, dtype=np.float32))
    print(number, flush=True)
"""


@pytest.mark.slow
def test_a_killed_writer_leaves_whole_shards(tmp_path):
    command = [sys.executable, "-c", WRITE_FOR_EVER, str(tmp_path)]
    writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    while int(writer.stdout.readline()) < 5:
        pass
    time.sleep(0.01)
    os.kill(writer.pid, signal.SIGKILL)
    done = 5 + len(writer.stdout.read().split())
    writer.wait()
    keys = [f"k{number}" for number in range(done + 1)]
    vectors, found = EmbeddingCache(tmp_path).get(MODEL, keys, 50_000)
    assert found.all()
    assert (vectors == np.arange(done + 1)[:, None]).all()
