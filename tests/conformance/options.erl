%% Gives each option of a file of terms to the functions that open sockets, and sets and gets it on
%% each kind of socket. Prints a line for each option: what each of them did.
-module(options).
-export([main/1]).

main([Path]) ->
    {ok, Options} = file:consult(Path),
    {ok, Listener} = gen_tcp:listen(0, [{backlog, 1000}]),
    {ok, Port} = inet:port(Listener),
    [io:format("~w~n", [opened(Option, Port) ++ [set(Option, Kind) || Kind <- kinds()]])
     || Option <- Options],
    halt().

opened(Option, Port) ->
    [attempt(fun() -> gen_tcp:connect({127, 0, 0, 1}, Port, [Option]) end),
     attempt(fun() -> gen_tcp:listen(0, [Option]) end),
     attempt(fun() -> gen_udp:open(0, [Option]) end)].

attempt(Open) ->
    try Open() of
        {ok, Socket} -> inet:close(Socket), ok;
        {error, _} -> refused
    catch
        _:_ -> refused
    end.

kinds() -> [{tcp, inet}, {tcp, inet6}, {tcp, local}, {udp, inet}, {udp, inet6}, {udp, local}].

set(Option, Kind) ->
    Socket = open(Kind),
    Name = case Option of {raw, _, _, _} -> raw; _ -> element(1, Option) end,
    Set = case inet:setopts(Socket, [Option]) of ok -> ok; {error, Reason} -> Reason end,
    Got = case inet:getopts(Socket, [Name]) of
        {ok, []} -> left_out;
        {ok, [_]} -> given;
        {error, Other} -> Other
    end,
    inet:close(Socket),
    {Set, Got}.

open({tcp, local}) -> opened(gen_tcp:listen(0, [{ip, {local, <<0, "options">>}}]));
open({tcp, Family}) -> opened(gen_tcp:listen(0, [Family]));
open({udp, Family}) -> opened(gen_udp:open(0, [Family])).

opened({ok, Socket}) -> Socket.
