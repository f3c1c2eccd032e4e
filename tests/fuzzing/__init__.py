"""Differential fuzzing: random tables, statements and QuerySets, answered by this engine and by sqlite3.

``tables`` makes tables with rows, ``expressions``, ``queries`` and ``writes`` the SQL; ``engines`` runs it on both
sides and compares. ``orm``, ``querysets`` and ``compare`` do the same through Django. All of them draw from a
``random.Random``, whose seed hypothesis supplies. What is generated keeps to where both mean the same on purpose: types
stay apart, divisors are constants, text functions that sqlite3 knows for ASCII only are replaced there, and LIKE has an
explicit escape character.
"""
