"""What a fit chose, and the figures that it compared for it."""
