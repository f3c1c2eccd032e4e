"""A user who logs in by e-mail address."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    username = None  # type: ignore[assignment]
    email = models.EmailField(unique=True)
    born = models.DateField(null=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []
