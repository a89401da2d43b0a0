#!/usr/bin/env escript
%% The client and the server of the documentation, to talk to ours: see talking_to_erlang.py.
%%
%% escript examples/talking_to_erlang.erl client|server tcp|udp|local PORT|PATH

main(["client", Kind, Where]) -> client(list_to_atom(Kind), Where);
main(["server", Kind, Where]) -> server(list_to_atom(Kind), Where).

client(Kind, Where) ->
    {ok, Sock} = socket:open(domain(Kind), type(Kind)),
    ok = socket:bind(Sock, any(Kind)),
    ok = socket:connect(Sock, address(Kind, Where)),
    Msg = list_to_binary("hello"),
    ok = socket:send(Sock, Msg),
    [ok = socket:shutdown(Sock, write) || type(Kind) =:= stream],
    {ok, Msg} = socket:recv(Sock),
    ok = socket:close(Sock).

server(Kind, Where) ->
    {ok, LSock} = socket:open(domain(Kind), type(Kind)),
    ok = socket:bind(LSock, address(Kind, Where)),
    [ok = socket:listen(LSock) || type(Kind) =:= stream],
    {ok, Bound} = socket:sockname(LSock),
    io:format("~p~n", [maps:get(port, Bound, 0)]),
    serve(type(Kind), LSock),
    ok = socket:close(LSock).

serve(stream, LSock) ->
    {ok, Sock} = socket:accept(LSock),
    {ok, Msg} = socket:recv(Sock),
    ok = socket:send(Sock, Msg),
    ok = socket:shutdown(Sock, write),
    ok = socket:close(Sock);
serve(dgram, Sock) ->
    {ok, {From, Msg}} = socket:recvfrom(Sock),
    ok = socket:sendto(Sock, Msg, From).

domain(local) -> local;
domain(_) -> inet.

type(udp) -> dgram;
type(_) -> stream.

any(local) -> #{family => local, path => <<>>};
any(_) -> #{family => inet, addr => loopback}.

address(local, Path) -> #{family => local, path => Path};
address(_, Port) -> #{family => inet, addr => loopback, port => list_to_integer(Port)}.
