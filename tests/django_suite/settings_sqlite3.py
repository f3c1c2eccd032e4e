"""Django's suite on sqlite3, the backend to compare with: the same settings but for the engine."""

from settings_zodb import *  # noqa: F403  # settings

DATABASES = {alias: {"ENGINE": "django.db.backends.sqlite3"} for alias in ("default", "other")}
