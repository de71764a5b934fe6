"""Does every runtime compute what the reference computes, and if not, which layer differs?"""

from edgetool.verification.verify import Verification, verify_artifact

__all__ = ["Verification", "verify_artifact"]
