"""The streams pass what trio has to check streams with."""

from functools import partial

import pytest
from trio.testing import check_half_closeable_stream

from .support import clogged_pair, every_domain, every_poller, pair, runtime_with


@every_poller
@every_domain
async def test_half_closeable_stream(
    domain: str, poller: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with runtime_with(poller, monkeypatch):
        await check_half_closeable_stream(partial(pair, domain), partial(clogged_pair, domain))
