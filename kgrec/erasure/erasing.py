"""``erase``: people leave every place that is named, and are kept out; ``lift`` ends that.

The order makes it safe to kill and to repeat: first the people are kept out, then what is found by
way of what they wrote (caches), then logs, models and at last the stores. Each place changes as a
whole or not at all. Doing it again finishes what was interrupted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from graph_schema.disk.paths import given_path
from graph_schema.report import shown
from kgrec.arguments import Missing, check_choice, id_list
from kgrec.erasure.logs import FeedbackPlace
from kgrec.erasure.places import CachePlace, CheckpointPlace, ModelPlace, Place, StorePlace
from kgrec.erasure.receipt import ErasedPlace, Receipt, now
from kgrec.erasure.service import ServicePlace
from kgrec.erasure.snapshots import SnapshotPlace
from kgrec.erasure.traces import find_traces
from kgrec.errors import RequestError
from kgrec.serving.registry import Root
from kgrec.stores import GraphStore
from kgrec.stores.people.erased_people import Tombstones
from kgrec.stores.registry import connect
from kgrec.stores.removal import Ids
from kgrec.text.encoding.cache import EmbeddingCache

if TYPE_CHECKING:
    from graph_schema.privacy.key import PseudonymKey

PathLike_: TypeAlias = "str | PathLike[str]"
_NAMED = 20  # of unknown ids, in a message


def erase(
    users: Ids = (),
    *,
    stores: Iterable[GraphStore | PathLike_] = (),
    models: Iterable[PathLike_] = (),
    services: Iterable[PathLike_] = (),
    logs: Iterable[PathLike_] = (),
    checkpoints: Iterable[PathLike_] = (),
    caches: Iterable[PathLike_] = (),
    snapshots: Iterable[PathLike_] = (),
    key: PseudonymKey | None = None,
    again: bool = False,
    missing: Missing = "error",
    check: bool = False,
) -> Receipt:
    """Erase people from stores, models, services, logs, checkpoints and caches, and keep them out.

    Parameters
    ----------
    users : id or sequence of ids
        The people.
    stores : iterable of GraphStore, path or address
        Graphs: the people leave with their events, texts and facts.
    models : iterable of path
        Folders of saved models; see ``erased_state``.
    services : iterable of path
        Folders of ``kgrec serve``: the log of events, and every model of the registry. No service
        may run on them; one that runs is asked by POST /v1/erase.
    logs : iterable of path
        Feedback logs: .csv, .parquet or .jsonl files with a column user_id.
    checkpoints : iterable of path
        Checkpoints of ``fit``, which are removed with those beside them.
    caches : iterable of path
        Folders of text vectors, beside those of the models and the default one.
    snapshots : iterable of path
        Folders of ``kgrec snapshot``, which are written anew without them.
    key : PseudonymKey, optional
        The key of the pseudonyms (``graph_schema.privacy.key.read_key``) that the places have for
        people: then ``users`` may be their own ids.
    again : bool
        Also erase everybody whom a place has, though they were erased before: after a copy of a
        model or store was put back.
    missing : {"error", "ignore"}
        What to do about ids that no place has or had: change nothing and raise an error, or go on
        and keep them out.
    check : bool
        Read every byte of the places afterwards, also compressed ones, and say where ids are left.

    Returns
    -------
    Receipt
        What left each place.

    Raises
    ------
    RequestError
        Without people or places, and for unknown ids; nothing has changed then.
    ErasureError
        Where a service runs on a folder; nothing has changed then.
    StoreError, ModelError, ServiceError, SourceError
        Where a place can't be read or written. Erase again once it can.
    """
    check_choice(missing, "missing", ("error", "ignore"))
    wall, processor = time.perf_counter(), time.process_time()
    given = _named(users, key)
    with ExitStack() as stack:
        places = _places(stack, stores, models, services, logs, checkpoints, snapshots)
        for place in places:
            stack.enter_context(place.alone())
        people, tombstones = _people(places, given, again=again, strict=missing == "error")
        done = _erased(places, people, tombstones, caches)
        traces = None
        if check:
            traces = find_traces([path for place in places for path in place.files()], people)
    return Receipt(
        now(),
        tuple(sorted(map(tombstones.hash_of, people))),
        tuple(done),
        round(time.perf_counter() - wall, 3),
        round(time.process_time() - processor, 3),
        traces,
    )


def lift(
    users: Ids,
    *,
    stores: Iterable[GraphStore | PathLike_] = (),
    models: Iterable[PathLike_] = (),
    services: Iterable[PathLike_] = (),
    key: PseudonymKey | None = None,
) -> int:
    """Let people come back who were erased: what is loaded, updated or sent later counts again.

    Parameters
    ----------
    users, stores, models, services, key
        As in ``erase``.

    Returns
    -------
    int
        How many of the people one of the places kept out.

    Raises
    ------
    RequestError
        Without people or places.
    ErasureError, StoreError, ModelError, ServiceError
        Where a place can't be read or written.
    """
    people = _named(users, key)
    with ExitStack() as stack:
        places = _places(stack, stores, models, services, (), ())
        for place in places:
            stack.enter_context(place.alone())
        before = [one for place in places if (one := place.tombstones()) is not None]
        for place in places:
            place.lift(people)
    return sum(any(kept.covers(one) for kept in before) for one in people)


def _named(users: Ids, key: PseudonymKey | None) -> list[str]:
    """The people, each once, as the places name them. Raises RequestError."""
    given = id_list(users, "users")
    return list(dict.fromkeys(given if key is None else key.stored(given)))


def erase_models(root: Root, users: Sequence[str]) -> list[ErasedPlace]:
    """Erase people from the models of a service that runs and has kept them out itself."""
    place = ServicePlace(root, served=True)
    tombstones = place.tombstones() or Tombstones()
    return _erased([place], users, tombstones, ())


def _places(
    stack: ExitStack,
    stores: Iterable[GraphStore | PathLike_],
    models: Iterable[PathLike_],
    services: Iterable[PathLike_],
    logs: Iterable[PathLike_],
    checkpoints: Iterable[PathLike_],
    snapshots: Iterable[PathLike_] = (),
) -> list[Place]:
    """The places, in the order in which people leave them. Raises RequestError without any."""
    found: list[Place] = [
        CheckpointPlace(given_path(one, "checkpoint").absolute()) for one in checkpoints
    ]
    found += [FeedbackPlace(given_path(one, "log")) for one in logs]
    found += [ServicePlace(_root(given_path(one, "service"))) for one in services]
    found += [ModelPlace(given_path(one, "model")) for one in models]
    found += [SnapshotPlace(given_path(one, "snapshot")) for one in snapshots]
    for one in stores:
        store = one if isinstance(one, GraphStore) else stack.enter_context(connect(one))
        found.append(StorePlace(store))
    if not found:
        raise RequestError("name a place to erase people from: a store, a model, a service, …")
    return found


def _root(folder: Path) -> Root:
    """The folder of a service. Raises RequestError for another one."""
    root = Root(folder.resolve())
    if not (root.registry_file.exists() or root.log.exists()):
        raise RequestError(f"{folder} is not the folder of a service; name what --root names.")
    return root


def _people(
    places: Sequence[Place], given: list[str], *, again: bool, strict: bool
) -> tuple[list[str], Tombstones]:
    """Whom to erase, and the tombstones whose key the receipt uses. Raises RequestError."""
    before = [one for place in places if (one := place.tombstones()) is not None]
    known = set[str]().union(*(place.users() for place in places))
    if again:
        given = [*given, *sorted(one for one in known if any(kept.covers(one) for kept in before))]
        given = list(dict.fromkeys(given))
    elif not given:
        raise RequestError("name the people to erase.")
    strange = [
        one for one in given if one not in known and not any(kept.covers(one) for kept in before)
    ]
    if strict and strange:
        names = ", ".join(map(shown, strange[:_NAMED]))
        more = f" and {len(strange) - _NAMED:,} more" if len(strange) > _NAMED else ""
        raise RequestError(
            f"no place has users {names}{more}, and none was erased before. Nothing was erased. "
            "Cure: correct them (where the places have pseudonyms, give the key too), or keep them "
            "out all the same with missing='ignore' (--ignore-missing)."
        )
    return given, replace(before[0] if before else Tombstones(), hashes=frozenset())


def _erased(
    places: Sequence[Place],
    people: Sequence[str],
    tombstones: Tombstones,
    caches: Iterable[PathLike_],
) -> list[ErasedPlace]:
    """Keep the people out of each place, then remove them."""
    for place in places:
        place.keep_out((place.tombstones() or tombstones).with_users(people))
    texts = [text for place in places for text in place.texts(people)]
    named = [EmbeddingCache(given_path(one, "cache")).folder for one in caches]
    folders = [*named, EmbeddingCache().folder, *(one for p in places for one in p.caches())]
    work: list[Place] = []
    if texts:
        work += [CachePlace(one, texts) for one in dict.fromkeys(folders) if one.exists()]
    done: list[ErasedPlace] = []
    for place in [*work, *places]:
        done += place.erase(people, tombstones)
    return done
