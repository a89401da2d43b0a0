"""How a command ends: its exit statuses, and what it says when its usage was wrong."""

import sys
from typing import Final, NoReturn

__all__ = ["FAILED", "INTERRUPTED", "refuse"]

FAILED: Final = 1
INTERRUPTED: Final = 130
"""128 + SIGINT, the status that shells report."""

_WRONG_USAGE: Final = 2  # the status that argparse exits with


def refuse(why: str) -> NoReturn:
    """End the program because its usage was wrong; `why` says how."""
    print(why, file=sys.stderr)
    sys.exit(_WRONG_USAGE)
