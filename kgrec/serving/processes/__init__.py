"""Several processes that answer for one folder; a process that follows the first is a worker."""
