"""Features of items and users: tables read from the graph, and the layer that combines them."""
