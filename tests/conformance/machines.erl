%% Runs every machine of a file in gen_statem, and prints for each which events it handled.
%%
%% A machine is {Enters, Events}, an event {Id, Result}: what the callback returns for it.

-module(machines).
-behaviour(gen_statem).
-export([main/1, init/1, callback_mode/0, handle_event/4]).

main([File]) ->
    {ok, Machines} = file:consult(File),
    [io:format("~w~n", [handled(Enters, Events)]) || {Enters, Events} <- Machines],
    halt().

handled(Enters, Events) ->
    {ok, Pid} = gen_statem:start(?MODULE, Enters, []),
    %% All of them wait before the first is handled.
    ok = sys:suspend(Pid),
    [gen_statem:cast(Pid, Event) || Event <- Events],
    ok = sys:resume(Pid),
    {_, Log} = sys:get_state(Pid),
    ok = gen_statem:stop(Pid),
    lists:reverse(Log).

init(Enters) ->
    put(enters, Enters),
    {ok, 0, []}.

callback_mode() ->
    case get(enters) of
        true -> [handle_event_function, state_enter];
        false -> handle_event_function
    end.

handle_event(enter, Former, State, Log) ->
    {keep_state, [[State, enter, Former] | Log]};
handle_event(Type, {Id, Result}, State, Log) ->
    Handled = [[State, kind(Type), Id] | Log],
    case Result of
        {next, Next, Actions} -> {next_state, Next, Handled, actions(Actions)};
        {keep, Actions} -> {keep_state, Handled, actions(Actions)};
        {repeat, Actions} -> {repeat_state, Handled, actions(Actions)}
    end.

kind({timeout, Name}) -> Name;
kind(timeout) -> event;
kind(Type) -> Type.

actions(Actions) -> [action(Action) || Action <- Actions].

action(postpone) -> postpone;
action({next_event, Event}) -> {next_event, internal, Event};
action({state_timeout, Time, Event}) -> {state_timeout, Time, Event};
action({event, Time, Event}) -> {timeout, Time, Event};
action({Name, Time, Event}) -> {{timeout, Name}, Time, Event}.
