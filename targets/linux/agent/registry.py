"""What can be asked of the agent, and what kinds of job it can run. A new one is a line here.

A verb is a function (root, **arguments) that returns what is answered, a dictionary.
A kind is a module with a function run(job, run_folder, root, journal): docs/agent.md.
Modules are imported when they are first asked for: a session starts in milliseconds.
"""

import importlib

from refusal import Refused

VERBS = {
    "probe": "probe:read",
    "conditions": "conditions:read",
    "clock": "clock:read",
    "hash": "files:hash_files",
    "start": "runs:start",
    "status": "runs:status",
    "stop": "runs:stop",
    "runs": "runs:list_runs",
    "forget": "runs:forget",
    "reserve": "reservation:reserve",
    "unreserve": "reservation:release",
    "lock_clocks": "tuning:lock",
    "restore_clocks": "tuning:restore",
    "preflight": "releases:preflight",
    "install": "releases:install",
    "rollback": "releases:rollback",
    "deployments": "releases:deployments",
    "collect": "releases:collect",
    "trust": "releases:change_trust",
    "tensorrt": "jetson:look",
    "runtimes": "installed:runtimes",
    "unpack": "unpack:unpack",
    "discard": "pushed:discard",
}

KINDS = {
    "count": "count",
    "infer": "inference",
    "time": "timing",
    "trtexec": "trtexec",
}


def verb(name):
    """The function behind a verb. Raises: Refused."""
    if name not in VERBS:
        raise Refused("unknown-verb", "this agent knows no verb {!r}".format(name))
    module, _, function = VERBS[name].partition(":")
    return getattr(importlib.import_module(module), function)


def kind(name):
    """The module behind a kind of job. Raises: Refused."""
    if name not in KINDS:
        raise Refused("unknown-kind", "this agent knows no job of kind {!r}".format(name))
    return importlib.import_module(KINDS[name])
