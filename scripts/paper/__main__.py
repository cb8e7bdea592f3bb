"""`python -m paper`: see `main`."""

from .main import main

raise SystemExit(main())
