"""Terms of a score for the circumstances of a request and for repeated consumption."""
