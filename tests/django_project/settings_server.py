"""The same project, whose sites are clients of a server that nothing starts; its tests do not ask for it."""

from django_project.settings import *  # noqa: F403

_server = {"ENGINE": "django_zodb", "HOST": "127.0.0.1", "PORT": "1"}
DATABASES = {"default": _server | {"NAME": "site"}, "other": _server | {"NAME": "other"}}
