"""Which C kernel an operation calls on a core: a faster variant where one applies.

Every operator has a portable kernel (`Operator.kernel`). A core's folder may bring variants that
read their weights in another order or requantize in fewer instructions: `kernels.toml` beside
the C files lists them, best first, and each is one file of this package that says when it
applies and what it reads, and may name the aims of --optimize that it serves. A C file of the
same name as a portable one needs no variant: it simply takes its place.
"""

from edgetool.kernels.choice import OPTIMIZE, choose_kernels, plan_with_kernels

__all__ = ["OPTIMIZE", "choose_kernels", "plan_with_kernels"]
