"""`python -m actorsock`, and the installed script: see `commands`."""

import sys

from .commands import main

__all__ = ["main"]

if __name__ == "__main__":
    sys.exit(main())
