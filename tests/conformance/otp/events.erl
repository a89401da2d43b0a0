%% Runs every program of a file with a gen_event, and prints what its handlers were called with, the
%% results of the requests, and the messages to the processes that supervise handlers.
%%
%% A program is a list of steps. Handlers are {?MODULE, Id}. A Plan is {Tag, Init, Terminate}: Tag is
%% the handler's state, and the others say what these callbacks do.

-module(events).
-behaviour(gen_event).
-export([main/1, init/1, handle_event/2, handle_call/2, handle_info/2, terminate/2]).

main([File]) ->
    logger:set_primary_config(level, none),
    {ok, Programs} = file:consult(File),
    [io:format("~w~n", [program(Program)]) || Program <- Programs],
    halt().

program(Steps) ->
    {ok, Manager} = gen_event:start(),
    Main = self(),
    put(main, Main),
    Other = spawn(fun() -> put(main, Main), other(Manager) end),
    Results = [step(Manager, Other, Step) || Step <- Steps],
    exit(Other, kill),
    Results.

step(Manager, Other, {by_other, Step}) ->
    Other ! {self(), Step},
    receive {Other, Result} -> [Result, log(Manager), messages(Other)] end;
step(Manager, Other, {other_ends, Reason}) ->
    Ref = monitor(process, Other),
    exit(Other, Reason),
    receive {'DOWN', Ref, _, _, _} -> ok end,
    [ended, log(Manager), messages(Other)];
step(Manager, Other, Step) ->
    Result = done(Manager, Step),
    [Result, log(Manager), messages(Other)].

other(Manager) ->
    receive
        {From, Step} when is_pid(From) ->
            From ! {self(), done(Manager, Step)},
            other(Manager);
        {gen_event_EXIT, _, _} = Message ->
            get(main) ! {other, Message},
            other(Manager)
    end.

done(M, {add, Id, Plan}) -> result(gen_event:add_handler(M, {?MODULE, Id}, args(Plan)));
done(M, {add_sup, Id, Plan}) -> result(gen_event:add_sup_handler(M, {?MODULE, Id}, args(Plan)));
done(M, {delete, Id, Args}) -> deleted(gen_event:delete_handler(M, {?MODULE, Id}, Args));
done(M, {swap, Id, Args, New, Plan}) ->
    result(gen_event:swap_handler(M, {{?MODULE, Id}, Args}, {{?MODULE, New}, args(Plan)}));
done(M, {swap_sup, Id, Args, New, Plan}) ->
    result(gen_event:swap_sup_handler(M, {{?MODULE, Id}, Args}, {{?MODULE, New}, args(Plan)}));
done(M, {notify, Plans}) -> gen_event:notify(M, Plans);
done(M, {sync_notify, Plans}) -> gen_event:sync_notify(M, Plans);
done(M, {info, Plans}) -> M ! {plans, Plans}, ok;
done(M, {call, Id, Plan}) -> result(gen_event:call(M, {?MODULE, Id}, Plan));
done(M, stop) -> gen_event:stop(M);
done(_, nothing) -> ok.

args(Plan) -> {get(main), Plan}.

result(ok) -> ok;
result({'EXIT', Reason}) -> {error, Reason};
result({error, {'EXIT', Reason}}) -> {error, Reason};
result({error, {error, Reason}}) -> {error, Reason}; % of a swap: ours is flat
result(Result) -> Result.

deleted({error, module_not_found}) -> {error, module_not_found};
deleted({'EXIT', Reason}) -> {error, Reason};
deleted(Value) -> {ok, Value}.

%% What the handlers have noted. The answer to a request comes after all of it.
log(Manager) ->
    Handlers = try gen_event:which_handlers(Manager) catch exit:_ -> [] end,
    [noted(), [Id || {?MODULE, Id} <- Handlers]].

noted() -> receive {noted, What} -> [What | noted()] after 0 -> [] end.

%% The manager has sent them before it has answered `log`; the other process passes its own on.
messages(Other) ->
    case is_process_alive(Other) of
        true ->
            Other ! {self(), nothing},
            receive {Other, ok} -> ok end;
        false -> ok
    end,
    [own_messages(Other), others_messages(Other)].

own_messages(Other) ->
    receive {gen_event_EXIT, {_, Id}, Reason} -> [[Id, reason(Reason, Other)] | own_messages(Other)]
    after 0 -> [] end.

others_messages(Other) ->
    receive
        {other, {gen_event_EXIT, {_, Id}, Reason}} ->
            [[Id, reason(Reason, Other)] | others_messages(Other)]
    after 0 -> [] end.

reason({'EXIT', Reason}, _) -> Reason;
reason({swapped, {_, Id}, Pid}, Other) when Pid =:= Other -> {swapped, Id, other};
reason({swapped, {_, Id}, _}, _) -> {swapped, Id, me};
reason(Reason, _) -> Reason.

%% Callbacks. The state is {Main, Tag, Terminate}.

init({{Main, Plan}, Term}) when is_pid(Main) -> begun(Main, Plan, [result(Term)]);
init({Main, Plan}) -> begun(Main, Plan, []).

begun(Main, {Tag, Init, Terminate}, More) ->
    Main ! {noted, [init, Tag | More]},
    case Init of
        ok -> {ok, {Main, Tag, Terminate}};
        {error, Reason} -> {error, Reason};
        {exit, Reason} -> exit(Reason)
    end.

handle_event(Plans, State) -> planned(event, Plans, State).

handle_info({plans, Plans}, State) -> planned(info, Plans, State);
handle_info({'EXIT', _, Reason}, {Main, Tag, _} = State) ->
    Main ! {noted, ['EXIT', Tag, Reason]},
    {ok, State}.

planned(What, Plans, {Main, Tag, _} = State) ->
    Main ! {noted, [What, Tag]},
    case proplists:get_value(Tag, Plans, ok) of
        ok -> {ok, State};
        remove -> remove_handler;
        wrong -> wrong;
        {exit, Reason} -> exit(Reason);
        {swap, Args, New, Plan} -> {swap_handler, Args, State, {?MODULE, New}, {Main, Plan}}
    end.

handle_call(Plan, {Main, Tag, _} = State) ->
    Main ! {noted, [call, Tag]},
    case Plan of
        {reply, Value} -> {ok, Value, State};
        {remove, Value} -> {remove_handler, Value};
        wrong -> wrong;
        {exit, Reason} -> exit(Reason);
        {swap, Value, Args, New, P} ->
            {swap_handler, Value, Args, State, {?MODULE, New}, {Main, P}}
    end.

terminate(Args, {Main, Tag, Terminate}) ->
    Main ! {noted, [terminate, Tag, case Args of {error, {'EXIT', R}} -> {error, R}; _ -> Args end]},
    case Terminate of
        {left, Value} -> {left, Value};
        {exit, Reason} -> exit(Reason)
    end.
