"""What a model costs: emulated on a microcontroller core, measured on this machine."""

from edgetool.profiling.profile import Profiled, profile_artifact

__all__ = ["Profiled", "profile_artifact"]
