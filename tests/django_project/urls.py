"""Views that write, to be run with ATOMIC_REQUESTS."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from django_project.models import Author


def add(request: HttpRequest, name: str) -> HttpResponse:
    Author.objects.create(name=name)
    return HttpResponse("added")


def add_and_fail(request: HttpRequest, name: str) -> HttpResponse:
    Author.objects.create(name=name)
    raise RuntimeError("after the write")


urlpatterns = [path("add/<name>", add), path("fail/<name>", add_and_fail)]
