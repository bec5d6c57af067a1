"""Pictures and pages: how explanations and parts of the graph look, on paper and on screen."""
