"""A fixture: a network namespace for tests of options that name one."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

__all__ = ["netns"]


@pytest.fixture(scope="module")
def netns() -> Iterator[str]:
    """The path of a new network namespace, in which not even the loopback interface is up.

    A child process keeps it for the tests of a module.
    """
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare(1) to make a namespace with")
    child = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", "echo ready; exec cat"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with child:
        assert child.stdout is not None
        assert child.stderr is not None
        if child.stdout.readline() != b"ready\n":
            pytest.skip(f"no namespace can be made: {child.stderr.read().decode().strip()}")
        path = f"/proc/{child.pid}/ns/net"
        if os.stat(path).st_ino == os.stat("/proc/thread-self/ns/net").st_ino:
            pytest.skip("unshare(1) made no namespace")
        yield path
        child.communicate()
