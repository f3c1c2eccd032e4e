"""The public-domain DB API 2.0 compliance suite, run on a database in memory."""

from __future__ import annotations

import itertools
import unittest
from typing import Any

import dbapi20
import pytest

from django_zodb import dbapi

_serial = itertools.count(1)


class TestCompliance(dbapi20.DatabaseAPI20Test):
    """The suite; each test has a database of its own. The two tests that it leaves to the driver are below."""

    driver = dbapi
    failUnless = unittest.TestCase.assertTrue  # the name of its time
    lower_func = None

    def setUp(self) -> None:
        self.connect_args = (f":memory:dbapi20_{next(_serial)}",)
        self.keeper = dbapi.connect(*self.connect_args)  # a database in memory lives as long as its connections

    def tearDown(self) -> None:
        self.keeper.close()

    def test_nextset(self) -> None:
        """An optional method, which this driver has not: no statement gives two results."""
        assert not hasattr(dbapi.Cursor, "nextset")

    def test_setoutputsize(self) -> None:
        """Allowed to do nothing."""
        with self._connect() as connection:
            cursor: Any = connection.cursor()
            cursor.setoutputsize(1000)
            cursor.setoutputsize(2000, 0)

    def test_callproc(self) -> None:
        """An optional feature, named where it is missed."""
        with pytest.raises(dbapi.NotSupportedError, match="lower"):
            self._connect().cursor().callproc("lower", ("FOO",))


del dbapi20.DatabaseAPI20Test  # or it would be collected by itself
