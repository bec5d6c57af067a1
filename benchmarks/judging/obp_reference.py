"""The estimates of the package obp, for ``benchmarks.judging.equality``, which runs this file by
the Python of an environment that has obp, and nothing of kgrec.

``python obp_reference.py FILE``: FILE is a .npz with reward, item, position, pscore, action_dist
and predicted; prints the estimates as JSON.
"""

from __future__ import annotations

import json
import sys

import numpy as np
from obp.ope import (
    DirectMethod,
    DoublyRobust,
    InverseProbabilityWeighting,
    SelfNormalizedInverseProbabilityWeighting,
)

ESTIMATORS = {
    "ips": InverseProbabilityWeighting(),
    "snips": SelfNormalizedInverseProbabilityWeighting(),
    "dm": DirectMethod(),
    "dr": DoublyRobust(),
}


def main() -> None:
    given = np.load(sys.argv[1])
    asked = {
        "reward": given["reward"],
        "action": given["item"],
        "position": given["position"],
        "pscore": given["pscore"],
        "action_dist": given["action_dist"],
        "estimated_rewards_by_reg_model": given["predicted"],
    }
    found = {name: one.estimate_policy_value(**asked) for name, one in ESTIMATORS.items()}
    print(json.dumps({name: float(value) for name, value in found.items()}))


if __name__ == "__main__":
    main()
