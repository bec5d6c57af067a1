"""Methods that were tried once and are in no model: small, one command each."""
