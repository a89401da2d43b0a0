%% The operations of scenarios on ssl; `ports` calls them. Times are in seconds.
%%
%% The end of each connection has options that suit the other one; those of a scenario replace them.
%% The files of certificates are named on the command line.
-module(secure).
-export([op/3, shown/1]).

op(ssl_pair, [Mine, Theirs], _) ->
    {ok, L} = ssl:listen(0, server(Theirs)),
    {ok, {_, Port}} = ssl:sockname(L),
    Owner = self(),
    Helper = spawn(fun() ->
        {ok, T} = ssl:transport_accept(L),
        {ok, S} = ssl:handshake(T),
        ok = ssl:controlling_process(S, Owner),
        Owner ! {self(), S}
    end),
    {ok, C} = ssl:connect("localhost", Port, client(Mine)),
    S = receive {Helper, Accepted} -> Accepted end,
    ok = ssl:close(L),
    {ok, {C, S}};
op(ssl_listener, [Options], _) ->
    case ssl:listen(0, server(Options)) of
        {ok, L} -> {ok, {_, Port}} = ssl:sockname(L), {ok, {L, Port}};
        Error -> Error
    end;
op(ssl_accept, [L], More) -> ssl:transport_accept(L, timeout(More));
op(ssl_handshake, [T], More) -> ssl:handshake(T, timeout(More));
op(ssl_handshake, [T, Options], More) -> ssl:handshake(T, tls(server(Options)), timeout(More));
op(ssl_connect, [Port, Options], More) ->
    ssl:connect("localhost", Port, client(Options), timeout(More));
op(ssl_upgrade, [S, Options], More) -> ssl:connect(S, tls(client(Options)), timeout(More));
op(ssl_send, [S, Data], _) -> ssl:send(S, Data);
op(ssl_recv, [S, Length], More) -> ssl:recv(S, Length, timeout(More));
op(ssl_setopts, [S, Options], _) -> ssl:setopts(S, maps:to_list(Options));
op(ssl_getopts, [S, Names], _) ->
    case ssl:getopts(S, Names) of
        {ok, Values} -> {ok, maps:from_list(Values)};
        Error -> Error
    end;
op(ssl_shutdown, [S, How], _) -> ssl:shutdown(S, How);
op(ssl_close, [S], _) -> ssl:close(S);
op(ssl_leave, [S, Pid], More) -> ssl:close(S, {Pid, timeout(More)});
op(ssl_give, [S, Pid], _) -> ssl:controlling_process(S, Pid);
op(ssl_peercert, [S], _) ->
    case ssl:peercert(S) of
        {ok, _} -> ok;
        Error -> Error
    end;
op(ssl_protocol, [S], _) -> ssl:negotiated_protocol(S);
op(ssl_information, [S, Keys], _) ->
    case ssl:connection_information(S, Keys) of
        {ok, Values} -> {ok, maps:from_list(Values)};
        Error -> Error
    end;
op(ssl_peername, [S], _) -> brief(ssl:peername(S));
op(ssl_sockname, [S], _) -> brief(ssl:sockname(S)).

%% A socket is a tuple with much in it. What tells it from others is the first process or its port.
shown({sslsocket, _, [Pid | _]}) -> {sslsocket, Pid};
shown({sslsocket, _, {Port, _}}) -> {sslsocket, Port};
shown(Tuple) when is_tuple(Tuple) -> list_to_tuple(shown(tuple_to_list(Tuple)));
shown([Head | Tail]) -> [shown(Head) | shown(Tail)];
shown(Map) when is_map(Map) -> maps:map(fun(_, Value) -> shown(Value) end, Map);
shown(Other) -> Other.

brief({ok, _}) -> ok;
brief(Error) -> Error.

client(Options) ->
    options(#{verify => verify_peer, cacertfile => file("ca.pem"),
              server_name_indication => "localhost"}, Options).

server(Options) ->
    options(#{certfile => file("server.pem"), keyfile => file("server.key")}, Options).

options(Before, Options) ->
    Common = #{mode => binary, active => false, nodelay => true, log_level => none},
    Given = maps:filtermap(fun(_, none) -> false; (_, Value) -> {true, Value} end,
                           maps:merge(maps:merge(Common, Before), Options)),
    maps:to_list(maps:map(fun named/2, Given)).

%% A socket of gen_tcp that is upgraded keeps its own options.
tls(Options) ->
    [Option || Option = {Name, _} <- Options, not lists:member(Name, [mode, active, nodelay])].

named(cacertfile, strangers) -> file("strangers.pem");
named(_, Value) -> Value.

file(Name) ->
    {ok, [[Folder]]} = init:get_argument(certificates),
    filename:join(Folder, Name).

timeout(#{timeout := Seconds}) when is_number(Seconds) -> round(Seconds * 1000);
timeout(_) -> infinity.
