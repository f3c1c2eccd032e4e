"""A PEP 249 driver for ZODB; usable without Django."""
