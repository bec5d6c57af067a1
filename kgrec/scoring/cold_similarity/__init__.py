"""How similar cold items are to trained ones, which their predicted vectors come from."""
