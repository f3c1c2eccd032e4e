"""The admin."""

from django.contrib import admin
from django.urls import path

from .models import Book

admin.site.register(Book)
urlpatterns = [path("admin/", admin.site.urls)]
