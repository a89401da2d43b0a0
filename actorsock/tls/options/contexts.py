"""An `ssl.SSLContext` from options: read from files once, and again when a file has changed."""

import os
import ssl
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Final

import attrs

from ...results import Error, Ok
from ...socket.kernel.errors import reason_of
from .lists import TlsOptions, certificate_options, files_of
from .table import OPTIONS, Side

__all__ = ["NamedByClient", "context_for"]

_KEPT: Final = 64
"""So many contexts are kept: a program has one for each listener and each kind of client."""

_VERSIONS: Final = {
    "tlsv1": ssl.TLSVersion.TLSv1,
    "tlsv1.1": ssl.TLSVersion.TLSv1_1,
    "tlsv1.2": ssl.TLSVersion.TLSv1_2,
    "tlsv1.3": ssl.TLSVersion.TLSv1_3,
}
_DEFAULT_VERSIONS: Final = ("tlsv1.2", "tlsv1.3")
_NEWEST: Final = 3
"""The index of TLS 1.3 among the versions: its suites cannot be chosen one by one."""

_OF_ONE_CERTIFICATE: Final = ("cert", "key", "certfile", "keyfile", "password")


class _UnusableError(Exception):
    """A context cannot be made; the reason is that of the `Error`."""

    def __init__(self, reason: Any, *more: Any) -> None:
        super().__init__(reason, *more)
        self.reason = ("options", (reason, *more) if more else reason)


class NamedByClient(ssl.SSLObject):
    """A connection of a server that remembers which host name the client has asked for."""

    sni_hostname: str | None = None


def context_for(options: TlsOptions) -> Ok[ssl.SSLContext] | Error[Any]:
    """Return the context that options describe.

    Returns:
        `Ok(context)`; or `Error(("options", ...))`, as Erlang says it: a file cannot be read or
        used, or a peer is to be verified and no authority is trusted.
    """
    ready = options.get("context")
    if ready is not None:
        return Ok(ready)
    try:
        stamps = tuple(_stamp(path) for path in files_of(options))
        return Ok(_context(options.side, _of_context(options), stamps))
    except _UnusableError as exc:
        return Error(exc.reason)


def _of_context(options: TlsOptions) -> tuple[tuple[str, Any], ...]:
    """Return the options that a context is made of: clients of many hosts share one."""
    return tuple(
        (name, value)
        for name, value in sorted(options.values.items())
        if OPTIONS[name].use in ("context", "certificate")
        or (name, value) == ("server_name_indication", "disable")
    )


def _stamp(path: str) -> tuple[str, int, int, int]:
    """Return what changes when the file does."""
    try:
        found = os.stat(path)
    except OSError:
        return (path, 0, 0, 0)  # reading it will say why
    return path, found.st_mtime_ns, found.st_size, found.st_ino


@lru_cache(_KEPT)
def _context(
    side: Side, items: tuple[tuple[str, Any], ...], stamps: tuple[Any, ...]
) -> ssl.SSLContext:
    options = TlsOptions(side, dict(items))
    context = ssl.SSLContext(
        ssl.PROTOCOL_TLS_CLIENT if side == "client" else ssl.PROTOCOL_TLS_SERVER
    )
    _choose_versions(context, options)
    _load_certificates(context, options)
    _trust(context, options)
    protocols = options.get("alpn_advertised_protocols") or options.get("alpn_preferred_protocols")
    if protocols:
        context.set_alpn_protocols(list(protocols))
    if not options.get("middlebox_comp_mode", True):
        context.options &= ~ssl.OP_ENABLE_MIDDLEBOX_COMPAT
    context.options |= ssl.OP_NO_RENEGOTIATION
    if side == "server":
        _serve(context, options)
    return context


def _choose_versions(context: ssl.SSLContext, options: TlsOptions) -> None:
    versions = options.get("versions", _DEFAULT_VERSIONS)
    suites = options.get("ciphers")
    if suites is not None:
        newest = [suite for suite in suites if suite.since == _NEWEST]
        older = [suite for suite in suites if suite.since < _NEWEST]
        offered = [found for found in context.get_ciphers() if found["protocol"] == "TLSv1.3"]
        if "tlsv1.3" in versions and newest and len(newest) < len(offered):
            raise ValueError("option ciphers: of TLS 1.3 give all suites or none")
        if not newest:
            versions = tuple(each for each in versions if each != "tlsv1.3")
        if not older:
            versions = tuple(each for each in versions if each == "tlsv1.3")
        if not versions:
            raise ValueError("option ciphers: none of them belongs to one of the versions")
        if older:
            context.set_ciphers(":".join(suite.openssl for suite in older))
    context.minimum_version = _VERSIONS[versions[0]]
    context.maximum_version = _VERSIONS[versions[-1]]


def _trust(context: ssl.SSLContext, options: TlsOptions) -> None:
    """Set whom to trust, and whether the peer is verified."""
    authorities, file = options.get("cacerts"), options.get("cacertfile")
    if authorities == "system":
        context.load_default_certs(
            ssl.Purpose.SERVER_AUTH if options.side == "client" else ssl.Purpose.CLIENT_AUTH
        )
    elif authorities is not None:
        with _telling("cacerts"):
            context.load_verify_locations(cadata=b"".join(authorities))
    if file is not None:
        with _telling("cacertfile", file):
            context.load_verify_locations(cafile=file)
    if options.side == "client":
        context.check_hostname = options.get("server_name_indication") != "disable"
    if not options.verifies_peer:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return
    if authorities is None and file is None:
        raise _UnusableError("cacertfile", ())
    required = options.side == "client" or options.get("fail_if_no_peer_cert", False)
    context.verify_mode = ssl.CERT_REQUIRED if required else ssl.CERT_OPTIONAL


def _load_certificates(context: ssl.SSLContext, options: TlsOptions) -> None:
    pairs = [dict(pair) for pair in options.get("certs_keys", ())]
    single = {name: options.get(name) for name in _OF_ONE_CERTIFICATE if name in options.values}
    if single:
        pairs.append(single)
    for pair in pairs:
        _load_certificate(context, **pair)


def _load_certificate(
    context: ssl.SSLContext,
    *,
    cert: tuple[bytes, ...] = (),
    key: str = "",
    certfile: str | None = None,
    keyfile: str | None = None,
    password: Any = None,
) -> None:
    # Erlang prefers what is given itself to a file.
    chain = "".join(map(ssl.DER_cert_to_PEM_cert, cert))
    with _readable(chain, certfile) as certificate, _readable(key, keyfile) as private:
        if certificate is not None:
            for name, file in (("certfile", certfile), ("keyfile", keyfile)):
                with _telling(name, file):
                    if file is not None:
                        open(file, "rb").close()
            with _telling("keyfile" if private else "certfile", keyfile or certfile):
                # A key with a password that is not given would be asked for at the terminal.
                context.load_cert_chain(certificate, private, password or _no_password)


def _no_password() -> str:
    return ""


@contextmanager
def _telling(name: str, file: str | None = None) -> Iterator[None]:
    """Turn errors of files and of their contents into a reason that names the option."""
    of_file = () if file is None else (file,)
    try:
        yield
    except ssl.SSLError as exc:
        raise _UnusableError(name, *of_file, exc.reason or "invalid") from exc
    except OSError as exc:
        raise _UnusableError(name, *of_file, reason_of(exc.errno)) from exc


@contextmanager
def _readable(pem: str, file: str | None) -> Iterator[str | None]:
    """Give text the name of a file, which is what OpenSSL reads keys from."""
    if not pem:
        yield file
        return
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, pem.encode())
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:
        with tempfile.NamedTemporaryFile("w") as written:
            written.write(pem)
            written.flush()
            yield written.name


def _serve(context: ssl.SSLContext, options: TlsOptions) -> None:
    """Set what servers have: tickets, the order of suites, certificates by host name."""
    context.num_tickets = 2 if options.get("session_tickets") == "stateless" else 0
    if not options.get("honor_cipher_order", False):
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    file = options.get("dhfile")
    if file is not None:
        with _telling("dhfile", file):
            context.load_dh_params(file)
    context.sslobject_class = NamedByClient
    hosts = dict(options.get("sni_hosts", ()))
    for chosen in hosts.values():
        if isinstance(problem := context_for(_with_certificate_of(options, chosen)), Error):
            raise _UnusableError(*problem.reason[1:])
    context.sni_callback = _Chooser(options, hosts, options.get("sni_fun"))


def _with_certificate_of(options: TlsOptions, chosen: TlsOptions) -> TlsOptions:
    plain = {n: v for n, v in options.values.items() if n not in ("sni_hosts", "sni_fun")}
    return TlsOptions("server", plain).merged(chosen)


@attrs.frozen
class _Chooser:
    """Called by OpenSSL with the host name that a client asks for; chooses the certificate."""

    options: TlsOptions
    hosts: dict[str, TlsOptions]
    function: Callable[[str], Any] | None

    def __call__(self, connection: Any, name: str | None, context: ssl.SSLContext) -> int | None:
        if name is None:
            return None
        connection.sni_hostname = name
        chosen = self.hosts.get(name)
        if self.function is not None:
            given = self.function(name)
            chosen = None if given is None else certificate_options(given)
        if chosen is None:
            return None
        found = context_for(_with_certificate_of(self.options, chosen))
        if isinstance(found, Error):
            return int(ssl.ALERT_DESCRIPTION_INTERNAL_ERROR)
        connection.context = found.value
        return None
