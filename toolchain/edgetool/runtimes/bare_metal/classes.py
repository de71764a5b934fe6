"""Classes of instructions that no timing table has: what stands for those that are not one."""

UNKNOWN = "unknown"
CONDITIONAL = "conditional branch"
"""Stands for branch_taken or branch_not_taken, by how often the block's successor was another."""
