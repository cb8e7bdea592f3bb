"""`python -m mutating`."""

import sys

from mutating.main import main

sys.exit(main())
