%% Runs every story of a file with supervisor, and prints the results and the log of each step.
%%
%% A story is {{Strategy, Intensity, AutoShutdown}, Children, Steps}, a child
%% {Id, Restart, Significant, Fails}: its start fails the times whose numbers are in Fails.

-module(supervisors).
-behaviour(supervisor).
-export([main/1, init/1, start_child/2]).

main([File]) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    ets:new(log, [named_table, public, ordered_set]),
    ets:new(starts, [named_table, public]),
    {ok, Stories} = file:consult(File),
    [io:format("~w~n", [story(Story)]) || Story <- Stories],
    halt().

story({Flags, Children, Steps}) ->
    ets:delete_all_objects(starts),
    case supervisor:start_link(?MODULE, {Flags, Children}) of
        {ok, Sup} ->
            [[ok, take_log()] | steps(Sup, Steps)];
        {error, _} ->
            receive {'EXIT', _, _} -> ok after 0 -> ok end,
            [[failed, take_log()]]
    end.

steps(Sup, [Step | Steps]) ->
    Answer = try step(Sup, Step) catch exit:_ -> ended end,
    case settled(Sup) of
        {ended, Reason} -> [[Answer, take_log(), ended, Reason]];
        Children -> [[Answer, take_log(), Children] | steps(Sup, Steps)]
    end;
steps(Sup, []) ->
    gen_server:stop(Sup),
    receive {'EXIT', Sup, _} -> ok end,
    [take_log()].

%% Waits until no child is being restarted.
settled(Sup) ->
    try [{Id, state(Pid)} || {Id, Pid, _, _} <- supervisor:which_children(Sup)] of
        Children ->
            case lists:keymember(restarting, 2, Children) of
                true -> settled(Sup);
                false -> lists:sort(Children)
            end
    catch
        exit:_ -> receive {'EXIT', Sup, Reason} -> {ended, Reason} end
    end.

state(Pid) when is_pid(Pid) -> running;
state(State) -> State.

take_log() ->
    Log = [What || {_, What} <- ets:tab2list(log)],
    ets:delete_all_objects(log),
    Log.

log(What) -> ets:insert(log, {erlang:unique_integer([monotonic]), What}).

step(Sup, {exit, Id, Reason}) ->
    case lists:keyfind(Id, 1, supervisor:which_children(Sup)) of
        {Id, Pid, _, _} when is_pid(Pid) ->
            Ref = monitor(process, Pid),
            exit(Pid, {please, Reason}),
            receive {'DOWN', Ref, _, _, _} -> ok end;
        _ ->
            nobody
    end;
step(Sup, {terminate, Id}) -> answer(supervisor:terminate_child(Sup, Id));
step(Sup, {restart, Id}) -> answer(supervisor:restart_child(Sup, Id));
step(Sup, {delete, Id}) -> answer(supervisor:delete_child(Sup, Id));
step(Sup, {start, Child}) -> answer(supervisor:start_child(Sup, spec(Child))).

answer(ok) -> ok;
answer({ok, Pid}) -> state(Pid);
answer({error, {already_started, _}}) -> already_started;
answer({error, Reason}) when is_atom(Reason) -> Reason;
answer({error, _}) -> failed.

init({{Strategy, Intensity, Auto}, Children}) ->
    {ok, {#{strategy => Strategy, intensity => Intensity, period => 1000, auto_shutdown => Auto},
          [spec(Child) || Child <- Children]}}.

spec({Id, Restart, Significant, Fails}) ->
    #{id => Id, start => {?MODULE, start_child, [Id, Fails]}, restart => Restart,
      significant => Significant}.

start_child(Id, Fails) ->
    Number = ets:update_counter(starts, Id, 1, {Id, 0}),
    case lists:member(Number, Fails) of
        true ->
            log([Id, fails]),
            {error, failed};
        false ->
            log([Id, starts]),
            Self = self(),
            Pid = spawn_link(fun() -> child(Id, Self) end),
            receive {ready, Pid} -> {ok, Pid} end
    end.

child(Id, Supervisor) ->
    process_flag(trap_exit, true),
    Supervisor ! {ready, self()},
    receive
        {'EXIT', _, {please, Reason}} -> exit(Reason);
        {'EXIT', _, Reason} -> log([Id, stops]), exit(Reason)
    end.
