"""The admin's list of books, rendered."""

from __future__ import annotations

from django.contrib.admin import AdminSite, ModelAdmin
from django.contrib.auth.models import User
from django.http import HttpRequest
from django.test import RequestFactory

from .models import Book


class BookAdmin(ModelAdmin):  # type: ignore[type-arg]  # not generic when run
    """What a busy site would ask for."""

    list_display = ("title", "author", "published", "pages", "in_print")
    list_filter = ("in_print",)
    list_select_related = ("author",)
    search_fields = ("title", "author__name")
    ordering = ("-published", "pk")
    show_full_result_count = True


class _Everyone(AdminSite):
    """An admin site whose pages are rendered without the rest of it."""

    def each_context(self, request: HttpRequest) -> dict[str, object]:
        return {"site_title": "", "site_header": "", "available_apps": [], "has_permission": True, "is_popup": True}


_admin = BookAdmin(Book, _Everyone())
_requests = RequestFactory()


def _rendered(query: str) -> int:
    request = _requests.get(f"/admin/benchmarks/book/?{query}")
    request.user = User(pk=1, is_staff=True, is_superuser=True, is_active=True)
    response = _admin.changelist_view(request)
    return response.context_data["cl"].result_count  # type: ignore[attr-defined, no-any-return]


def admin_changelist() -> object:
    """The first page, and one further on."""
    return _rendered(""), _rendered("p=3")


def admin_search() -> object:
    """The first page of a search over a title and a joined name."""
    return _rendered("q=77")


CHANGELIST = (admin_changelist, admin_search)
