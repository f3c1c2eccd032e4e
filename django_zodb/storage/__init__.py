"""The object tree under root() and everything that reads or writes it. See ``protocol`` for the seam to ``sql``."""
