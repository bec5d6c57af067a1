"""The report as a table, as JSON and as a picture, with and without held-out pairs."""

import json
import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.image import imread

from graph_schema.errors import RequestError
from kgrec.evaluation import Difference, FairnessReport
from kgrec.evaluation.fairness_figures import ExposureCost
from kgrec.metrics.exposure import Estimate, ItemGroup, PathQuality, UserGroup
from tests.visualization.notebook_page import read

NDCG = {"ndcg": Estimate(0.25, 0.2, 0.3, 40), "recall": Estimate(0.4, 0.3, 0.5, 40)}
FALL = Difference(-0.02, -0.03, -0.01, 0.95, 40)
PATHS = PathQuality(pairs=30, explained=0.9, best=0.21, links=12.0)


def report(names=("head", "tail")) -> FairnessReport:
    items = {name: ItemGroup(10, 0.5, 0.75, 0.6, 0.875, NDCG, PATHS) for name in names}
    users = {name: UserGroup(20, NDCG, FALL, 0.5, 0.9, PATHS) for name in ("F", "M")}
    costs = [
        ExposureCost(0.125, 0.0, 2.0, 0.0, 0.3, NDCG, {"ndcg": FALL}),
        ExposureCost(0.25, 1.5, 1.9, 0.1, 0.4, NDCG, {"ndcg": FALL}),
    ]
    groups = {"popularity": items}
    return FairnessReport(
        10, 40, 20, 0.8, 0.35, NDCG, groups, {"gender": users}, PATHS, "tail", costs
    )


def blind() -> FairnessReport:
    """The same of a catalog without held-out rows, with nothing explained."""
    whole = report()
    items = {
        name: replace(one, targets=None, quality={}, paths=None)
        for name, one in whole.item_groups["popularity"].items()
    }
    users = {
        name: replace(one, quality={}, gap=None, paths=None)
        for name, one in whole.user_groups["gender"].items()
    }
    return replace(
        whole,
        quality={},
        item_groups={"popularity": items},
        user_groups={"gender": users},
        paths=None,
        costs=[replace(one, quality={}, change={}) for one in whole.costs],
    )


def test_the_table_has_every_figure():
    text = str(report())
    assert "Gini of exposure 0.800; coverage 35.0%; NDCG@10 0.250 [0.200, 0.300]" in text
    assert "30 explanations: 90.0% with a path of 5 % or more" in text
    tail = next(line for line in text.splitlines() if line.startswith("tail"))
    assert tail.split() == [
        *("tail", "10", "50.0%", "75.0%", "60.0%", "87.5%"),
        *("0.250", "[0.200,", "0.300]", "30", "90.0%", "21.0%", "12"),
    ]
    assert "-0.020 [-0.030, -0.010]" in text
    assert "exposure of tail" in text


def test_what_nobody_has_takes_no_column():
    text = str(blind())
    assert "the catalog has no test rows" in text
    assert "NDCG" not in text
    assert "explained" not in text
    assert "held out" not in text
    assert "+1.5000" in text


def test_json_holds_everything():
    values = json.loads(json.dumps(report().to_dict(), allow_nan=False))
    assert values["item_groups"]["popularity"]["head"]["quality"]["ndcg"]["low"] == 0.2
    assert values["user_groups"]["gender"]["F"]["gap"]["mean"] == -0.02
    assert values["costs"][1]["boost"] == 1.5


@pytest.mark.slow
@pytest.mark.parametrize("made", [report, blind])
def test_the_picture_is_drawn(made, tmp_path: Path):
    path = made().draw(tmp_path / "new" / "fair.png")
    pixels = imread(path)
    assert pixels.shape[1] > 1000
    assert len(np.unique(pixels.reshape(-1, pixels.shape[2]), axis=0)) > 20


@pytest.mark.slow
def test_names_from_data_are_only_text(tmp_path: Path):
    names = ("$a$ <b>&", "a name that is too long for any panel of a picture")
    path = report(names).draw(tmp_path / "fair.svg")
    written = ElementTree.tostring(ElementTree.parse(path).getroot(), encoding="unicode")
    ids = set(re.findall(r' id="([^"]+)"', written))
    assert {"p0", "m1"} & ids  # by order: hashes of coordinates differ from one process to the next
    assert set(re.findall(r'[("]#([^)"]+)', written)) <= ids
    again = report(names).draw(tmp_path / "again.svg")
    assert path.read_bytes() == again.read_bytes()


def test_another_kind_of_picture_is_refused(tmp_path: Path):
    with pytest.raises(RequestError, match=r"fair\.bmp"):
        report().draw(tmp_path / "fair.bmp")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("made", [report(), blind(), report(("<b>", "$t$"))])
def test_a_notebook_shows_the_same_tables(made):
    page = read(made._repr_html_())
    cells = [cell for row in page.cells for cell in row]
    lines = [line for line in str(made).split("\n\n", 1)[1].splitlines() if line]
    assert [" ".join(row) for row in page.cells] == [" ".join(line.split()) for line in lines]
    assert len(cells) > 20
