%% Runs every machine of a file with gen_statem, and prints the events that it handled.
%%
%% A machine is {Enters, Entries, Events}, an event {Id, Result}: Result is what the callback returns.
%% Entries are the results of the state enter calls.

-module(machines).
-behaviour(gen_statem).
-export([main/1, init/1, callback_mode/0, handle_event/4]).

main([File]) ->
    {ok, Machines} = file:consult(File),
    [io:format("~w~n", [handled(Machine)]) || Machine <- Machines],
    halt().

handled({Enters, Entries, Events}) ->
    {ok, Pid} = gen_statem:start(?MODULE, {Enters, Entries}, []),
    %% All events are in the mailbox before the first is handled.
    ok = sys:suspend(Pid),
    [gen_statem:cast(Pid, Event) || Event <- Events],
    ok = sys:resume(Pid),
    {_, Log} = sys:get_state(Pid),
    ok = gen_statem:stop(Pid),
    lists:reverse(Log).

init({Enters, Entries}) ->
    put(enters, Enters),
    put(entries, Entries),
    {ok, 0, []}.

callback_mode() ->
    case get(enters) of
        true -> [handle_event_function, state_enter];
        false -> handle_event_function
    end.

handle_event(enter, Former, State, Log) ->
    done(next_entry(get(entries)), [[State, enter, Former] | Log]);
handle_event(Type, {Id, Result}, State, Log) ->
    done(Result, [[State, kind(Type), Id] | Log]).

next_entry([]) ->
    {keep, []};
next_entry([Entry | Entries]) ->
    put(entries, Entries),
    Entry.

done({next, Next, Actions}, Log) -> {next_state, Next, Log, actions(Actions)};
done({keep, Actions}, Log) -> {keep_state, Log, actions(Actions)};
done({repeat, Actions}, Log) -> {repeat_state, Log, actions(Actions)}.

kind({timeout, Name}) -> Name;
kind(timeout) -> event;
kind(Type) -> Type.

actions(Actions) -> [action(Action) || Action <- Actions].

action(postpone) -> postpone;
action({next_event, Event}) -> {next_event, internal, Event};
action({state_timeout, Time, Event}) -> {state_timeout, Time, Event};
action({event, Time, Event}) -> {timeout, Time, Event};
action({Name, Time, Event}) -> {{timeout, Name}, Time, Event}.
