"""Lists among many items without scoring every one: clusters of items, and the search in them."""
