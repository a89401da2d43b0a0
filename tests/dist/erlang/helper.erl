-module(helper).
-compile([export_all, nowarn_export_all]).

%% Evaluate Erlang text with bindings; dist.erpc.call(Node, "helper", "eval", [Text, #{}]).
eval(Text, Bindings) ->
    {ok, Tokens, _} = erl_scan:string(binary_to_list(Text) ++ "."),
    {ok, Parsed} = erl_parse:parse_exprs(Tokens),
    Bound = [{binary_to_atom(Name), Value} || {Name, Value} <- maps:to_list(Bindings)],
    {value, Value, _} = erl_eval:exprs(Parsed, Bound),
    Value.

%% A process that does what it is told, and tells everything that it gets.
puppet(Owner) ->
    receive
        {do, Text, Bindings} ->
            Owner ! {done, self(), eval(Text, Bindings)}, puppet(Owner);
        {exit, Reason} -> exit(Reason);
        Other -> Owner ! {got, self(), Other}, puppet(Owner)
    end.

%% A server that answers with what it is asked, and crashes when told.
init(_) -> {ok, 0}.
handle_call(crash, _, _) -> exit(crashed);
handle_call(later, From, State) ->
    spawn(fun() -> gen_server:reply(From, later) end), {noreply, State};
handle_call(state, _, State) -> {reply, State, State};
handle_call(Request, _, State) -> {reply, {echo, Request}, State}.
handle_cast(New, _) -> {noreply, New}.
handle_info(_, State) -> {noreply, State}.
start(Name) -> gen_server:start({local, Name}, helper, [], []).

echo() -> receive {From, Message} -> From ! Message, echo() end.

sink() -> receive _ -> sink() end.

%% Answer to N messages of one process with their count.
count(0, From) -> From ! counted;
count(N, From) -> receive {m, _} -> count(N - 1, From) end.

%% An echo server that is started again whenever it ends.
soak(Name) -> spawn(fun() -> process_flag(trap_exit, true), keep(Name) end), ok.
keep(Name) ->
    Pid = spawn_link(fun() -> register(Name, self()), serve() end),
    receive {'EXIT', Pid, _} -> keep(Name) end.
serve() ->
    receive
        {'$gen_call', From, Request} -> gen_server:reply(From, {echo, Request}), serve();
        die -> exit(killed)
    end.
