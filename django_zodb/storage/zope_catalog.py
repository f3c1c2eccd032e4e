"""zope.catalog under the classes of ``persistent`` that are its: importing this makes them whole.

The root's catalog is a zope.catalog Catalog, and each index in it what such a catalog holds. Only those who look an
index up by its name never ask for more, and need not import the thirty packages that come with that.
"""

from __future__ import annotations

from zope.catalog.catalog import Catalog
from zope.catalog.interfaces import ICatalogIndex
from zope.container.contained import Contained
from zope.index.interfaces import IStatistics
from zope.interface import classImplements, implementedBy

from .persistent import UNFINISHED

_CATALOG, _INDEX = UNFINISHED["IndexCatalog"], UNFINISHED["CatalogIndex"]

_CATALOG.__bases__ = (Catalog,)
classImplements(_CATALOG, *implementedBy(Catalog))
_INDEX.__bases__ = (Contained, *_INDEX.__bases__)
classImplements(_INDEX, ICatalogIndex, IStatistics, *implementedBy(Contained))
