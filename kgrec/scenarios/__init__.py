"""Scenarios: assigned by rules, recognised from requests, learned from few examples."""

from kgrec.scenarios.assignment import assign_scenarios, with_scenarios
from kgrec.scenarios.matching import scenario_of_request, user_scenarios

__all__ = ["assign_scenarios", "scenario_of_request", "user_scenarios", "with_scenarios"]
