"""What hides people in a catalog: pseudonyms of ids, coarser attributes, texts without numbers."""
