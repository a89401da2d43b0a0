"""The packets that decoding gives, beside plain bytes, as records made for `match`.

Words that are atoms in Erlang are `str` in every type. Text is `str`, one character for each byte,
in the types `http` and `httph`, and `bytes` in `http_bin` and `httph_bin`.
"""

from typing import Final, Literal, TypeAlias, final

import attrs

__all__ = [
    "HTTP_EOH",
    "AbsPath",
    "AbsoluteURI",
    "HttpError",
    "HttpHeader",
    "HttpPacket",
    "HttpRequest",
    "HttpResponse",
    "HttpUri",
    "More",
    "Packet",
    "Scheme",
    "TlsRecord",
]

Text: TypeAlias = str | bytes
Version: TypeAlias = tuple[int, int]

HTTP_EOH: Final = "http_eoh"
"""The packet for the empty line that ends the headers."""


@final
@attrs.frozen
class More:
    """The data holds no whole packet yet. Erlang's `{more, Length}`.

    Attributes:
        length: bytes of the whole packet, its header included; None while that is not known.
    """

    length: int | None = None


@final
@attrs.frozen
class AbsPath:
    """A request URI that is a path: `/index.html?lang=en`. Erlang's `{abs_path, Path}`."""

    path: Text


@final
@attrs.frozen
class AbsoluteURI:
    """A request URI of `http` or `https`. Erlang's `{absoluteURI, Scheme, Host, Port, Path}`.

    Attributes:
        scheme: the scheme, in lower case.
        host: the text before the port; an IPv6 address keeps its brackets.
        port: the number after the host; None if there is none, or if it is no number.
        path: what follows, with its query; `/` if there is none.
    """

    scheme: Literal["http", "https"]
    host: Text
    port: int | None
    path: Text


@final
@attrs.frozen
class Scheme:
    """A request URI of any other scheme. Erlang's `{scheme, Scheme, Rest}`.

    `CONNECT example.net:443` gives `Scheme("example.net", "443")`.
    """

    scheme: Text
    rest: Text


HttpUri: TypeAlias = AbsPath | AbsoluteURI | Scheme | str | bytes


@final
@attrs.frozen
class HttpRequest:
    """A request line. Erlang's `{http_request, Method, Uri, Version}`.

    Attributes:
        method: `"OPTIONS"`, `"GET"`, `"HEAD"`, `"POST"`, `"PUT"`, `"DELETE"` and `"TRACE"` are
            words, `str` in every type; any other method is text, as written.
        uri: an `AbsPath`, an `AbsoluteURI`, a `Scheme`, the word `"*"`, or other text.
        version: major and minor number; (0, 9) if the line has no version.
    """

    method: Text
    uri: HttpUri
    version: Version


@final
@attrs.frozen
class HttpResponse:
    """A status line. Erlang's `{http_response, Version, Status, Phrase}`."""

    version: Version
    status: int
    phrase: Text


@final
@attrs.frozen
class HttpHeader:
    """A header. Erlang's `{http_header, Number, Name, Original, Value}`.

    Attributes:
        number: the number of a known name, 1 to 52; 0 for others.
        name: the name in its usual spelling: a word, `str` in every type, if it is known, other
            text with a capital at the start of each part (`"X-Forwarded-Proto"`).
        original: the name as written.
        value: the value without the blanks in front; a continued line keeps its breaks.
    """

    number: int
    name: Text
    original: Text
    value: Text


@final
@attrs.frozen
class HttpError:
    """A line that is not what belongs here, with its end. Erlang's `{http_error, Line}`."""

    line: Text


@final
@attrs.frozen
class TlsRecord:
    """A record of TLS, undecrypted. Erlang's `{ssl_tls, [], ContentType, Version, Data}`.

    A client hello of SSL 2 comes as the hello of a later version that says the same.
    """

    content_type: int
    version: Version
    data: bytes


HttpPacket: TypeAlias = HttpRequest | HttpResponse | HttpHeader | HttpError | Literal["http_eoh"]
Packet: TypeAlias = bytes | HttpPacket | TlsRecord
