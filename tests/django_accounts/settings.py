"""Everything whose migrations have to run: contrib, allauth, DRF's tokens, SQL Explorer, and a custom user."""

import os

from django_project.settings import *  # noqa: F403
from django_project.settings import INSTALLED_APPS as PROJECT_APPS
from django_project.settings import MIDDLEWARE as PROJECT_MIDDLEWARE

DATABASES = {"default": {"ENGINE": "django_zodb", "NAME": os.environ.get("DATA_FILE", ":memory:")}}
AUTH_USER_MODEL = "django_accounts.User"
INSTALLED_APPS = [
    "django_accounts",
    *PROJECT_APPS,
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "rest_framework",
    "rest_framework.authtoken",
    "explorer",
]
MIDDLEWARE = [*PROJECT_MIDDLEWARE, "allauth.account.middleware.AccountMiddleware"]
EXPLORER_CONNECTIONS = {"Default": "default"}
EXPLORER_DEFAULT_CONNECTION = "default"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
