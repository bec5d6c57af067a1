"""Writing to a full disk: a real limit on the size of files, in a separate process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import loaders

from .writing import csv_folder

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = """
import resource, signal, sys
from pathlib import Path
import loaders
from graph_schema import Catalog, SourceError

target = Path(sys.argv[2])
catalog = loaders.csv_folder(sys.argv[1]).catalog
small = Catalog.from_frames(interactions=catalog.interactions)
small.to_parquet(target / "catalog")
loaders.to_csv_folder(small, target / "csv")
before = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
for write in (catalog.to_parquet, lambda folder: loaders.to_csv_folder(catalog, folder)):
    folder = target / ("catalog" if write == catalog.to_parquet else "csv")
    try:
        write(folder)
    except SourceError as error:
        assert "can't be written" in str(error) and "Cure: free some space" in str(error), error
    else:
        raise AssertionError(f"{folder}: the write went through")
after = {path: path.read_bytes() for path in target.rglob("*") if path.is_file()}
assert after == before, sorted(set(after) ^ set(before))
assert Catalog.read_parquet(target / "catalog").equals(small)
print("as before")
"""


@pytest.mark.slow
def test_a_failed_write_leaves_the_earlier_files(tmp_path: Path) -> None:
    folder = csv_folder(tmp_path / "data")
    # Random-looking names, so that compression can't make them fit.
    rows = [f"e{n},{n * 2654435761 % 2**32:08x}{n * 40503 % 65521:x},x" for n in range(9_000)]
    (folder / "entities.csv").write_text("\n".join(["entity_id,name,kind", "e1x,A,b", *rows]))
    facts = "head,head_type,relation,tail,tail_type\ni1,item,r,e1,entity\n"
    (folder / "facts.csv").write_text(facts)
    assert len(loaders.csv_folder(folder).catalog.entities) == 9_001
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(folder), str(tmp_path / "out")],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=3600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "as before"
