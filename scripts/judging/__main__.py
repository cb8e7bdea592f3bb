"""`python -m judging`."""

import sys

from judging.main import main

if __name__ == "__main__":
    sys.exit(main())
