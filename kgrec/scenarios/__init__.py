"""Scenarios given by a rule: those of a snapshot's interactions, of its users, of a request."""

from kgrec.scenarios.assign import assign_scenarios, with_scenarios
from kgrec.scenarios.requests import scenario_of_request, user_scenarios

__all__ = ["assign_scenarios", "scenario_of_request", "user_scenarios", "with_scenarios"]
