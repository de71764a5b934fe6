"""The agent: what edgetool's host side starts on a board, speaking JSON lines.

    python3 agent.pyz --root FOLDER                 a session on standard input and output
    python3 agent.pyz --root FOLDER --run RUN       the process that watches over a run
    python3 agent.pyz --root FOLDER --job RUN       the process that does a run's job

Standard library only, Python 3.6 and later. The protocol is in docs/agent.md.
"""

import argparse
import os
import sys

import system


def main():
    """Do what the command line says; the exit code."""
    parser = argparse.ArgumentParser(prog="edgetool-agent")
    parser.add_argument("--root", required=True)
    parser.add_argument("--system-root", default="/")
    parser.add_argument("--run")
    parser.add_argument("--timing-lock", type=int)
    parser.add_argument("--job")
    arguments = parser.parse_args()
    system.ROOT = arguments.system_root
    root = os.path.abspath(arguments.root)
    if arguments.run:
        import supervisor

        return supervisor.supervise(root, arguments.run, arguments.timing_lock)
    if arguments.job:
        import worker

        return worker.work(root, arguments.job)
    import session

    return session.serve(root)


if __name__ == "__main__":
    sys.exit(main())
