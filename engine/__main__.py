"""`python -m engine` is `rfqd`."""

import sys

from engine.app import main

sys.exit(main())
