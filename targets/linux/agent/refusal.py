"""What the agent will not or cannot do, for the host to say in words."""


class Refused(Exception):
    """kind: for the host's choice of words ("no-space", "permission", "busy" …)."""

    def __init__(self, kind, message):
        super().__init__(message)
        self.kind = kind
        self.message = message
