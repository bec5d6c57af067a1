"""The audit log: who asked the service for what, and when."""

from kgrec.serving.audit.audit_log import AuditLog, Entry, entries_of

__all__ = ["AuditLog", "Entry", "entries_of"]
