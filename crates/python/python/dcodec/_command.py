"""The command `dcodec`, which runs in the compiled half."""

import sys

from . import _dcodec


def main() -> None:
    """Run the command of sys.argv, and end the process with its exit code."""
    sys.exit(_dcodec.command(sys.argv))
