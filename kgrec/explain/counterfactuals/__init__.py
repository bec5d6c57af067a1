"""Counterfactuals: which changes of a history move an item out of the list or into it."""
