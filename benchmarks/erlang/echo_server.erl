%% Echo: Erlang's socket module, a process for each connection.
-module(echo_server).
-export([main/0]).

main() ->
    {ok, LSock} = socket:open(inet, stream, tcp),
    ok = socket:bind(LSock, #{family => inet, addr => loopback, port => 0}),
    ok = socket:listen(LSock, 4096),
    {ok, #{port := Port}} = socket:sockname(LSock),
    io:format("~p~n", [Port]),
    accept(LSock).

accept(LSock) ->
    {ok, Sock} = socket:accept(LSock),
    Pid = spawn(fun() -> receive go -> echo(Sock) end end),
    ok = socket:setopt(Sock, {otp, controlling_process}, Pid),
    Pid ! go,
    accept(LSock).

echo(Sock) ->
    case socket:recv(Sock) of
        {ok, Data} ->
            ok = socket:send(Sock, Data),
            echo(Sock);
        {error, _} ->
            ok
    end.
