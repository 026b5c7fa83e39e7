"""Fixtures of the end-to-end tests."""

from tests.databases import postgresql  # noqa: F401 - a fixture
