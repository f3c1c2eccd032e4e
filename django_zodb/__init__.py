"""A Django database engine that keeps its tables in ZODB: ``ENGINE = "django_zodb"``."""

__version__ = "0.1.0"
