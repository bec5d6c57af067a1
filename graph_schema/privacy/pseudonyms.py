"""Pseudonyms in a catalog: ids of people are replaced wherever they stand."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from graph_schema.catalog import Catalog
from graph_schema.errors import CatalogError
from graph_schema.names import USER
from graph_schema.privacy.key import USER_IDS, PseudonymKey, fingerprint_of
from graph_schema.report import shown

# Columns of ids that name people or what people wrote, and the kind of each.
_COLUMNS: Final = {
    "users": {"user_id": USER_IDS},
    "interactions": {"user_id": USER_IDS},
    "reviews": {"user_id": USER_IDS, "review_id": "review"},
    "queries": {"user_id": USER_IDS, "query_id": "query"},
}
_ENDS: Final = ("head", "tail")


def pseudonymise(catalog: Catalog, key: PseudonymKey) -> Catalog:
    """Replace every id of a user by its pseudonym.

    It does so in users, interactions, reviews, queries and facts with users at an end. The ids of
    reviews and queries are replaced too: where the files had none they are plain hashes of what
    they contain, the user's id among it, and those that files have often lead to their author.
    Attributes and texts stay as they are; see ``generalise`` and ``scan_texts``.

    Parameters
    ----------
    catalog : Catalog
        With the ids of the files.
    key : PseudonymKey
        Whoever has it can compute the pseudonym of any id.

    Returns
    -------
    Catalog
        The same rows in the same order, with pseudonyms.

    Raises
    ------
    CatalogError
        If an id has the form of a pseudonym already: it would stand for somebody else.
    """
    _refuse_pseudonyms(catalog)
    tables = dict(catalog.tables)
    for frame, columns in _COLUMNS.items():
        for column, kind in columns.items():
            tables[frame] = _replaced(tables[frame], column, _hashed(key, kind))
    tables["facts"] = _with_pseudonyms_at_ends(tables["facts"], key)
    return replace(catalog, tables=tables, integer_ids=catalog.integer_ids - {USER})


def key_of(ids: Iterable[str]) -> str:
    """The fingerprint of the key that all of these ids of users were made with; "" where none is a
    pseudonym.

    Raises CatalogError where some are pseudonyms and others are not, or of another key.
    """
    first: dict[str, str] = {}
    for one in ids:
        first.setdefault(fingerprint_of(one), one)
        if len(first) > 1:
            raise CatalogError(
                f"the users {' and '.join(map(shown, first.values()))} have no common key: some "
                "ids are pseudonyms and others are not, or of another key. Cure: load all files "
                "with the same --pseudonymise KEYFILE."
            )
    return next(iter(first), "")


def check_same_key(stored: Iterable[str], catalog: Catalog, place: str) -> None:
    """Check that a catalog's users are named as those of a graph are.

    Parameters
    ----------
    stored : iterable of str
        Ids of users of the graph; one is enough. Nothing is checked without any.
    catalog : Catalog
        What is to be written into the graph.
    place : str
        The graph, for messages.

    Raises
    ------
    CatalogError
        If one has pseudonyms and the other has not, or theirs are of two keys.
    """
    known = next(iter(stored), None)
    ids = catalog.tables["users"].column("user_id").to_pylist()
    if known is None or not ids:
        return
    theirs, ours = fingerprint_of(known), key_of(ids)
    if theirs == ours:
        return
    raise CatalogError(f"{place}: {_difference(theirs, ours)} Nothing was written.")


def _difference(stored: str, given: str) -> str:
    if not given:
        return (
            f"its users are pseudonyms of the key {stored}, and these rows name people by their "
            "own ids. Cure: pass --pseudonymise with the file of this key."
        )
    if not stored:
        return (
            "its users have their own ids, and these rows have pseudonyms. Cure: load all files "
            "again with --pseudonymise and --replace, or into a new store; and train again."
        )
    return (
        f"its users are pseudonyms of the key {stored}, and these rows have those of the key "
        f"{given}. Cure: pass --pseudonymise with the file of the key {stored}; to change the key, "
        "load all files again with --replace."
    )


def _hashed(key: PseudonymKey, kind: str) -> Callable[[list[str]], list[str]]:
    return lambda ids: key.pseudonyms(ids, kind)


def _replaced(table: pa.Table, column: str, change: Callable[[list[str]], list[str]]) -> pa.Table:
    """The table with the distinct ids of a column changed; an absent one stays absent."""
    if column not in table.column_names:
        return table
    position = table.column_names.index(column)
    return table.set_column(position, column, _changed(table.column(column), change))


def _changed(ids: pa.ChunkedArray, change: Callable[[list[str]], list[str]]) -> pa.Array:
    coded = pc.dictionary_encode(ids.combine_chunks())
    names = pa.array(change(coded.dictionary.to_pylist()), pa.string())
    return names.take(coded.indices)


def _with_pseudonyms_at_ends(facts: pa.Table, key: PseudonymKey) -> pa.Table:
    change = _hashed(key, USER_IDS)
    for end in _ENDS:
        of_user = pc.equal(facts.column(f"{end}_type"), "user")
        if facts.num_rows and pc.any(of_user).as_py():
            ids = facts.column(end)
            hidden = _changed(pc.if_else(of_user, ids, None), change)
            ids = pc.if_else(of_user, hidden, ids.combine_chunks())
            facts = facts.set_column(facts.column_names.index(end), end, ids)
    return facts


def _refuse_pseudonyms(catalog: Catalog) -> None:
    for one in catalog.tables["users"].column("user_id").to_pylist():
        if fingerprint_of(one):
            raise CatalogError(
                f"the user {shown(one)} has the form of a pseudonym already. Nothing was written. "
                "Cure: load files whose users are pseudonyms without --pseudonymise."
            )
