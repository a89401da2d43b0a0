%% Runs every program of a file with a collection of requests, and prints what each step gives.

-module(request_ids).
-behaviour(gen_server).
-export([main/1, init/1, handle_call/3, handle_cast/2]).

main([File]) ->
    {ok, Programs} = file:consult(File),
    [io:format("~w~n", [program(Program)]) || Program <- Programs],
    halt().

%% In a process of its own, since the requests that are left are answered in the end.
program(Steps) ->
    Main = self(),
    spawn(fun() ->
        First = {server(), gen_server:reqids_new()},
        {Results, {Server, _}} = lists:mapfoldl(fun step/2, First, Steps),
        gen_server:stop(Server),
        Main ! {results, Results}
    end),
    receive {results, Results} -> Results end.

server() -> {ok, Server} = gen_server:start(?MODULE, none, []), Server.

step({send, Label, noproc}, {Server, Ids}) ->
    size(sent, Server, gen_server:send_request(nobody, x, Label, Ids));
step({send, Label, Request}, {Server, Ids}) ->
    Sent = gen_server:send_request(Server, Request, Label, Ids),
    sys:get_state(Server),
    size(sent, Server, Sent);
step({add, Label}, {Server, Ids}) ->
    Id = gen_server:send_request(Server, Label),
    sys:get_state(Server),
    Added = gen_server:reqids_add(Id, Label, Ids),
    Twice = try gen_server:reqids_add(Id, other, Added) catch error:badarg -> badarg end,
    size(Twice, Server, Added);
step(ends, {Server, Ids}) ->
    gen_server:stop(Server),
    size(ended, server(), Ids);
step(labels, {Server, Ids}) ->
    size(lists:sort([Label || {_, Label} <- gen_server:reqids_to_list(Ids)]), Server, Ids);
step({wait, Delete}, {Server, Ids}) ->
    result(gen_server:wait_response(Ids, 0, Delete), Server, Ids);
step({'receive', Delete}, {Server, Ids}) ->
    case gen_server:receive_response(Ids, 0, Delete) of
        timeout -> size(timeout, Server, gen_server:reqids_new()); % ours is empty then
        Result -> result(Result, Server, Ids)
    end;
step({check, Delete}, {Server, Ids}) ->
    receive Message -> result(gen_server:check_response(Message, Ids, Delete), Server, Ids)
    after 0 -> size(no_message, Server, Ids)
    end.

result({{reply, Value}, Label, Ids}, Server, _) -> size({reply, Value, Label}, Server, Ids);
result({{error, {Reason, _}}, Label, Ids}, Server, _) -> size({error, Reason, Label}, Server, Ids);
result(Other, Server, Ids) -> size(Other, Server, Ids).

size(Result, Server, Ids) -> {[Result, gen_server:reqids_size(Ids)], {Server, Ids}}.

init(none) -> {ok, none}.
handle_call(never, _, State) -> {noreply, State};
handle_call(Request, _, State) -> {reply, Request, State}.
handle_cast(_, State) -> {noreply, State}.
