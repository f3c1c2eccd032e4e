"""The object tree under ``root()`` and everything that reads or writes it. See ``protocol`` for the seam to ``sql``.

The tree, format 4; the classes are those of ``persistent``::

    root()
      'format'     4; a greater number is refused, and so is a root without one; 1 has no seals, 2 no large values,
                   3 no packed keys outside leaves
      'token'      the catalog's token: another one after each change of a definition
      'schema'     NameTree   table → TableRecord, its definition as plain data (``schema.to_data``) with its own token
      'tables'     NameTree   table → RowTree: rowid (64-bit int) → row (tuple in schema column order)
      'catalog'    IndexCatalog (a zope.catalog Catalog)
                              index → CatalogIndex, its ``tree`` an IndexTree: key → posting
      'counts'     NameTree   table → Counter, its number of rows
      'sequences'  NameTree   table → Sequence, the highest id that may have been given
      'views'      NameTree   view → TableRecord, its definition as plain data; not there before the first view is

A row holds immutable builtins only (see ``values``). An integer primary key is the rowid; any other is a unique index
to a hidden rowid. A key is encoded as ``keys`` says; a posting is a rowid, a sorted tuple of a few, or a Postings set.
The leaves of rows, indexes and postings hold their entries as one ``bytes`` (see ``compact``), and an index's inner
nodes such keys as are no plain builtins; large texts and bytes of rows have a LargeValue each (see ``large``). Each
record ends with a checksum (see ``seal``).

A transaction's changes are entered in its ``journal``, row by row; ``table`` and ``definition`` make them,
``constraints`` checks what looks at other rows, ``session`` commits them. ``open`` and ``database`` find the storage.
"""
