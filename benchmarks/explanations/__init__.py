"""How true and how fast explanations are."""
