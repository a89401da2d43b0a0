%% A node for the soak test of distribution: an echo server that is started again, and callers.
-module(soak).
-export([serve/0, caller/2]).
-export([init/1, handle_call/3, handle_cast/2]).

serve() ->
    spawn(fun() -> process_flag(trap_exit, true), keep() end),
    io:format("ready~n").

keep() ->
    {ok, Pid} = gen_server:start_link({local, soak}, ?MODULE, [], []),
    receive {'EXIT', Pid, _} -> keep() end.

init(_) -> {ok, none}.
handle_call(Request, _, State) -> {reply, {echo, Request}, State}.
handle_cast(die, _) -> exit(killed).

%% Call the server of another node for ever, and tell how each call ends.
caller(Node, Told) ->
    Size = lists:nth(rand:uniform(4), [1, 100, 10000, 300000]),
    Request = {rand:uniform(1 bsl 40), rand:bytes(Size)},
    try gen_server:call({soak, Node}, Request, 60000) of
        {echo, Request} -> Told ! answered;
        _ -> Told ! {wrong, Size}
    catch
        exit:Reason -> Told ! {failed, reason(Reason)}, timer:sleep(10)
    end,
    caller(Node, Told).

reason({{nodedown, _}, _}) -> noconnection;
reason({Reason, {gen_server, call, _}}) -> Reason;
reason(Reason) -> Reason.
