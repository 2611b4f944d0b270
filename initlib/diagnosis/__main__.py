"""`python -m initlib.diagnosis pkg.module:make_model ...`; see `command`."""

import sys

from initlib.diagnosis.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
