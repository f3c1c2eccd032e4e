"""The SQL explorer's pages, and those of the admin that it links to."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [path("admin/", admin.site.urls), path("explorer/", include("explorer.urls"))]
