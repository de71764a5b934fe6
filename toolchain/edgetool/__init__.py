"""edgetool: from a trained model to a measured model on a small device."""

import os

from edgetool.deferred_imports import defer_imports

__version__ = "0.1.0"

# Official builds of onnxruntime report models and machines to their maker, since 1.29 on Linux
# too, unless this is set before they are loaded. A value that the user has set stands.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

defer_imports()
