%% The special process of channels.py in Erlang, and a program that uses both in one way.

-module(channels).
-export([main/1, init/1, write_debug/3]).
-export([system_continue/3, system_terminate/4, system_get_state/1, system_replace_state/2]).

main([_]) ->
    process_flag(trap_exit, true),
    {ok, Pid} = proc_lib:start_link(?MODULE, init, [self()]),
    sys:log(Pid, true),
    Main = self(),
    Watch = fun(Id, Last) ->
        {Id, fun(N, Event, Name) -> Main ! {seen, Id, N, without_pid(Event), Name},
                                    case N of Last -> done; _ -> N + 1 end end, 0}
    end,
    [ok = sys:install(Pid, Each) || Each <- [Watch(two, 1), Watch(four, 3), Watch(four, 0),
                                             {fails, fun(_, _, _) -> exit(why) end, 0}]],
    First = [alloc(), alloc(), sys:get_state(Pid)],
    free(1),
    Second = [sys:get_state(Pid), sys:replace_state(Pid, fun(Free) -> Free ++ [9] end), alloc()],
    Seen = seen(),
    [ok = sys:install(Pid, Watch(Id, -1)) || Id <- [one, other]],
    [ok = sys:remove(Pid, Id) || Id <- [one, nobody]],
    sys:suspend(Pid),
    free(7),
    Suspended = [sys:get_state(Pid), status(Pid)],
    sys:resume(Pid),
    Resumed = [sys:get_state(Pid), status(Pid)],
    ok = sys:remove(Pid, other),
    free(8),
    Later = seen(),
    {ok, Log} = sys:log(Pid, get),
    ok = sys:no_debug(Pid),
    {ok, []} = sys:log(Pid, get),
    Events = [without_pid(Event) || Event <- Log],
    ok = proc_lib:stop(Pid, shutdown, infinity),
    Told = receive {terminates, Reason, Free} -> [Reason, Free] end,
    Exit = receive {'EXIT', Pid, Why} -> Why end,
    io:format("~w~n", [[First, Second, Suspended, Resumed, Seen, Later, Events, Told, Exit]]),
    halt().

status(Pid) ->
    {status, Pid, _, [_, Status, _, _, _]} = sys:get_status(Pid),
    Status.

without_pid({in, alloc, _}) -> {in, alloc};
without_pid({out, What, _}) -> {out, What};
without_pid(Event) -> Event.

seen() -> receive {seen, Id, N, Event, Name} -> [[Id, N, Event, Name] | seen()] after 0 -> [] end.

alloc() ->
    channels ! {self(), alloc},
    receive {channels, Channel} -> Channel end.

free(Channel) -> channels ! {free, Channel}.

init(Parent) ->
    register(channels, self()),
    Debug = sys:debug_options([]),
    proc_lib:init_ack(Parent, {ok, self()}),
    loop([1, 2, 3], Parent, Debug).

loop(Channels, Parent, Debug) ->
    receive
        {Client, alloc} ->
            Debug2 = sys:handle_debug(Debug, fun ?MODULE:write_debug/3, channels, {in, alloc, Client}),
            [Channel | Rest] = Channels,
            Answer = Client ! {channels, Channel},
            Debug3 = sys:handle_debug(Debug2, fun ?MODULE:write_debug/3, channels, {out, Answer, Client}),
            loop(Rest, Parent, Debug3);
        {free, Channel} = Message ->
            Debug2 = sys:handle_debug(Debug, fun ?MODULE:write_debug/3, channels, {in, Message}),
            loop([Channel | Channels], Parent, Debug2);
        {system, From, Request} ->
            sys:handle_system_msg(Request, From, Parent, ?MODULE, Debug, Channels)
    end.

system_continue(Parent, Debug, Channels) -> loop(Channels, Parent, Debug).

system_terminate(Reason, Parent, _, Channels) ->
    Parent ! {terminates, Reason, Channels},
    exit(Reason).

system_get_state(Channels) -> {ok, Channels}.

system_replace_state(Fun, Channels) ->
    New = Fun(Channels),
    {ok, New, New}.

write_debug(Device, Event, Name) -> io:format(Device, "~p event = ~p~n", [Name, Event]).
