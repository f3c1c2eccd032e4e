"""Speed beside sqlite3, through the public ORM only. ``python -m benchmarks`` prints the table."""
