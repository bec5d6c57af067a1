"""A real Neo4j for tests and benchmarks.

KGREC_TEST_NEO4J_URI (with KGREC_TEST_NEO4J_USER and KGREC_TEST_NEO4J_PASSWORD) names one that runs
already: its data is deleted. Otherwise Docker starts one if its daemon answers, else Java with
Neo4j Community from Maven artifacts, which are downloaded once into the cache folder
(KGREC_NEO4J_LIB: a folder that has the jars). ``python -m tests.neo4j_server`` keeps one running
until Ctrl-C.
"""

from __future__ import annotations

import os
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import neo4j
import pytest
from neo4j.exceptions import DriverError, Neo4jError

from loaders.public_sets.wheels import cache_root

VERSION = "5.26.0"
IMAGE = "neo4j:5.26-community"
START_SECONDS = 1800
POM = f"""<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>kgrec</groupId><artifactId>neo4j-for-tests</artifactId><version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{VERSION}</version>
    </dependency>
    <dependency>
      <groupId>org.neo4j.app</groupId><artifactId>neo4j-server</artifactId>
      <version>{VERSION}</version>
    </dependency>
  </dependencies>
</project>
"""
# What Neo4j's own configuration passes to Java 17.
JAVA_OPTIONS = (
    "-XX:+UseG1GC",
    "-Dio.netty.tryReflectionSetAccessible=true",
    "-Dlog4j2.disable.jmx=true",
    "--add-opens=java.base/java.nio=ALL-UNNAMED",
    "--add-opens=java.base/java.io=ALL-UNNAMED",
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
    "--add-opens=java.base/java.util.concurrent=ALL-UNNAMED",
    "--add-opens=java.base/java.lang=ALL-UNNAMED",
)


@dataclass(frozen=True)
class Server:
    """A running Neo4j; ``process`` and ``home`` are the Java process and its folder where this
    module started one."""

    uri: str
    user: str
    password: str = field(repr=False)
    process: subprocess.Popen[bytes] | None = None
    home: Path | None = None

    @property
    def auth(self) -> tuple[str, str]:
        return self.user, self.password


class NoServerError(RuntimeError):
    """No Neo4j can be started here; the message says what to install."""


@contextmanager
def running_server() -> Iterator[Server]:
    """A Neo4j that answers, empty; stopped at the end if it was started here."""
    uri = os.environ.get("KGREC_TEST_NEO4J_URI")
    if uri:
        user = os.environ.get("KGREC_TEST_NEO4J_USER", "neo4j")
        yield Server(uri, user, os.environ.get("KGREC_TEST_NEO4J_PASSWORD", ""))
        return
    if _docker_answers():
        with _docker_server() as server:
            yield server
        return
    with java_server() as server:
        yield server


def _docker_answers() -> bool:
    if shutil.which("docker") is None:
        return False
    asked = subprocess.run(["docker", "info"], capture_output=True, timeout=60, check=False)
    return asked.returncode == 0


@contextmanager
def _docker_server() -> Iterator[Server]:
    password = secrets.token_urlsafe(12)
    port = _free_port()
    name = f"kgrec-test-{secrets.token_hex(4)}"
    command = ["docker", "run", "--rm", "--detach", "--name", name]
    command += ["--publish", f"127.0.0.1:{port}:7687", "--env", "NEO4J_AUTH", IMAGE]
    environment = {**os.environ, "NEO4J_AUTH": f"neo4j/{password}"}
    started = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if started.returncode:
        raise NoServerError(f"Docker can't start {IMAGE}: {started.stderr.strip()}")
    try:
        server = Server(f"bolt://127.0.0.1:{port}", "neo4j", password)
        _wait(server, f"docker logs {name}", None)
        yield server
    finally:
        subprocess.run(["docker", "stop", name], capture_output=True, check=False)


@contextmanager
def java_server(prepare: Callable[[Path], None] | None = None) -> Iterator[Server]:
    """Neo4j Community as a Java process of its own, on free ports, in a temporary folder, for which
    ``prepare`` is called before the start."""
    home = Path(tempfile.mkdtemp(prefix="kgrec-neo4j-"))
    port = _free_port()
    try:
        _configure(home, port)
        if prepare is not None:
            prepare(home)
        with _running(home) as process:
            yield _with_password(port, home, process)
    finally:
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def restarted(server: Server) -> Iterator[Server]:
    """A server of ``java_server`` whose process was killed, with its data, running again."""
    assert server.home is not None
    with _running(server.home) as process:
        again = replace(server, process=process)
        _wait(again, str(server.home / "logs" / "neo4j.log"), process)
        yield again


@contextmanager
def _running(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The Java process of the server in ``home``, which ends with the block or this process."""
    java = shutil.which("java")
    if java is None:
        raise NoServerError(
            "no Neo4j for the tests: install Docker, or Java 17 and Maven "
            "(apt-get install openjdk-17-jre-headless maven), or set KGREC_TEST_NEO4J_URI"
        )
    command = [java, "-Xms512m", "-Xmx1g", *JAVA_OPTIONS, "-cp", f"{_jars()}/*"]
    command += ["org.neo4j.server.CommunityEntryPoint"]
    command += [f"--home-dir={home}", f"--config-dir={home / 'conf'}"]
    with (home / "console.log").open("ab") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    guard = _guard(process.pid, home)
    try:
        yield process
    finally:
        stop(process)
        guard.communicate()


def run_with_admin(home: Path, *command: str) -> None:
    """Run a command that calls neo4j-admin, for the stopped server in ``home``."""
    words = ["java", "-Xmx1g", *JAVA_OPTIONS, "-cp", f"{_jars()}/*", "org.neo4j.cli.AdminTool"]
    program = home / "bin" / "neo4j-admin"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    places = {"NEO4J_HOME": str(home), "NEO4J_CONF": str(home / "conf")}
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **places, "PATH": path}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def _guard(pid: int, home: Path) -> subprocess.Popen[bytes]:
    """Ends the server also where this process is killed: its end closes the guard's input."""
    script = 'cat; kill "$1" 2>/dev/null && tail --pid="$1" -f /dev/null; rm -rf "$2"'
    return subprocess.Popen(
        ["sh", "-c", script, "sh", str(pid), str(home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )


def stop(process: subprocess.Popen[bytes], *, kill: bool = False) -> None:
    """End the server: asked first, killed if it takes too long or ``kill``."""
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
    try:
        process.wait(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _jars() -> Path:
    """The folder of Neo4j's jars, downloaded by Maven where it isn't there yet."""
    given = os.environ.get("KGREC_NEO4J_LIB")
    folder = Path(given) if given else cache_root() / f"neo4j-{VERSION}" / "lib"
    if (folder / f"neo4j-{VERSION}.jar").is_file():
        return folder
    maven = shutil.which("mvn")
    if given or maven is None:
        raise NoServerError(
            f"no Neo4j for the tests: {folder} has no neo4j-{VERSION}.jar. Install Maven "
            "(apt-get install maven) to download it, start Docker, or set KGREC_TEST_NEO4J_URI"
        )
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix="lib-", dir=folder.parent))
    try:
        (work / "pom.xml").write_text(POM, encoding="utf-8")
        command = [maven, "--batch-mode", "--quiet", "--file", str(work / "pom.xml")]
        command += ["dependency:copy-dependencies", f"-DoutputDirectory={work / 'lib'}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NoServerError(f"Maven can't download Neo4j {VERSION}: {done.stdout[-2000:]}")
        shutil.rmtree(folder, ignore_errors=True)
        (work / "lib").rename(folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _configure(home: Path, port: int) -> None:
    (home / "conf").mkdir()
    (home / "conf" / "neo4j.conf").write_text(
        f"""server.bolt.listen_address=127.0.0.1:{port}
server.bolt.advertised_address=127.0.0.1:{port}
server.http.enabled=false
server.https.enabled=false
# On a busy machine a reply came rarely only with the next sign of life (default: every 60 s).
server.bolt.connection_keep_alive=3s
server.memory.pagecache.size=256m
db.tx_log.rotation.retention_policy=false
dbms.usage_report.enabled=false
""",
        encoding="utf-8",
    )


def _with_password(port: int, home: Path, process: subprocess.Popen[bytes]) -> Server:
    """Wait for the server and replace its first password, so that authentication is exercised."""
    first = Server(f"bolt://127.0.0.1:{port}", "neo4j", "neo4j", process)
    _wait(first, str(home / "logs" / "neo4j.log"), process)
    password = secrets.token_urlsafe(12)
    with neo4j.GraphDatabase.driver(first.uri, auth=first.auth) as driver:
        driver.execute_query(
            "ALTER CURRENT USER SET PASSWORD FROM $old TO $new",
            {"old": first.password, "new": password},
            database_="system",
        )
    server = Server(first.uri, first.user, password, process, home)
    _wait(server, str(home / "logs" / "neo4j.log"), process)
    return server


def _wait(server: Server, log: str, process: subprocess.Popen[bytes] | None) -> None:
    """Return once Bolt answers; a first password that must be changed counts as an answer."""
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            with (
                neo4j.GraphDatabase.driver(server.uri, auth=server.auth) as driver,
                driver.session(database="system") as session,
            ):
                session.run("SHOW DATABASES").consume()
                return
        except (DriverError, Neo4jError) as error:
            if "CredentialsExpired" in (getattr(error, "code", None) or ""):
                return
            gone = process is not None and process.poll() is not None
            if gone or time.monotonic() > end:
                raise NoServerError(f"Neo4j did not start: {error}; {_tail(log)}") from error
        time.sleep(0.25)


def _tail(log: str) -> str:
    path = Path(log)
    if not path.is_file():
        return f"see {log}"
    return f"{log} ends:\n{path.read_text(encoding='utf-8', errors='replace')[-3000:]}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def emptied(server: Server) -> None:
    """Delete all data; constraints and indexes stay, since making them takes seconds."""
    with (
        neo4j.GraphDatabase.driver(server.uri, auth=server.auth) as driver,
        driver.session() as session,
    ):
        session.run("MATCH (n) CALL (n) { DETACH DELETE n } IN TRANSACTIONS").consume()


@pytest.fixture(scope="session")
def neo4j_server() -> Iterator[Server]:
    """A real Neo4j for the whole test session; the tests fail where none can start."""
    with running_server() as server:
        yield server


def main() -> None:
    # A background shell ignores SIGINT; either signal must stop the server too.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    with running_server() as server:
        print(f"export KGREC_TEST_NEO4J_URI={server.uri}")
        print(f"export KGREC_TEST_NEO4J_USER={server.user}")
        print(f"export KGREC_TEST_NEO4J_PASSWORD={server.password}", flush=True)
        try:
            signal.pause()
        except KeyboardInterrupt:
            print("stopping")


if __name__ == "__main__":
    main()
