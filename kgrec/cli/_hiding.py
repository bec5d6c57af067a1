"""What ``kgrec load`` does to people before it writes: pseudonyms, coarser attributes, texts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kgrec.cli._progress import say
from kgrec.cli._pseudonyms import check_names, given_key, with_pseudonyms
from kgrec.presentation import split_list

if TYPE_CHECKING:
    from graph_schema import Catalog
    from graph_schema.privacy.key import PseudonymKey
    from kgrec.stores import GraphStore

_PEOPLE = "People"
AnonymiseOption = Annotated[
    int | None,
    typer.Option(
        "--anonymise",
        metavar="K",
        help="Make the attributes of --quasi coarser, until K users have each combination.",
        rich_help_panel=_PEOPLE,
    ),
]
QuasiOption = Annotated[
    str | None,
    typer.Option(
        help="Attributes of users by which somebody may be known: age,gender,zip; with a method "
        "age:range, zip:prefix or job:value.",
        rich_help_panel=_PEOPLE,
    ),
]
ScanOption = Annotated[
    bool,
    typer.Option(
        "--scan-texts",
        help="Report mail addresses and numbers of phones, cards and accounts in texts by file and "
        "row; so does --pseudonymise.",
        rich_help_panel=_PEOPLE,
    ),
]
MaskOption = Annotated[
    bool,
    typer.Option(
        "--mask-texts", help="Write [mail], [phone] … in their place.", rich_help_panel=_PEOPLE
    ),
]
NamesOption = Annotated[
    str | None,
    typer.Option(
        "--names",
        metavar="PIPELINE",
        help="Also look for names, with this spaCy pipeline: its name or folder (extra names); "
        "none: presidio's patterns alone.",
        rich_help_panel=_PEOPLE,
    ),
]


@dataclass(frozen=True)
class Hiding:
    """What is done to people.

    Attributes
    ----------
    key : PseudonymKey or None
        Of pseudonyms.
    k : int or None
        Of k-anonymity of the attributes in ``quasi``.
    scan, mask : bool
        Whether texts are looked through, and what is found is masked.
    names : str or None
        The spaCy pipeline that finds names; "none" for presidio's patterns alone.
    """

    key: PseudonymKey | None
    k: int | None
    quasi: tuple[str, ...]
    scan: bool
    mask: bool
    names: str | None

    @staticmethod
    def of(
        anonymise: int | None,
        quasi: str | None,
        scan: bool,
        mask: bool,
        names: str | None,
        *,
        apart_from: Path | None,
    ) -> Hiding:
        """Of a command's options. Raises BadParameter for options without those they need,
        RequestError for a key that can't be used."""
        columns = tuple(split_list(quasi) or ())
        if (anonymise is None) != (not columns):
            raise typer.BadParameter("--anonymise K and --quasi COLUMNS go together")
        key = given_key([apart_from])
        scan = scan or mask or key is not None
        if names is not None and not scan:
            raise typer.BadParameter("--names goes with --scan-texts or --mask-texts")
        return Hiding(key, anonymise, columns, scan, mask, names)

    def applied(self, catalog: Catalog) -> tuple[Catalog, dict[str, Any]]:
        """The catalog and a report as plain values, which is also said in words. Raises
        CatalogError, RequestError, MissingExtraError."""
        said: dict[str, Any] = {}
        if self.scan:
            catalog = self._scanned(catalog, said)
        if self.k is not None:
            from graph_schema.privacy.generalisation import anonymise

            catalog, loss = anonymise(catalog, self.k, self.quasi)
            say(str(loss))
            said["anonymity"] = loss.to_dict()
        if self.key is not None:
            catalog = with_pseudonyms(catalog, self.key)
            users = catalog.tables["users"].num_rows
            say(f"{users:,} users have pseudonyms of the key {self.key.fingerprint}")
            said["pseudonyms"] = {"key": self.key.fingerprint, "users": users}
        return catalog, said

    def _scanned(self, catalog: Catalog, said: dict[str, Any]) -> Catalog:
        from graph_schema.privacy.texts import scan_texts

        finder = None
        if self.names is not None:
            from graph_schema.privacy.presidio import presidio_finder

            finder = presidio_finder(None if self.names == "none" else self.names)
        catalog, found = scan_texts(catalog, mask=self.mask, names=finder)
        if found.texts:
            say(f"texts: {found}")
        said["texts"] = found.to_dict()
        return catalog

    def check(self, graph: GraphStore, catalog: Catalog, *, replace: bool) -> None:
        """Check that the catalog may be written into a store. Raises CatalogError where its users
        are not named as those there are, RequestError for users beside other anonymous ones."""
        if replace:
            return
        check_names(graph, catalog)
        if self.k is not None and graph.row_counts()["users"]:
            from graph_schema.errors import RequestError

            raise RequestError(
                f"{graph.uri} has users already, and {self.k}-anonymity holds among the users that "
                "are loaded together. Nothing was written. Cure: load all users at once with "
                "--replace, or into a new store."
            )
