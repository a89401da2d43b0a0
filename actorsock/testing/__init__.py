"""For tests of programs that use actorsock, run by pytest with pytest-trio.

Installing actorsock gives pytest the fixtures `runtime` and `mailbox`: a `Runtime` and an
`OwnMailbox`. Both are here to be named in annotations; `docs/testing.md` tells how they are used.
pytest itself is not known here: that is `pytest_actorsock`'s business.
"""

from .own_mailbox import OwnMailbox
from .tested_runtime import Runtime, open_tested_runtime

__all__ = ["OwnMailbox", "Runtime", "open_tested_runtime"]
