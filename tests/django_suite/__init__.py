"""Django's own test suite as the judge of the backend: ``make django-suite``.

Each app of the suite runs in a process of its own (``worker``), watched for crashes and hangs (``jobs``), and notes
what became of each test (``records``). That is held against what sqlite3 does, recorded once per Django version
(``baseline``), and against the list of what is known not to pass (``ratchet``); ``report`` prints the outcome,
``causes`` groups failures.
"""
