%% Echo: Erlang's gen_tcp in an active mode, a process for each connection.
-module(gen_tcp_server).
-export([main/2]).

main(Packet, Active) ->
    {ok, L} = gen_tcp:listen(0, [binary, {ip, {127, 0, 0, 1}}, {backlog, 4096},
                                 {packet, Packet}, {active, false}]),
    {ok, Port} = inet:port(L),
    io:format("~p~n", [Port]),
    accept(L, Active).

accept(L, Active) ->
    {ok, S} = gen_tcp:accept(L),
    Pid = spawn(fun() -> echo(S, Active) end),
    ok = gen_tcp:controlling_process(S, Pid),
    ok = inet:setopts(S, [{active, Active}]),
    accept(L, Active).

echo(S, Active) ->
    receive
        {tcp, S, Data} ->
            case Active of once -> inet:setopts(S, [{active, once}]); _ -> ok end,
            gen_tcp:send(S, Data),
            echo(S, Active);
        {tcp_passive, S} ->
            inet:setopts(S, [{active, Active}]),
            echo(S, Active);
        {tcp_closed, S} ->
            ok
    end.
