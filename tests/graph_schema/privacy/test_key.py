"""Keys of pseudonyms: how they are made, kept, read and refused."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph_schema.errors import RequestError
from graph_schema.privacy.key import PSEUDONYM, PseudonymKey, fingerprint_of, make_key, read_key

KEY = PseudonymKey(bytes(range(32)))


def test_a_pseudonym_is_the_hmac_of_the_id() -> None:
    expected = hmac.new(bytes(range(32)), b"user\0Ada", hashlib.sha256).hexdigest()[:32]
    assert KEY.pseudonym("Ada") == f"p-{KEY.fingerprint}-{expected}"


@settings(max_examples=30)
@given(st.text(), st.text())
def test_ids_differ_by_kind_and_key(one: str, other: str) -> None:
    second = PseudonymKey(b"x" * 32)
    names = {KEY.pseudonym(one), KEY.pseudonym(one, "review"), second.pseudonym(one)}
    assert len(names) == 3
    assert (KEY.pseudonym(one) == KEY.pseudonym(other)) == (one == other)
    assert all(PSEUDONYM.fullmatch(name) for name in names)


def test_with_the_key_and_the_ids_there_is_a_way_back() -> None:
    table = KEY.table(["a", "b", "a"])
    assert table[KEY.pseudonym("b")] == "b"
    assert len(table) == 2


def test_stored_ids_leave_pseudonyms_of_the_key_as_they_are() -> None:
    other = PseudonymKey(b"x" * 32).pseudonym("a")
    mine = KEY.pseudonym("a")
    assert KEY.stored(["a", mine, other]) == [mine, mine, KEY.pseudonym(other)]


def test_the_secret_is_in_no_text() -> None:
    shown = f"{KEY!r} {KEY} {KEY.fingerprint} {KEY.pseudonym('a')}"
    assert KEY.secret.hex() not in shown
    assert "\\x" not in shown


def test_a_new_key_is_its_owners_alone_and_is_never_overwritten(tmp_path: Path) -> None:
    made = make_key(tmp_path / "shop.key")
    assert (tmp_path / "shop.key").stat().st_mode & 0o777 == 0o600
    assert read_key(tmp_path / "shop.key") == made
    with pytest.raises(RequestError, match="exists already; nothing was written"):
        make_key(tmp_path / "shop.key")
    assert read_key(tmp_path / "shop.key") == made


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    make_key(tmp_path / "shop.key")
    os.chmod(tmp_path / "shop.key", 0o640)
    with pytest.raises(RequestError, match=r"mode 0640.*chmod 600"):
        read_key(tmp_path / "shop.key")


@pytest.mark.parametrize("content", [b"", b"12", b"\xff" * 64, b"A" * 64, b"0" * 65, b"0" * 9999])
def test_other_files_are_no_keys(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(RequestError, match="holds no key"):
        read_key(file)


@pytest.mark.parametrize("path", ["missing", ".", "", "nul\0", 5])
def test_what_is_no_file_is_refused(tmp_path: Path, path: object) -> None:
    place = tmp_path / path if isinstance(path, str) and path and "\0" not in path else path
    with pytest.raises(RequestError):
        read_key(place)  # type: ignore[arg-type]


def test_a_key_is_kept_apart(tmp_path: Path) -> None:
    (tmp_path / "data" / "keys").mkdir(parents=True)
    make_key(tmp_path / "data" / "keys" / "k")
    for place in ("catalog.kgl", "keys"):
        with pytest.raises(RequestError, match="in a folder of its own"):
            read_key(tmp_path / "data" / "keys" / "k", apart_from=[tmp_path / "data" / place])
    (tmp_path / "link").symlink_to(tmp_path / "data" / "keys" / "k")
    with pytest.raises(RequestError, match="in a folder of its own"):
        read_key(tmp_path / "link", apart_from=[tmp_path / "data" / "catalog.kgl"])
    (tmp_path / "store").mkdir()
    read_key(tmp_path / "link", apart_from=[tmp_path / "store" / "catalog.kgl"])


@pytest.mark.parametrize("secret", [b"", b"short", "x" * 32, None])
def test_a_key_has_32_bytes(secret: object) -> None:
    with pytest.raises(RequestError, match="has 32 bytes"):
        PseudonymKey(secret)  # type: ignore[arg-type]


def test_other_ids_have_no_fingerprint() -> None:
    assert fingerprint_of(KEY.pseudonym("a")) == KEY.fingerprint
    assert {fingerprint_of(one) for one in ("", "1", "p-1", KEY.pseudonym("a") + "0")} == {""}
