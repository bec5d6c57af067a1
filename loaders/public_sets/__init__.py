"""Public data sets that a package registry serves, and the named facts of the demo."""
