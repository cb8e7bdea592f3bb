import sys

from echo.main import main

sys.exit(main())
