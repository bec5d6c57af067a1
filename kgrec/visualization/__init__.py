"""Pictures and pages of graphs, explanations and texts, drawn in one style."""
