"""What the operator of a service does: loads in bulk, jobs, saved pages, Cypher, the audit log."""
