"""Django's suite on this backend. The settings other than DATABASES are those of Django's ``tests/test_sqlite.py``."""

import django
from alike import watch

DATABASES = {
    "default": {"ENGINE": "django_zodb", "NAME": ":memory:"},
    "other": {"ENGINE": "django_zodb", "NAME": ":memory:other"},
}
if django.VERSION < (6, 0):
    DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
SECRET_KEY = "django_tests_secret_key"
USE_TZ = False

watch()
