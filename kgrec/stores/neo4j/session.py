"""One Neo4j connection: managed transactions, and the driver's errors as ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import neo4j
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from graph_schema.errors import QueryError, StoreAuthError, StoreConnectionError, StoreError
from kgrec.stores.kind import without_password

T = TypeVar("T")
# Records of a read hold many rows each; after each fetch the server waits for the next request.
FETCH_SIZE = 20_000
CONNECT_SECONDS = 10.0
RETRY_SECONDS = 15.0


class Connection:
    """A driver and the database to use; ``uri`` names it in messages, passwords never show."""

    def __init__(
        self,
        uri: str,
        auth: tuple[str, str] | neo4j.Auth | None,
        driver: neo4j.Driver | None,
        database: str | None,
    ) -> None:
        self.uri = without_password(uri)
        if self.uri != uri:
            # The driver would refuse it too, with the password in its message.
            raise StoreError(
                f"{self.uri}: user and password don't go into the address. Cure: pass "
                "auth=(user, password), or set KGREC_NEO4J_USER and KGREC_NEO4J_PASSWORD."
            )
        self._database = database
        self._owned = driver is None
        with self.errors():
            self._driver = driver or neo4j.GraphDatabase.driver(
                uri,
                auth=auth,
                connection_timeout=CONNECT_SECONDS,
                max_transaction_retry_time=RETRY_SECONDS,
            )
        try:
            with self.errors(), self._session(neo4j.READ_ACCESS) as session:
                session.run("RETURN 1").consume()
        except StoreError:
            self.close()
            raise

    def read(self, work: Callable[[neo4j.ManagedTransaction], T]) -> T:
        """Run ``work`` in a transaction that the server refuses to write in."""
        with self.errors(), self._session(neo4j.READ_ACCESS) as session:
            return session.execute_read(work)

    def write(self, work: Callable[[neo4j.ManagedTransaction], T]) -> T:
        """Run ``work`` in a transaction; the driver runs it again on transient errors."""
        with self.errors(), self._session(neo4j.WRITE_ACCESS) as session:
            return session.execute_write(work)

    def run(self, cypher: str) -> None:
        """Run one statement that can't share a transaction, such as a schema change."""
        with self.errors(), self._session(neo4j.WRITE_ACCESS) as session:
            session.run(cypher).consume()

    def rows(
        self, cypher: str, parameters: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """All rows of a read."""
        return self.read(lambda tx: [dict(row) for row in tx.run(cypher, dict(parameters or {}))])

    def close(self) -> None:
        """Close the driver, unless it belongs to the caller."""
        if self._owned:
            self._driver.close()

    def _session(self, mode: str) -> neo4j.Session:
        return self._driver.session(
            database=self._database, default_access_mode=mode, fetch_size=FETCH_SIZE
        )

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn what the driver raises into a StoreError that names the server and the cure."""
        try:
            yield
        except AuthError as error:
            raise StoreAuthError(
                f"{self.uri}: Neo4j refused the user name or password ({error.code}). Cure: pass "
                "auth=(user, password), or set KGREC_NEO4J_USER and KGREC_NEO4J_PASSWORD."
            ) from error
        except (ServiceUnavailable, SessionExpired, TransientError, OSError) as error:
            raise StoreConnectionError(
                f"{self.uri}: Neo4j can't be reached or was lost ({_line(error)}). "
                "Cure: check that it runs and that host and port are right, then run the call "
                "again: a write that was cut off is completed, nothing is doubled."
            ) from error
        except ConfigurationError as error:
            raise StoreError(
                f"{self.uri}: this is not a Neo4j address ({error}). Cure: use bolt:// or "
                "neo4j://, with +s (or +ssc for a self-signed certificate) for TLS."
            ) from error
        except ClientError as error:
            raise _client_error(self.uri, error) from error
        except (Neo4jError, DriverError, ValueError, TypeError) as error:
            raise StoreError(f"{self.uri}: {error}") from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())


def _client_error(uri: str, error: ClientError) -> StoreError:
    code = error.code or ""
    if code.endswith("AccessMode"):
        return QueryError(
            "query() only reads, and this Cypher would change the graph. "
            "Cure: use write() or remove()."
        )
    if code.endswith("DatabaseNotFound"):
        return StoreError(f"{uri}: {error.message} Cure: pass the name of a database it has.")
    if ".TransactionTimedOut" in code:
        return QueryError("the Cypher takes too long. Cure: narrow the search.")
    if ".Statement." in code:
        return QueryError(f"the Cypher is wrong: {error.message}")
    return StoreError(f"{uri}: {error.message} ({code})")
