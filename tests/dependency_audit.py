"""Known vulnerabilities of the pinned packages: what pip-audit found, in words.

``make audit`` calls it. Where the database can't be reached, pip-audit leaves packages out and ends
as if all were well; here that is an error of its own.

Exit codes: 0 nothing is known; 1 something is; 2 packages were not checked.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

_REPORT = ("--format", "json", "--progress-spinner", "off", "--timeout", "20")
_PINS = ("--no-deps", "--disable-pip")  # the file has every package with its version


def main(program: str, pins: str) -> int:
    """Run pip-audit on a file of pins, and say what it found."""
    command = [program, "--requirement", pins, *_PINS, *_REPORT]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    code, said = evaluated(done.stdout, done.stderr)
    print(said, file=sys.stderr if code else sys.stdout)
    return code


def evaluated(report: str, errors: str) -> tuple[int, str]:
    """The exit code and the words for a report of pip-audit, and what it said beside."""
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = errors.strip().splitlines()[-1:] or ["it said nothing"]
        return 2, f"nothing was checked: pip-audit made no report ({last[0]})."
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    found = [
        f"{one['name']} {one['version']}: {hole['id']}, mended in {_mended(hole)}"
        for one in packages
        for hole in one.get("vulns", ())
    ]
    checked = len(packages) - len(skipped)
    if not checked:
        return 2, (
            "nothing was checked: the database of vulnerabilities can't be reached from here; run "
            "it where the package index answers."
        )
    words = f"{checked} of {len(packages)} packages checked, {len(found)} known vulnerabilities"
    if skipped:
        words += f"; not checked: {', '.join(skipped)}"
    return (1 if found else 2 if skipped else 0), "\n".join([f"{words}.", *found])


def _mended(hole: dict[str, Any]) -> str:
    return ", ".join(hole.get("fix_versions", ())) or "no version yet"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], str(Path(sys.argv[2]))))
