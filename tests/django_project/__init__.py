"""A small Django project for the tests of the backend."""
