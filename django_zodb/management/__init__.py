"""Management commands of django-zodb."""
