"""Columns of circumstances from files, through a store, to a list of the command line."""

from pathlib import Path

from tests.cli.conftest import kgrec, kgrec_json

from .samples import events, items

SETTINGS = """
[model]
use_text = false
[context]
columns = ["daytime", "place"]
count = "cnt"
"""


def test_circumstances_from_files_to_a_list(tmp_path: Path) -> None:
    folder, store, model = (tmp_path / name for name in ("data", "shop.kgl", "model"))
    folder.mkdir()
    events().to_csv(folder / "interactions.csv", index=False)
    items().to_csv(folder / "items.csv", index=False)
    settings = tmp_path / "kgrec.toml"
    settings.write_text(SETTINGS)
    kgrec("load", folder, "--store", store)
    command = ("train", "--store", store, "--model", model, "--effort", "quick")
    kgrec(*command, "--config", settings)

    def best(*context: str) -> list[str]:
        options = [part for one in context for part in ("--context", one)]
        asked = ("recommend", "--model", model, "--user", "u1", "--include-seen", "--k", "5")
        answer = kgrec_json(*asked, *options, "--json")
        rows = answer if isinstance(answer, list) else answer["items"]
        return [row["item_id"] for row in rows]

    plain = best()
    assert best("daytime=evening") != best("daytime=morning")
    assert best("daytime=never") == plain
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(SETTINGS.replace('"place"', '"weather"'))
    refused = kgrec(*command, "--config", wrong, expect=1)
    assert "'weather'" in refused.stderr
