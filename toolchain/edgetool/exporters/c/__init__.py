"""Programs as plain C99: a folder to drop into any build, without a heap and re-entrant."""

from edgetool.exporters.c.model import CSources, export_c
from edgetool.exporters.c.names import c_identifier

__all__ = ["CSources", "c_identifier", "export_c"]
