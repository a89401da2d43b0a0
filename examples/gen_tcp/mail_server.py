"""An SMTP server: a session is a process that reads lines in active mode "once".

What a session may do next is a function for each state: it takes a line and returns the reply and
the next state. The process around them does the input and output. Messages go to the process that
is registered as `post`; here it prints them.

With a port as argument it serves until Ctrl-C (0: the system chooses the port); without one
Python's smtplib sends it a message. With the path of a certificate as second argument it offers
STARTTLS: the session then goes on with `ssl` on the same connection.
"""

import email
import smtplib
import sys
from collections.abc import Callable
from email.message import EmailMessage
from functools import partial
from typing import TypeAlias

import attrs

from actorsock import Error, Timeout, gen_tcp, in_trio, inet, ok, receive, run, send, spawn
from actorsock import spawn_link, ssl
from actorsock.gen_tcp import TcpSocket
from actorsock.inet import Tcp, TcpClosed, TcpError
from actorsock.ssl import Ssl, SslClosed, SslError, SslSocket

import trio

LONGEST_LINE = 2000  # RFC 5321 asks for 1000 at least; of a longer one the connection ends
PATIENCE = 300
CERTIFICATE = {"certfile": sys.argv[2]} if len(sys.argv) > 2 else None


@attrs.frozen
class Letter:
    """A message with its envelope."""

    sender: str = ""
    receivers: tuple[str, ...] = ()
    lines: list[bytes] = attrs.field(factory=list)


Step: TypeAlias = "tuple[str, State | None]"
State: TypeAlias = Callable[[bytes], Step]
"""Takes a line; returns the reply ("" for none), and the next state, None for the end."""


def commands(letter: Letter, line: bytes) -> Step:
    same = partial(commands, letter)
    word, _, rest = line.decode("latin-1").strip().partition(" ")
    match word.upper(), address_in(rest):
        case (("HELO" | "EHLO"), _):
            return "250 at your service", partial(commands, Letter())
        case "MAIL", str(sender):
            return "250 ok", partial(commands, Letter(sender))
        case "RCPT", str(receiver) if letter.sender:
            more = attrs.evolve(letter, receivers=(*letter.receivers, receiver))
            return "250 ok", partial(commands, more)
        case "DATA", _ if letter.receivers:
            return "354 end with a line that is a dot", partial(data, letter)
        case (("MAIL" | "RCPT" | "DATA"), _):
            return "503 not now", same
        case "RSET", _:
            return "250 forgotten", partial(commands, Letter())
        case "NOOP", _:
            return "250 ok", same
        case "QUIT", _:
            return "221 bye", None
    return "500 unknown command", same


def data(letter: Letter, line: bytes) -> Step:
    if line.rstrip(b"\r\n") == b".":
        send("post", letter)
        return "250 taken", partial(commands, Letter())
    # A dot in front of a line was doubled by the client.
    letter.lines.append(line.removeprefix(b"."))
    return "", partial(data, letter)


def address_in(text: str) -> str | None:
    """Return the address of `FROM:<a@b>` or `TO:<a@b>`."""
    before, bracket, rest = text.partition("<")
    return rest.partition(">")[0] if bracket and before.upper() in ("FROM:", "TO:") else None


async def session(sock: TcpSocket | SslSocket) -> None:
    state: State | None = partial(commands, Letter())
    await say(sock, "220 mail.test")
    while state is not None:
        want_line(sock)
        match await receive(after=PATIENCE):
            case Tcp(data=line) if CERTIFICATE and word(line) == b"EHLO":
                await say(sock, "250-at your service\r\n250 STARTTLS")
            case Tcp(data=line) if CERTIFICATE and word(line) == b"STARTTLS":
                await say(sock, "220 begin TLS")
                secured = await ssl.handshake(sock, CERTIFICATE, PATIENCE)
                if isinstance(secured, Error):
                    return
                # Nothing of what was said in clear counts any more.
                sock, state = secured.value, partial(commands, Letter())
            case Tcp(data=line) | Ssl(data=line):
                reply, state = state(line)
                await say(sock, reply)
            case Timeout():
                await say(sock, "421 too slow")
                return
            case TcpClosed() | TcpError() | SslClosed() | SslError():
                return


def word(line: bytes) -> bytes:
    return line.strip().partition(b" ")[0].upper()


def want_line(sock: TcpSocket | SslSocket) -> None:
    once = {"active": "once"}
    ok(ssl.setopts(sock, once) if isinstance(sock, SslSocket) else inet.setopts(sock, once))


async def say(sock: TcpSocket | SslSocket, reply: str) -> None:
    data = f"{reply}\r\n".encode() if reply else b""
    if isinstance(sock, SslSocket):
        await ssl.send(sock, data)
    else:
        await gen_tcp.send(sock, data)


async def listener(sock: TcpSocket) -> None:
    while True:
        client = ok(await gen_tcp.accept(sock))
        # A session that crashes ends alone, and its connection with it.
        ok(gen_tcp.controlling_process(client, spawn(session, client)))


async def post() -> None:
    while True:
        match await receive(Letter):
            case Letter(sender, receivers, lines):
                subject = email.message_from_bytes(b"".join(lines))["subject"]
                about = f"{subject!r}, {len(lines)} lines"
                print(f"{sender} to {', '.join(receivers)}: {about}", flush=True)


def serve(port: int) -> int:
    options = {"ip": "127.0.0.1", "packet": "line", "packet_size": LONGEST_LINE, "active": False}
    sock = ok(gen_tcp.listen(port, options))
    spawn_link(post, name="post")
    ok(gen_tcp.controlling_process(sock, spawn_link(listener, sock)))
    return int(ok(inet.port(sock)))


def post_a_letter(port: int) -> None:
    letter = EmailMessage()
    letter["From"], letter["To"], letter["Subject"] = "ann@a.test", "bob@b.test", "a dot"
    letter.set_content("Hello Bob,\n.\n..and two\nAnn\n")
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(letter)


async def main() -> None:
    if len(sys.argv) > 1:
        print(f"listens on port {serve(int(sys.argv[1]))}", flush=True)
        await receive()
    await in_trio(trio.to_thread.run_sync, post_a_letter, serve(0))


if __name__ == "__main__":
    run(main)
