"""Tests of the weights of events."""
