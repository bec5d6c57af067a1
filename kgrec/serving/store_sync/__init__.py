"""The store of the graph beside a service: it gets every record of the log, in batches and beside
the answers, and what others write there comes into the log."""
