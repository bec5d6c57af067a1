"""Keys and limits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kgrec.errors import RequestError, ServiceError
from kgrec.serving.access import Keys, Limiter, Rate, is_loopback


def test_a_key_is_found_by_its_text_and_stored_as_a_hash(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys.json")
    text = keys.add("shop", ["write", "read"])
    found = keys.find(text)
    assert found is not None
    assert (found.name, found.scopes) == ("shop", ("read", "write"))
    assert keys.find(text[:-1]) is None
    assert keys.find("") is None
    assert text not in (tmp_path / "keys.json").read_text()
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_scopes_limit_a_key(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys.json")
    reader, admin = keys.find(keys.add("r", ["read"])), keys.find(keys.add("a", ["admin"]))
    assert reader is not None
    assert admin is not None
    assert [reader.allows(scope) for scope in ("read", "write", "explore", "admin")] == [
        True,
        False,
        False,
        False,
    ]
    assert all(admin.allows(scope) for scope in ("read", "write", "explore", "admin"))


def test_a_removed_key_is_unknown_to_others_who_look_again(tmp_path: Path) -> None:
    keys, other = Keys(tmp_path / "keys.json"), Keys(tmp_path / "keys.json")
    text = keys.add("shop", ["read"])
    other.refresh()
    assert other.find(text) is not None
    keys.remove("shop")
    other.refresh()
    assert other.find(text) is None
    assert other.required  # removing the last key opens nothing


@pytest.mark.parametrize(
    ("name", "scopes", "said"),
    [("x", [], "needs a scope"), ("x", ["all"], "no scope"), ("", ["read"], "needs a name")],
)
def test_wrong_keys_are_refused(tmp_path: Path, name: str, scopes: list[str], said: str) -> None:
    with pytest.raises(RequestError, match=said):
        Keys(tmp_path / "keys.json").add(name, scopes)
    assert not (tmp_path / "keys.json").exists()


def test_names_are_unique_and_known(tmp_path: Path) -> None:
    keys = Keys(tmp_path / "keys.json")
    keys.add("shop", ["read"])
    with pytest.raises(RequestError, match="another key"):
        keys.add("shop", ["read"])
    with pytest.raises(RequestError, match="there are: shop"):
        keys.remove("shopp")


@pytest.mark.parametrize("content", ["", "[]", '{"keys": [{"name": "x"}]}', '{"keys": 1}'])
def test_a_damaged_file_lets_nobody_in(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(ServiceError, match="can't be read"):
        Keys(tmp_path / "keys.json")


def test_a_file_of_no_keys_is_empty(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps({"keys": []}))
    assert len(Keys(tmp_path / "keys.json")) == 0


def test_a_bucket_gives_its_burst_then_its_rate() -> None:
    limiter = Limiter({"fast": Rate(10, 3), "slow": Rate(1, 1), "write": Rate(1, 1)})
    assert [limiter.wait("k", "fast", 0.0) for _ in range(3)] == [0.0] * 3
    assert limiter.wait("k", "fast", 0.0) == pytest.approx(0.1)
    assert limiter.wait("k", "fast", 0.1) == 0.0
    assert limiter.wait("other", "fast", 0.1) == 0.0
    assert limiter.wait("k", "slow", 0.1) == 0.0
    times = [0.2 + place / 1000 for place in range(2000)]
    allowed = sum(limiter.wait("k", "fast", at) == 0.0 for at in times)
    assert 20 <= allowed <= 24  # 10 a second for 2 seconds, and what was left


def test_a_clock_that_goes_back_gives_no_tokens() -> None:
    limiter = Limiter({"fast": Rate(1, 1), "slow": Rate(1, 1), "write": Rate(1, 1)})
    assert limiter.wait("k", "fast", 100.0) == 0.0
    assert limiter.wait("k", "fast", 50.0) > 0.0


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_loopback(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_other_addresses(host: str) -> None:
    assert not is_loopback(host)
