%% Gives each option of a file of terms to the functions that open sockets; sets and gets it on each
%% kind of socket; and gets it of a socket that a listening one with the option has accepted.
%% Prints a line for each option: what each of them did.
-module(options).
-export([main/1]).

main([Path]) ->
    {ok, Options} = file:consult(Path),
    {ok, Listener} = gen_tcp:listen(0, [{backlog, 1000}]),
    {ok, Port} = inet:port(Listener),
    [io:format("~w~n", [opened(Option, Port) ++ [set(Option, Kind) || Kind <- kinds()]
                        ++ [inherited(Option)]])
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
    Before = got(Socket, name(Option)),
    Set = case inet:setopts(Socket, [Option]) of ok -> ok; {error, Reason} -> Reason end,
    Got = got(Socket, name(Option)),
    inet:close(Socket),
    {Before, Set, Got}.

inherited(Option) ->
    try gen_tcp:listen(0, [{ip, {127, 0, 0, 1}}, Option]) of
        {ok, Listener} ->
            {ok, Port} = inet:port(Listener),
            {ok, Client} = gen_tcp:connect({127, 0, 0, 1}, Port, [{active, false}]),
            {ok, Socket} = gen_tcp:accept(Listener),
            Got = got(Socket, name(Option)),
            [inet:close(Each) || Each <- [Listener, Client, Socket]],
            Got;
        {error, _} -> refused
    catch
        _:_ -> refused
    end.

got(Socket, Name) ->
    case inet:getopts(Socket, [Name]) of
        {ok, []} -> left_out;
        {ok, [{_, Value}]} -> {value, Value};
        {ok, [{raw, _, _, Value}]} -> {value, Value};
        {error, Reason} -> Reason
    end.

name({raw, Level, Number, _}) -> {raw, Level, Number, 4};
name(Option) -> element(1, Option).

open({tcp, local}) -> opened(gen_tcp:listen(0, [{ip, {local, <<0, "options">>}}]));
open({tcp, Family}) -> opened(gen_tcp:listen(0, [Family]));
open({udp, Family}) -> opened(gen_udp:open(0, [Family])).

opened({ok, Socket}) -> Socket.
