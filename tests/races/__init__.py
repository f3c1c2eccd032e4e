"""Races: many writers, each a user of the ORM, and what must be true afterwards.

``models`` is the application, ``workloads`` what each writer does again and again and what is checked at the end,
``guards`` switches single guards of the engine off, to see that the checks notice. ``python -m races --help`` runs them
from threads of one process, from processes that share a file, and from processes that share a ZEO server.
"""
