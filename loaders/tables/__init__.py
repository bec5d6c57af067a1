"""Files as tables: delimited text, JSON and Parquet, plain or packed, and their columns' types."""
