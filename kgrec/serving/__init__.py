"""The service: recommendations, explanations and events over HTTP (``kgrec serve``)."""
