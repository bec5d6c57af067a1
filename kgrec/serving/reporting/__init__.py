"""Reports about a model of the registry, each computed in a process of its own."""
