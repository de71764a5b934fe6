"""Programs as plain C99: a folder to drop into any build, without a heap and re-entrant."""

from edgetool.exporters.c.board_model import board_model, observed_copy
from edgetool.exporters.c.costs import LayerMemory, called_operations, memory_by_layer
from edgetool.exporters.c.layout import generated_name, include_folders, source_files
from edgetool.exporters.c.mlperf_model import mlperf_model
from edgetool.exporters.c.model import CSources, export_c, write_linked_sizes
from edgetool.exporters.c.names import c_identifier
from edgetool.exporters.c.native_model import native_model
from edgetool.exporters.c.projects import COMPILER_FLAGS
from edgetool.exporters.c.source import Interface, Linked

__all__ = [
    "COMPILER_FLAGS",
    "CSources",
    "Interface",
    "LayerMemory",
    "Linked",
    "board_model",
    "c_identifier",
    "called_operations",
    "export_c",
    "generated_name",
    "include_folders",
    "memory_by_layer",
    "mlperf_model",
    "native_model",
    "observed_copy",
    "source_files",
    "write_linked_sizes",
]
