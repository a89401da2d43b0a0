"""Datagrams over UDP, with active modes. Erlang's `gen_udp`."""

from .inet.calls.datagrams import (
    close,
    close_nowait,
    connect,
    controlling_process,
    open,
    recv,
    send,
)
from .inet.driver.socket_objects import UdpSocket

__all__ = [
    "UdpSocket",
    "close",
    "close_nowait",
    "connect",
    "controlling_process",
    "open",
    "recv",
    "send",
]
