"""Tests of the report of leaks."""
