"""The options of callers: those of TLS, checked, and the others, which are of the socket."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from ...arguments import shown
from ...inet.options.table import OPTIONS as OPTIONS_OF_SOCKETS
from ...inet.rules.active_mode import Active
from .table import OPTIONS, Side

__all__ = ["OptionList", "TlsOptions", "certificate_options", "files_of", "split"]

OptionList: TypeAlias = Mapping[str, Any] | Sequence[Any]
"""A mapping of names to values; or a list, as in Erlang, of pairs and of single words."""

_CERTIFICATES: Final = ("certs_keys", "cert", "certfile")
_ACTIVE: Final = "active"


@attrs.frozen(eq=False)
class TlsOptions:
    """The options of TLS of one side, checked.

    Attributes:
        side: the side.
        values: the last value of each option given, by name.
    """

    side: Side
    values: Mapping[str, Any]

    def merged(self, later: "TlsOptions") -> "TlsOptions":
        """Return these options with those that were given later in their place."""
        values = {**self.values, **later.values}
        if any(name in later.values for name in _CERTIFICATES):
            # Another certificate comes with its own key.
            own = [name for name in self.values if OPTIONS[name].use == "certificate"]
            values = {
                name: value
                for name, value in values.items()
                if name not in own or name in later.values
            }
        return _consistent(TlsOptions(self.side, values))

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of an option, or `default` if it was not given."""
        return self.values.get(name, default)

    @property
    def verifies_peer(self) -> bool:
        """True if the peer has to prove who it is: by default a server has to."""
        given = self.get("verify")
        return self.side == "client" if given is None else bool(given == "verify_peer")

    @property
    def has_certificate(self) -> bool:
        """True if a certificate of our own was given."""
        names = (*_CERTIFICATES, "context", "sni_hosts", "sni_fun")
        return any(name in self.values for name in names)


def split(side: Side, options: OptionList) -> tuple[TlsOptions, list[Any], Active | None]:
    """Take a caller's options apart.

    Args:
        side: the side that gives them.
        options: the options; of one given twice the last counts.

    Returns:
        The options of TLS; those of the socket, as a list that `gen_tcp` checks, without `active`;
        and the value of `active`, None if it was not given.

    Raises:
        TypeError: `options` is no list, or a value has a wrong type.
        ValueError: an option is unknown, refused here, or not one of this side; a value of TLS or
            of `active` is wrong; or an option contradicts another one.
    """
    values: dict[str, Any] = {}
    others: list[Any] = []
    active = None
    for item in _items(options):
        match item:
            case (str(name), value) if name in OPTIONS:
                option = OPTIONS[name]
                if side not in option.sides:
                    raise ValueError(f"option {name}: it is none of a {side}")
                values[name] = option.check(value)
            case (name, value) if name == _ACTIVE:
                active = OPTIONS_OF_SOCKETS[_ACTIVE].check(value)
            case (str(name), _) if name not in OPTIONS_OF_SOCKETS:
                # Before anything is made of the others: without the option that was meant, what is
                # missing would be reported. The value is not shown: it may be a secret.
                raise ValueError(f"option {shown(name)}: neither TLS nor a socket has it")
            case _:
                others.append(item)
    if "sni_hosts" in values:
        values["sni_hosts"] = _sni_hosts(values["sni_hosts"])
    return _consistent(TlsOptions(side, values)), others, active


def certificate_options(options: OptionList) -> TlsOptions:
    """Check the options that `sni_hosts` and `sni_fun` give: a certificate and its key.

    Raises:
        TypeError, ValueError: as `split`; or an option is another one.
    """
    found, others, active = split("server", options)
    wrong = [name for name in found.values if OPTIONS[name].use != "certificate"]
    if wrong or others or active is not None:
        raise ValueError("options for one host name: only a certificate and its key may be given")
    return found


def _items(options: OptionList) -> list[Any]:
    if isinstance(options, Mapping):
        return list(options.items())
    if isinstance(options, str | bytes) or not isinstance(options, Sequence):
        raise TypeError(f"options: expected a list or a mapping, got {shown(options)}")
    return list(options)


def _sni_hosts(hosts: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, TlsOptions], ...]:
    return tuple((host, certificate_options(options)) for host, options in hosts)


def _consistent(options: TlsOptions) -> TlsOptions:
    given = options.values
    if "context" in given:
        own = [name for name in given if OPTIONS[name].use in ("context", "certificate")]
        if own:
            raise ValueError(f"option {own[0]}: the option context has it already")
    if given.get("fail_if_no_peer_cert") and not options.verifies_peer:
        raise ValueError('option fail_if_no_peer_cert: it needs verify "verify_peer"')
    if ("keyfile" in given or "key" in given) and not any(n in given for n in _CERTIFICATES):
        raise ValueError("option keyfile: there is no certificate that it belongs to")
    return options


def files_of(options: TlsOptions) -> tuple[str, ...]:
    """Return the paths of all files that the options name."""
    pairs = [dict(pair) for pair in options.get("certs_keys", ())]
    found = [
        given[name]
        for given in (options.values, *pairs)
        for name in ("certfile", "keyfile", "cacertfile", "dhfile")
        if name in given
    ]
    return tuple(map(os.fspath, found))
