"""No pages are asked for."""

urlpatterns: list[object] = []
