"""The routes of the service over HTTP: access, limits, bodies, errors, and their description."""
