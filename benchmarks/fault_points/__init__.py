"""What goes wrong around an operation: a kill, a full disk, a lost server, other writers."""
