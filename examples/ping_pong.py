"""Mailboxes, selective receive and monitors: two processes and a ball.

A message is any object. `receive` takes the first one that matches; the others stay in the mailbox
in their order, for a later `receive`.
"""

import attrs

from actorsock import Down, Pid, Timeout, current_pid, exit, receive, run, send, spawn_monitor

# player() ->
#     receive
#         {ping, From, N} -> From ! {pong, N}, player();
#         stop -> ok
#     end.


@attrs.frozen
class Ping:
    sender: Pid
    number: int


@attrs.frozen
class Pong:
    number: int


async def player() -> None:
    while True:
        match await receive():
            case Ping(sender, number):
                send(sender, Pong(number))
            case "stop":
                return


async def main() -> None:
    me = current_pid()
    pid, ref = spawn_monitor(player)

    send(me, "a letter, read when the game is over")
    for number in range(1, 4):
        send(pid, Ping(me, number))
        match await receive(Pong):  # the letter stays in the mailbox
            case Pong(back):
                print(f"ping {number}, pong {back}")
    print(f"first in the mailbox: {await receive()}")

    send(pid, "stop")
    match await receive(ref):  # a message that carries this ref
        case Down(reason=reason):
            print(f"the player has ended with reason {reason!r}")

    pid, ref = spawn_monitor(player)
    exit(pid, "kill")
    match await receive(ref, after=5):
        case Down(reason=reason):
            print(f"the second one has ended with reason {reason!r}")
        case Timeout():
            raise SystemExit("the second one does not end")


if __name__ == "__main__":
    run(main)
