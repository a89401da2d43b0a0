%% Echo over TLS in the mode once: a process for each connection.
-module(ssl_server).
-export([main/1]).

main(File) ->
    ok = ssl:start(),
    {ok, Listen} = ssl:listen(0, [binary, {ip, {127, 0, 0, 1}}, {backlog, 4096}, {active, false},
                                  {certfile, File}, {keyfile, File}]),
    {ok, {_, Port}} = ssl:sockname(Listen),
    io:format("~w~n", [Port]),
    accept(Listen).

accept(Listen) ->
    {ok, Accepted} = ssl:transport_accept(Listen),
    Pid = spawn(fun() -> receive go -> start(Accepted) end end),
    ok = ssl:controlling_process(Accepted, Pid),
    Pid ! go,
    accept(Listen).

start(Accepted) ->
    {ok, Socket} = ssl:handshake(Accepted),
    ok = ssl:setopts(Socket, [{active, once}]),
    echo(Socket).

echo(Socket) ->
    receive
        {ssl, Socket, Data} ->
            ok = ssl:setopts(Socket, [{active, once}]),
            ok = ssl:send(Socket, Data),
            echo(Socket);
        {ssl_closed, Socket} ->
            ok
    end.
