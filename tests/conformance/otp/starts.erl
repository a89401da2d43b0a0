%% Starts a process in every way that a file names, and prints the result and the messages that the
%% starter gets; and starts servers that are named in a registry, and prints what that was asked.
%%
%% The registry is this module: a table of names, in the process dictionary of the program.

-module(starts).
-behaviour(gen_server).
-export([main/1, begun/1, init/1, handle_call/3, handle_cast/2]).
-export([register_name/2, unregister_name/1, whereis_name/1, send/2]).

main([File]) ->
    logger:set_primary_config(level, none),
    {ok, Programs} = file:consult(File),
    register(main, self()),
    ets:new(names, [named_table, public]),
    process_flag(trap_exit, true),
    [io:format("~w~n", [program(Program)]) || Program <- Programs],
    halt().

%% proc_lib

program({proc_lib, How, Acts}) ->
    {Result, Ref} =
        case How of
            start -> {proc_lib:start(?MODULE, begun, [Acts], 1000), none};
            start_link -> {proc_lib:start_link(?MODULE, begun, [Acts], 1000), none};
            start_monitor -> proc_lib:start_monitor(?MODULE, begun, [Acts], 1000)
        end,
    [Result, [told(Message, Ref) || Message <- messages()]];

%% Registries

program({via, Steps}) ->
    ets:delete_all_objects(names),
    Results = [step(Step) || Step <- Steps],
    [exit(Pid, kill) || {_, Pid} <- ets:tab2list(names), Pid =/= refuse],
    Results.

told({'EXIT', _, Reason}, _) -> {exit, Reason};
told({'DOWN', Ref, _, _, Reason}, Ref) -> {down, Reason}.

messages() -> receive Message -> [Message | messages()] after 100 -> [] end.

begun([]) -> ok;
begun([{ack, Value} | Acts]) -> proc_lib:init_ack(Value), begun(Acts);
begun([{exit, Reason} | _]) -> exit(Reason);
begun([wait | _]) -> receive never -> ok end.

name(Name) -> {via, ?MODULE, Name}.

step({start, Name, Init}) -> done(fun() -> started(gen_server:start(name(Name), ?MODULE, Init, [])) end);
step({call, Name}) -> done(fun() -> gen_server:call(name(Name), x) end);
step({cast, Name}) -> done(fun() -> gen_server:cast(name(Name), x) end);
step({request, Name}) ->
    done(fun() -> response(gen_server:receive_response(gen_server:send_request(name(Name), x), infinity)) end);
step({stop, Name}) -> done(fun() -> gen_server:stop(name(Name)) end);
step({refuse, Name}) -> ets:insert(names, {Name, refuse}), [ok, []].

done(Fun) ->
    Result = try Fun() catch exit:{Reason, _} -> {failed, Reason}; exit:Reason -> {failed, Reason} end,
    [Result, asked()].

started({ok, _}) -> ok;
started({error, {already_started, undefined}}) -> {error, refused};
started({error, {already_started, _}}) -> {error, already_started};
started(Error) -> Error.

response({error, {Reason, _}}) -> {error, Reason};
response(Response) -> Response.

asked() -> receive {asked, What} -> [What | asked()] after 0 -> [] end.

register_name(Name, Pid) ->
    main ! {asked, {register, Name}},
    case ets:lookup(names, Name) of
        [] -> ets:insert(names, {Name, Pid}), yes;
        _ -> no
    end.

unregister_name(Name) -> main ! {asked, {unregister, Name}}, ets:delete(names, Name).

whereis_name(Name) ->
    case ets:lookup(names, Name) of
        [{_, Pid}] when is_pid(Pid) ->
            case is_process_alive(Pid) of true -> Pid; false -> ets:delete(names, Name), undefined end;
        _ -> undefined
    end.

send(Name, Message) ->
    main ! {asked, {send, Name}},
    case whereis_name(Name) of
        undefined -> exit({badarg, {Name, Message}});
        Pid -> Pid ! Message
    end.

init(ok) -> {ok, none};
init({stop, Reason}) -> {stop, Reason};
init(ignore) -> ignore;
init({exit, Reason}) -> exit(Reason).

handle_call(_, _, State) -> {reply, answer, State}.
handle_cast(_, State) -> {noreply, State}.
