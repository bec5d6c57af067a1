"""Rules of people about lists: never, pin, cap, floor, boost, hold; decisions and their log."""

from kgrec.rules.bound_rules import BoundRules
from kgrec.rules.folder import RuleFolder
from kgrec.rules.list_rules import AppliedRule, ListRules, RequestRules
from kgrec.rules.log import LogEntry, RuleLog
from kgrec.rules.rule import EFFECTS, LISTS, Rule
from kgrec.rules.ruleset import Rules

__all__ = [
    "EFFECTS",
    "LISTS",
    "AppliedRule",
    "BoundRules",
    "ListRules",
    "LogEntry",
    "RequestRules",
    "Rule",
    "RuleFolder",
    "RuleLog",
    "Rules",
]
