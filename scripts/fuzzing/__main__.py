"""`python -m fuzzing`."""

import sys

from fuzzing.main import main

sys.exit(main())
