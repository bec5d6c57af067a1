"""Later states of a graph made by adding to what is there, in place of making it anew."""
