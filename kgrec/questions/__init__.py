"""Questions to new users whose answers tell most, lists from the answers, and what to label."""
