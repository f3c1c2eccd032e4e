"""Differential fuzzing: random tables, statements and QuerySets, answered by this engine and by sqlite3.

``tables`` makes tables with rows, ``expressions``, ``queries`` and ``writes`` the SQL; ``engines`` runs it on both
sides and compares. Through Django, ``models`` makes random models, ``rows`` what they hold, ``conditions``,
``annotations``, ``querysets`` and ``changes`` what is asked and done; ``orm`` holds the connections, ``compare``
compares. All of them draw from a ``random.Random``, whose seed hypothesis supplies. Most conditions are made true for
some row, since a query without rows proves little; ``plans_met`` counts which plan nodes came about.

What is generated keeps to where both mean the same on purpose: types stay apart, divisors are constants, text functions
that sqlite3 knows for ASCII only are replaced there, and LIKE has an explicit escape character.
"""
