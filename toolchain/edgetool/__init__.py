"""edgetool: from a trained model to a measured model on a small device."""

__version__ = "0.1.0"
