"""Tests of programs that use actorsock, run by pytest with pytest-trio.

Installing actorsock gives pytest the fixtures `runtime`, a `Runtime`, and `mailbox`, an
`OwnMailbox`. These classes are exported for annotations; `docs/testing.md` describes how to use
the fixtures. This package does not depend on pytest: the fixtures are in `pytest_actorsock`.
"""

from .own_mailbox import OwnMailbox
from .tested_runtime import Runtime, open_tested_runtime

__all__ = ["OwnMailbox", "Runtime", "open_tested_runtime"]
