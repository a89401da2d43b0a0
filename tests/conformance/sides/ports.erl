%% The operations of scenarios on gen_tcp, gen_udp and inet; the interpreter calls them.
%%
%% Options are maps here; data is binary unless they say otherwise, as on the other side. Times are
%% in seconds.
-module(ports).
-export([op/3]).

-define(HERE, {127, 0, 0, 1}).

op(gen_tcp_pair, [Mine, Theirs], _) ->
    {ok, L} = gen_tcp:listen(0, options([{ip, ?HERE}], Theirs)),
    {ok, Port} = inet:port(L),
    {ok, C} = gen_tcp:connect(?HERE, Port, options([], Mine)),
    {ok, S} = gen_tcp:accept(L),
    ok = gen_tcp:close(L),
    {ok, {C, S}};
op(tcp_listener, [Options], _) ->
    case gen_tcp:listen(0, options([{ip, ?HERE}], Options)) of
        {ok, L} -> {ok, Port} = inet:port(L), {ok, {L, Port}};
        Error -> Error
    end;
op(tcp_listen, [Port, Options], _) -> gen_tcp:listen(Port, options([{ip, ?HERE}], Options));
op(tcp_connect, [Port, Options], More) ->
    gen_tcp:connect(?HERE, Port, options([], Options), timeout(More));
op(tcp_connect, [Host, Port, Options], More) ->
    gen_tcp:connect(Host, Port, options([], Options), timeout(More));
op(tcp_accept, [L], More) -> gen_tcp:accept(L, timeout(More));
op(tcp_send, [S, Data], _) -> gen_tcp:send(S, Data);
op(tcp_recv, [S, Length], More) -> gen_tcp:recv(S, Length, timeout(More));
op(tcp_unrecv, [S, Data], _) -> gen_tcp:unrecv(S, Data);
op(tcp_shutdown, [S, How], _) -> gen_tcp:shutdown(S, How);
op(tcp_close, [S], _) -> gen_tcp:close(S);
op(tcp_give, [S, Pid], _) -> gen_tcp:controlling_process(S, Pid);
op(inet_close, [S], _) -> inet:close(S);
op(setopts, [S, Options], _) -> inet:setopts(S, [converted(O) || O <- listed(Options)]);
op(getopts, [S, Names], _) ->
    case inet:getopts(S, Names) of
        {ok, Values} -> {ok, maps:from_list(Values)};
        Error -> Error
    end;
op(getstat, [S, Names], _) ->
    case inet:getstat(S, Names) of
        {ok, Values} -> {ok, maps:from_list(Values)};
        Error -> Error
    end;
op(inet_sockname, [S], _) -> inet:sockname(S);
op(inet_peername, [S], _) -> inet:peername(S);
op(inet_port, [S], _) -> inet:port(S);
op(inet_states, [S], _) -> maps:get(states, inet:info(S));
op(inet_monitor, [S], _) -> inet:monitor(S);
op(inet_demonitor, [Ref], _) -> inet:cancel_monitor(Ref);
op(getaddr, [Name, Family], _) -> inet:getaddr(Name, Family);
op(gen_udp_pair, [Mine, Theirs], _) ->
    {ok, A} = gen_udp:open(0, options([{ip, ?HERE}], Mine)),
    {ok, B} = gen_udp:open(0, options([{ip, ?HERE}], Theirs)),
    {ok, PortA} = inet:port(A),
    {ok, PortB} = inet:port(B),
    ok = gen_udp:connect(A, ?HERE, PortB),
    ok = gen_udp:connect(B, ?HERE, PortA),
    {ok, {A, B}};
op(udp_open, [Options], _) ->
    case gen_udp:open(0, options([{ip, ?HERE}], Options)) of
        {ok, U} -> {ok, Port} = inet:port(U), {ok, {U, Port}};
        Error -> Error
    end;
op(udp_connect, [U, Port], _) -> gen_udp:connect(U, ?HERE, Port);
op(udp_send, [U, Data], _) -> gen_udp:send(U, Data);
op(udp_sendto, [U, Port, Data], _) -> gen_udp:send(U, ?HERE, Port, Data);
op(udp_sendto, [U, Port, Ancillary, Data], _) -> gen_udp:send(U, ?HERE, Port, Ancillary, Data);
op(udp_sendmap, [U, Port, Data], _) -> gen_udp:send(U, {?HERE, Port}, Data);
op(udp_recv, [U, Length], More) -> gen_udp:recv(U, Length, timeout(More));
op(udp_close, [U], _) -> gen_udp:close(U);
op(udp_give, [U, Pid], _) -> gen_udp:controlling_process(U, Pid);
op(Op, Args, More) -> secure:op(Op, Args, More).

options(Before, Options) -> [binary | Before] ++ [converted(O) || O <- listed(Options)].

listed(Options) when is_map(Options) -> maps:to_list(Options);
listed(Options) -> Options.

converted({send_timeout, Seconds}) when is_number(Seconds) ->
    {send_timeout, round(Seconds * 1000)};
converted(Option) -> Option.

timeout(#{timeout := Seconds}) when is_number(Seconds) -> round(Seconds * 1000);
timeout(_) -> infinity.
