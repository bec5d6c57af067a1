"""Pictures, pages and graphs of explanations."""
