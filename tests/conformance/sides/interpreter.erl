%% Performs scenarios on Erlang's own processes and sockets.
%%
%% Each line of standard input is a scenario, as a term. Its observations are written to a file, as a
%% term in the external format, and a line of standard output has its number. (Erlang/OTP 28 loses
%% parts of long lines when the pipe is full.) This module neither compares nor converts them: the
%% Python side does that, for both sides.
%%
%% A scenario has actors: processes that perform the operations that they are ordered to, one after
%% the other. After each step the director waits until all is quiet (every actor waits, for the next
%% order or inside an operation, and no mailbox grows) and records which operations have returned,
%% the messages in each mailbox, and which actors have ended.
-module(interpreter).
-export([main/0]).

main() ->
    logger:set_primary_config(level, none),
    ok = io:setopts([binary]),
    Ssl = case application:ensure_all_started(ssl) of {ok, _} -> ssl; _ -> nothing end,
    io:format("= ready ~s ~s~n", [erlang:system_info(otp_release), Ssl]),
    requests().

requests() ->
    case io:get_line("") of
        Line when is_binary(Line) ->
            {ok, Tokens, _} = erl_scan:string(binary_to_list(Line)),
            {ok, Request} = erl_parse:parse_term(Tokens),
            _ = spawn(fun() -> answer(Request) end),
            requests();
        _ ->
            halt(0)
    end.

%% Erlang may print warnings; the lines of this program begin with a mark.
answer({Id, Cushion, Tmp, Actors, Steps}) ->
    Seen = try direct(Cushion, Tmp, Actors, Steps)
           catch Class:Reason:Stack -> {failed, {Class, Reason, Stack}}
           end,
    ok = file:write_file(Tmp ++ ".seen", term_to_binary(secure:shown(Seen))),
    io:format("= ~w~n", [Id]).

%% --- the director ------------------------------------------------------------------------------

-record(scene, {cushion, tmp, pids = #{}, alive = #{}, busy = #{}, values = #{},
                returned = [], ended = []}).

direct(Cushion, Tmp, Actors, Steps) ->
    Scene0 = #scene{cushion = Cushion, tmp = Tmp},
    Scene1 = lists:foldl(fun(Name, Scene) -> join(Name, spawn_actor(spawn), Scene) end,
                         Scene0, Actors),
    Pids = maps:to_list(Scene1#scene.pids),
    {Seen, Scene2} = lists:mapfoldl(fun step/2, Scene1, Steps),
    [exit(Pid, kill) || Pid <- maps:values(Scene2#scene.pids)],
    {seen, Pids, Seen}.

spawn_actor(How) ->
    Director = case get(director) of undefined -> self(); D -> D end,
    erlang:How(fun() -> put(director, Director), actor(Director) end).

join(Name, Pid, Scene = #scene{pids = Pids, alive = Alive, values = Values}) ->
    Ref = erlang:monitor(process, Pid),
    Scene#scene{pids = Pids#{Name => Pid}, alive = Alive#{Ref => Name},
                values = Values#{Name => Pid}}.

step({quick, Name, Op, Args, Options, Targets}, Scene) ->
    step(Name, Op, Args, Options, Targets, Scene,
         fun(Asked) -> wait_for(Name, Asked) end);
step({step, Name, Op, Args, Options, Targets}, Scene) ->
    step(Name, Op, Args, Options, Targets, Scene, fun quiet/1);
step({await, Name, Op, Args, Options, Targets}, Scene) ->
    step(Name, Op, Args, Options, Targets, Scene, fun(Asked) -> quiet(wait_for(Name, Asked)) end);
step({wait, Name}, Scene) ->
    look(quiet(wait_for(Name, Scene)));
step({pause, Milliseconds}, Scene) ->
    timer:sleep(Milliseconds),
    look(quiet(Scene)).

step(Name, Op, Args, Options, Targets, Scene = #scene{pids = Pids, busy = Busy}, Settle) ->
    try {maps:get(Name, Pids), resolve(Args, Scene), resolve(Options, Scene)} of
        _ when is_map_key(Name, Busy) ->
            {skipped, Scene};
        {Pid, Given, Chosen} ->
            case is_process_alive(Pid) of
                true ->
                    Pid ! {'$do', self(), Name, Op, Given, Chosen},
                    look(Settle(Scene#scene{busy = Busy#{Name => {Op, Targets}}}));
                false ->
                    {skipped, Scene}
            end
    catch
        error:{badkey, _} -> {skipped, Scene}
    end.

look(Scene = #scene{pids = Pids, returned = Returned, ended = Ended}) ->
    Mailboxes = [{Name, [M || M <- Messages, not is_order(M)]}
                 || {Name, Pid} <- maps:to_list(Pids),
                    {messages, Messages} <- [process_info(Pid, messages)]],
    {{Returned, Mailboxes, Ended}, Scene#scene{returned = [], ended = []}}.

is_order(M) -> is_tuple(M) andalso tuple_size(M) > 0 andalso element(1, M) =:= '$do'.

%% Quiet twice in a row; in the time between, the kernel can report readiness.
quiet(Scene) ->
    quiet(Scene, quietness(Scene), 0).

quiet(Scene0, Before, Times) ->
    timer:sleep(Scene0#scene.cushion),
    Scene = news(Scene0, 0),
    case quietness(Scene) of
        Before when Before =/= busy, Times >= 1 -> Scene;
        Before when Before =/= busy -> quiet(Scene, Before, Times + 1);
        Now -> quiet(Scene, Now, 0)
    end.

quietness(#scene{pids = Pids, returned = Returned, ended = Ended}) ->
    Infos = [process_info(Pid, [status, message_queue_len, current_function])
             || Pid <- maps:values(Pids)],
    case [Info || Info = [{status, Status} | _] <- Infos, Status =/= waiting] of
        [] -> {Infos, length(Returned), length(Ended)};
        _ -> busy
    end.

wait_for(Name, Scene) ->
    wait_for(Name, Scene, erlang:monotonic_time(millisecond) + 10000).

wait_for(Name, Scene = #scene{busy = Busy}, Until) ->
    Left = Until - erlang:monotonic_time(millisecond),
    case is_map_key(Name, Busy) andalso Left > 0 of
        true -> wait_for(Name, news(Scene, min(Left, 50)), Until);
        false -> Scene
    end.

news(Scene = #scene{alive = Alive, busy = Busy, returned = Returned, ended = Ended}, Wait) ->
    receive
        {'$done', Name, Result} ->
            {{Op, Targets}, Rest} = maps:take(Name, Busy),
            Known = bind(Targets, Result,
                         Scene#scene{busy = Rest, returned = [{Name, Result} | Returned]}),
            news(born(Op, Targets, Result, Known), 0);
        {'DOWN', Ref, process, _, Reason} when is_map_key(Ref, Alive) ->
            {Name, Rest} = maps:take(Ref, Alive),
            news(Scene#scene{alive = Rest, busy = maps:remove(Name, Busy),
                             ended = [{Name, Reason} | Ended]}, 0)
    after Wait ->
        Scene
    end.

%% A process that an actor has spawned is an actor too.
born(Op, [Name | _], {value, Pid}, Scene) when Op =:= spawn; Op =:= spawn_link ->
    join(Name, Pid, Scene);
born(spawn_monitor, [Name | _], {value, {Pid, _}}, Scene) ->
    join(Name, Pid, Scene);
born(_, _, _, Scene) ->
    Scene.

bind(Targets, {value, Value}, Scene = #scene{values = Known}) ->
    Found = maps:from_list(zip(Targets, payload(Value, Targets))),
    Scene#scene{values = maps:merge(Known, Found)};
bind(_, _, Scene) ->
    Scene.

%% The values of a result that are bound to names.
payload(ok, _) -> [];
payload(nothing, _) -> [];
payload({error, _}, _) -> [];
payload({select, Info = {select_info, _, _}}, _) -> [Info];
payload({select, {Info = {select_info, _, _}, Data}}, _) -> [Info, Data];
payload({ok, Value}, Targets) -> payload(Value, Targets);
payload(Value, [_, _ | _]) when is_tuple(Value) -> tuple_to_list(Value);
payload(Value, _) -> [Value].

zip([Name | Names], [Value | Values]) -> [{Name, Value} | zip(Names, Values)];
zip(_, _) -> [].

%% --- arguments ---------------------------------------------------------------------------------

resolve({'$var', Name}, #scene{values = Values}) -> maps:get(Name, Values);
resolve({'$fill', N}, _) -> fill(N);
resolve({'$tmp', Name}, #scene{tmp = Tmp}) -> Tmp ++ "/" ++ Name;
resolve({'$name', Name}, #scene{tmp = Tmp}) -> list_to_atom(Tmp ++ "/" ++ Name);
resolve({'$path', Name}, #scene{tmp = Tmp}) ->
    #{family => local, path => Tmp ++ "/" ++ Name};
resolve({'$inet', Port}, Scene) ->
    #{family => inet, addr => loopback, port => resolve(Port, Scene)};
resolve({'$inet6', Port}, Scene) ->
    #{family => inet6, addr => loopback, port => resolve(Port, Scene)};
resolve(Tuple, Scene) when is_tuple(Tuple) ->
    list_to_tuple(resolve(tuple_to_list(Tuple), Scene));
resolve([Head | Tail], Scene) -> [resolve(Head, Scene) | resolve(Tail, Scene)];
resolve(Map, Scene) when is_map(Map) -> maps:map(fun(_, V) -> resolve(V, Scene) end, Map);
resolve(Plain, _) -> Plain.

fill(N) ->
    Alphabet = <<"abcdefghijklmnopqrstuvwxyz">>,
    binary:part(binary:copy(Alphabet, N div 26 + 1), 0, N).

%% --- the actors --------------------------------------------------------------------------------

actor(Director) ->
    receive
        {'$do', Director, _, exit, [Reason], _} ->
            exit(Reason);
        {'$do', Director, _, crash, _, _} ->
            error(crash);
        {'$do', Director, _, finish, _, _} ->
            done;
        {'$do', Director, Name, Op, Args, Options} ->
            Result = try {value, op(Op, Args, Options)}
                     catch Class:Reason -> {raised, {Class, Reason}}
                     end,
            Director ! {'$done', Name, Result},
            actor(Director)
    end.

timeout(#{timeout := Seconds}) when is_number(Seconds) -> round(Seconds * 1000);
timeout(_) -> infinity.

handle(#{ref := Ref}) -> Ref;
handle(_) -> nowait.

flags(#{flags := #{info := Info}}) -> Info;
flags(#{flags := Flags}) -> Flags;
flags(_) -> [].

%% Sockets.
op(open, [Domain, Type], Options) -> op(open, [Domain, Type, default], Options);
op(open, [Domain, Type, Protocol], Options) -> socket:open(Domain, Type, Protocol, Options);
op(open_fd, [Fd], Options) -> socket:open(Fd, Options);
op(bind, [S, Addr], _) -> socket:bind(S, Addr);
op(listen, [S], _) -> socket:listen(S);
op(listen, [S, Backlog], _) -> socket:listen(S, Backlog);
op(sockname, [S], _) -> socket:sockname(S);
op(peername, [S], _) -> socket:peername(S);
op(port, [S], _) -> {ok, #{port := Port}} = socket:sockname(S), Port;
op(accept, [S], Options) -> socket:accept(S, timeout(Options));
op(accept_nowait, [S], Options) -> socket:accept(S, handle(Options));
op(connect, [S, Addr], Options) -> socket:connect(S, Addr, timeout(Options));
op(connect_nowait, [S], _) -> socket:connect(S);
op(connect_nowait, [S, Addr], Options) -> socket:connect(S, Addr, handle(Options));
op(recv, [S], Options) -> op(recv, [S, 0], Options);
op(recv, [S, N], Options) -> socket:recv(S, N, flags(Options), timeout(Options));
op(recv_nowait, [S], Options) -> op(recv_nowait, [S, 0], Options);
op(recv_nowait, [S, N], Options) -> socket:recv(S, N, flags(Options), handle(Options));
op(recvfrom, [S], Options) -> op(recvfrom, [S, 0], Options);
op(recvfrom, [S, N], Options) -> socket:recvfrom(S, N, flags(Options), timeout(Options));
op(recvfrom_nowait, [S], Options) -> op(recvfrom_nowait, [S, 0], Options);
op(recvfrom_nowait, [S, N], Options) ->
    socket:recvfrom(S, N, flags(Options), handle(Options));
op(recvmsg, [S], Options) -> op(recvmsg, [S, 0, 0], Options);
op(recvmsg, [S, N, C], Options) -> socket:recvmsg(S, N, C, flags(Options), timeout(Options));
op(recvmsg_nowait, [S], Options) -> op(recvmsg_nowait, [S, 0, 0], Options);
op(recvmsg_nowait, [S, N, C], Options) ->
    socket:recvmsg(S, N, C, flags(Options), handle(Options));
op(send, [S, Data], Options) -> socket:send(S, Data, flags(Options), timeout(Options));
op(send_nowait, [S, Data], Options) -> socket:send(S, Data, flags(Options), handle(Options));
op(send_nowait, [S, Data, Info], Options) -> socket:send(S, Data, Info, handle(Options));
op(sendto, [S, Data, To], Options) ->
    socket:sendto(S, Data, To, flags(Options), timeout(Options));
op(sendto_nowait, [S, Data, To], Options) ->
    socket:sendto(S, Data, To, flags(Options), handle(Options));
op(sendmsg, [S, Msg], Options) -> socket:sendmsg(S, Msg, flags(Options), timeout(Options));
op(sendmsg_nowait, [S, Msg], Options) ->
    socket:sendmsg(S, Msg, flags(Options), handle(Options));
op(sendmsg_nowait, [S, Msg, Info], Options) ->
    socket:sendmsg(S, Msg, Info, handle(Options));
op(sendv, [S, Iov], Options) -> socket:sendv(S, Iov, timeout(Options));
op(sendv_nowait, [S, Iov], Options) -> socket:sendv(S, Iov, handle(Options));
op(sendfile, [S, Path, Offset, Count], Options) ->
    {ok, File} = file:open(Path, [read, raw, binary]),
    try socket:sendfile(S, File, Offset, Count, timeout(Options))
    after file:close(File)
    end;
op(cancel, [S, Info], _) -> socket:cancel(S, Info);
op(shutdown, [S, How], _) -> socket:shutdown(S, How);
op(close, [S], _) -> socket:close(S);
op(setopt, [S, Level, Opt, Value], _) when is_integer(Level); is_integer(Opt) ->
    socket:setopt_native(S, {Level, Opt}, Value);
op(setopt, [S, Level, Opt, Value], _) -> socket:setopt(S, {Level, Opt}, Value);
op(getopt, [S, Level, {Opt, Spec}], _) -> socket:getopt_native(S, {Level, Opt}, Spec);
op(getopt, [S, Level, Opt], _) -> socket:getopt(S, {Level, Opt});
op(info, [S], _) -> maps:remove(counters, socket:info(S));
op(counters, [S], _) ->
    #{counters := Counters} = socket:info(S),
    maps:filter(fun(_, N) -> N =/= 0 end, Counters);
op(number_of, [], _) -> socket:number_of();
op(which_sockets, [Filter], _) -> socket:which_sockets(Filter);
op(monitor_socket, [S], _) -> socket:monitor(S);
op(cancel_socket_monitor, [Ref], _) -> socket:cancel_monitor(Ref);
op(monitored_by, [S], _) -> socket:monitored_by(S);
op(number_of_monitors, [Pid], _) -> socket:number_of_monitors(Pid);
op(ioctl, [S, Request], _) -> socket:ioctl(S, Request);
op(ioctl, [S, Request, Arg], _) -> socket:ioctl(S, Request, Arg);
op(supports, Keys, _) -> apply(socket, supports, Keys);
op(is_supported, Keys, _) -> apply(socket, is_supported, Keys);

%% Several sockets in one step.
op(tcp_pair, [], _) -> {ok, pair(inet, fun(_, _) -> ok end)};
op(small_pair, [], _) ->
    {ok, pair(inet, fun(C, L) ->
                            ok = socket:setopt(C, {socket, sndbuf}, 4096),
                            ok = socket:setopt(L, {socket, rcvbuf}, 2048)
                    end)};
op(tcp6_pair, [], _) -> {ok, pair(inet6, fun(_, _) -> ok end)};
op(local_pair, [Path], _) ->
    {ok, L} = socket:open(local, stream),
    ok = socket:bind(L, Path),
    ok = socket:listen(L),
    {ok, C} = socket:open(local, stream),
    ok = socket:connect(C, Path),
    {ok, S} = socket:accept(L),
    ok = socket:close(L),
    {ok, {C, S}};
op(udp_pair, [], _) ->
    {ok, A} = socket:open(inet, dgram, udp),
    {ok, B} = socket:open(inet, dgram, udp),
    [ok = socket:bind(S, loopback) || S <- [A, B]],
    {ok, AName} = socket:sockname(A),
    {ok, BName} = socket:sockname(B),
    ok = socket:connect(A, BName),
    ok = socket:connect(B, AName),
    {ok, {A, B}};
op(listener, [], _) ->
    {ok, L} = socket:open(inet, stream, tcp),
    ok = socket:bind(L, loopback),
    ok = socket:listen(L),
    {ok, #{port := Port}} = socket:sockname(L),
    {ok, {L, Port}};
op(unused_port, [], _) ->
    {ok, L} = socket:open(inet, stream, tcp),
    ok = socket:bind(L, loopback),
    {ok, #{port := Port}} = socket:sockname(L),
    ok = socket:close(L),
    Port;
op(udp, [], _) ->
    {ok, S} = socket:open(inet, dgram, udp),
    ok = socket:bind(S, loopback),
    {ok, #{port := Port}} = socket:sockname(S),
    {ok, {S, Port}};
op(write_file, [Path, Data], _) -> ok = file:write_file(Path, Data), nothing;

%% Streams: what the calls of trio's streams are made of. An error is `gone`, whatever its reason.
op(send_all, [S, Data], _) ->
    %% A stream makes no call after its end, which would take a pending error away.
    case get({eof, S}) =/= sent andalso socket:send(S, Data) of
        ok -> nothing;
        _ -> {error, gone}
    end;
op(receive_some, [S], _) ->
    case socket:recv(S) of
        {ok, Data} -> Data;
        {error, closed} -> case is_closed(S) of true -> {error, gone}; false -> <<>> end;
        {error, _} -> {error, gone}
    end;
op(send_eof, [S], _) ->
    case socket:shutdown(S, write) of
        ok -> put({eof, S}, sent), nothing;
        {error, closed} -> {error, gone};
        {error, _} -> case get({eof, S}) of sent -> nothing; undefined -> {error, gone} end
    end;
op(aclose, [S], _) -> _ = socket:close(S), nothing;

%% Processes.
op(self, [], _) -> self();
op(spawn, [], _) -> spawn_actor(spawn);
op(spawn_link, [], _) -> spawn_actor(spawn_link);
op(spawn_monitor, [], _) -> spawn_actor(spawn_monitor);
op(send_message, [To, Message], _) -> To ! Message;
op(receive_message, [], Options) ->
    receive Message when element(1, Message) =/= '$do'; not is_tuple(Message) -> Message
    after timeout(Options) -> timeout
    end;
op(receive_by_ref, [{select_info, _, Ref}], Options) -> op(receive_by_ref, [Ref], Options);
op(receive_by_ref, [Ref], Options) ->
    receive
        {'DOWN', Ref, _, _, _} = Message -> Message;
        {timeout, Ref, _} = Message -> Message;
        {'$socket', _, select, Ref} = Message -> Message;
        {'$socket', _, abort, {Ref, _}} = Message -> Message
    after timeout(Options) -> timeout
    end;
op(receive_word, [Word], Options) ->
    receive Word -> Word
    after timeout(Options) -> timeout
    end;
op(link, [Pid], _) -> link(Pid);
op(unlink, [Pid], _) -> unlink(Pid);
op(monitor, [Dest], #{alias := Mode}) -> erlang:monitor(process, Dest, [{alias, Mode}]);
op(monitor, [Dest], _) -> erlang:monitor(process, Dest);
op(demonitor, [Ref], #{flush := true}) -> erlang:demonitor(Ref, [flush]);
op(demonitor, [Ref], _) -> erlang:demonitor(Ref);
op(trap_exit, [Flag], _) -> process_flag(trap_exit, Flag);
op(exit, [Pid, Reason], _) -> exit(Pid, Reason);
op(register, [Name, Pid], _) -> register(Name, Pid);
op(unregister, [Name], _) -> unregister(Name);
op(whereis, [Name], _) -> whereis(Name);
op(is_alive, [Pid], _) -> is_process_alive(Pid);
op(make_ref, [], _) -> make_ref();
op(alias, [], _) -> erlang:alias();
op(alias, [Mode], _) -> erlang:alias([Mode]);
op(unalias, [Ref], _) -> erlang:unalias(Ref);
op(process_info, [Pid, Item], _) ->
    case process_info(Pid, Item) of
        {monitored_by, Pids} -> Pids -- [get(director)];
        {monitors, Monitors} -> [M || {process, M} <- Monitors];
        {registered_name, Name} -> Name;
        [] -> undefined;
        {_, Value} -> Value;
        undefined -> undefined
    end;
op(send_after, [Seconds, To, Message], _) ->
    erlang:send_after(round(Seconds * 1000), To, Message);
op(start_timer, [Seconds, To, Message], _) ->
    erlang:start_timer(round(Seconds * 1000), To, Message);
op(cancel_timer, [Ref], _) -> left(erlang:cancel_timer(Ref));
op(read_timer, [Ref], _) -> left(erlang:read_timer(Ref));

%% Calls; an actor is the server, and answers the call that it has taken last.
op(call, [Server, Request], Options) ->
    try {ok, gen_server:call(Server, Request, timeout(Options))}
    catch exit:{Reason, {gen_server, call, _}} -> {error, gone(Reason)}
    end;
op(cast, [Server, Request], _) -> gen_server:cast(Server, Request), true;
op(send_request, [Server, Request], _) -> gen_server:send_request(Server, Request);
op(receive_response, [Id], Options) ->
    case gen_server:receive_response(Id, timeout(Options)) of
        {reply, Reply} -> {ok, Reply};
        {error, {Reason, _}} -> {error, gone(Reason)};
        timeout -> timeout
    end;
op(next_call, [], Options) ->
    receive {'$gen_call', From, Request} -> put(from, From), Request
    after timeout(Options) -> timeout
    end;
op(reply, [Answer], _) -> gen_server:reply(get(from), Answer), nothing;
op(sleep, [Seconds], _) -> timer:sleep(round(Seconds * 1000)), nothing;
op(Op, Args, Options) -> ports:op(Op, Args, Options).

gone({nodedown, _}) -> noconnection;
gone(Reason) -> Reason.

is_closed(S) ->
    #{rstates := States} = socket:info(S),
    lists:member(closed, States) orelse lists:member(closing, States).

left(Milliseconds) when is_integer(Milliseconds) -> some;
left(false) -> undefined.

pair(Domain, Prepare) ->
    {ok, L} = socket:open(Domain, stream, tcp),
    ok = socket:bind(L, loopback),
    {ok, Name} = socket:sockname(L),
    {ok, C} = socket:open(Domain, stream, tcp),
    Prepare(C, L),
    ok = socket:listen(L),
    ok = socket:connect(C, Name),
    {ok, S} = socket:accept(L),
    ok = socket:close(L),
    {C, S}.
