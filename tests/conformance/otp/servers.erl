%% Runs every server of a file with gen_server, and prints its callbacks and answers.
%%
%% A server is {Traps, Init, Terminate, Requests}, a request {Kind, Id, Result}: Result says what the
%% callback does. All requests are in the mailbox before the first is handled.

-module(servers).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2, handle_info/2, handle_continue/2]).
-export([terminate/2]).

main([File]) ->
    logger:set_primary_config(level, none),
    {ok, Servers} = file:consult(File),
    [io:format("~w~n", [server(Server)]) || Server <- Servers],
    halt().

server({Traps, Init, Terminate, Requests}) ->
    case gen_server:start(?MODULE, {self(), Traps, Init, Terminate}, []) of
        {ok, Pid} ->
            Ref = monitor(process, Pid),
            catch sys:suspend(Pid),
            Ids = lists:append([sent(Pid, Request) || Request <- Requests]),
            catch sys:resume(Pid),
            catch sys:get_state(Pid),
            Alive = is_process_alive(Pid),
            exit(Pid, kill),
            Reason = receive {'DOWN', Ref, _, _, R} -> R end,
            Answers = [{Id, answer(gen_server:receive_response(ReqId, infinity))} || {Id, ReqId} <- Ids],
            [take_log(), Answers, case Alive of true -> alive; false -> Reason end];
        Other ->
            [take_log(), Other]
    end.

sent(Pid, {call, Id, Result}) -> [{Id, gen_server:send_request(Pid, {Id, Result})}];
sent(Pid, {cast, Id, Result}) -> gen_server:cast(Pid, {Id, Result}), [];
sent(Pid, {info, Id, Result}) -> Pid ! {Id, Result}, [];
sent(Pid, {exit, _, Reason}) -> exit(Pid, Reason), [].

answer({reply, Value}) -> Value;
answer({error, {Reason, _}}) -> {ended, Reason}.

take_log() -> receive {log, What} -> [What | take_log()] after 0 -> [] end.

init({Log, Traps, Init, Terminate}) ->
    process_flag(trap_exit, Traps),
    put(log, Log),
    put(terminate, Terminate),
    case Init of
        {stop, Reason} -> {stop, Reason};
        ignore -> ignore;
        {exit, Reason} -> exit(Reason);
        {continue, C} -> {ok, state, {continue, C}};
        go_on -> {ok, state}
    end.

log(What) -> get(log) ! {log, What}.

handle_call({Id, Result}, From, State) ->
    log([call, Id]),
    case Result of
        {reply, Then} -> add_reply(Id, done(Then, State));
        {replied, Then} -> gen_server:reply(From, {early, Id}), done(Then, State);
        Then -> done(Then, State)
    end.

add_reply(Id, {noreply, State}) -> {reply, Id, State};
add_reply(Id, {noreply, State, More}) -> {reply, Id, State, More};
add_reply(Id, {stop, Reason, State}) -> {stop, Reason, Id, State}.

handle_cast({Id, Result}, State) -> log([cast, Id]), done(Result, State).

handle_info({'EXIT', _, Reason}, State) -> log([exit, Reason]), {noreply, State};
handle_info(timeout, State) -> log([timeout]), {noreply, State};
handle_info({Id, Result}, State) -> log([info, Id]), done(Result, State).

handle_continue({Id, Result}, State) -> log([continue, Id]), done(Result, State).

terminate(Reason, _) ->
    log([terminate, Reason]),
    case get(terminate) of
        {exit, Other} -> exit(Other);
        go_on -> ok
    end.

done(go_on, State) -> {noreply, State};
done(timeout, State) -> {noreply, State, 0};
done({continue, C}, State) -> {noreply, State, {continue, C}};
done({stop, Reason}, State) -> {stop, Reason, State};
done({exit, Reason}, _) -> exit(Reason).
