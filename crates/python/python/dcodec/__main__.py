"""`python -m dcodec` is the command `dcodec`."""

import sys

from . import _dcodec

if __name__ == "__main__":
    sys.exit(_dcodec.command(["dcodec", *sys.argv[1:]]))
