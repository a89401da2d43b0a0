%% The other node: a supervisor whose child is a Python process. worker.py says how to start that one.
%%
%%     erlc shop.erl
%%     erl -noshell -kernel logger_level none -name shop@127.0.0.1 -setcookie $ACTORSOCK_COOKIE -run shop main -s init stop

-module(shop).
-behaviour(supervisor).
-export([main/0, start_worker/1, init/1]).

-define(WORKER, 'worker@127.0.0.1').

main() ->
    pong = net_adm:ping(?WORKER),
    {ok, Supervisor} = supervisor:start_link(?MODULE, ?WORKER),
    io:format("an apple is ~p~n", [price(Supervisor, <<"apple">>)]),
    ok = gen_server:call(worker(Supervisor), {set, <<"apple">>, 60}),
    io:format("now it is ~p~n", [price(Supervisor, <<"apple">>)]),

    %% The Python process crashes; the supervisor of this node starts another one.
    Old = worker(Supervisor),
    {'EXIT', {{{'KeyError', Text}, _}, _}} = (catch price(Supervisor, <<"stone">>)),
    io:format("the worker has crashed: KeyError(~s)~n", [Text]),
    wait_until(fun() -> is_pid(worker(Supervisor)) andalso worker(Supervisor) =/= Old end),
    io:format("the new one says ~p~n", [price(Supervisor, <<"apple">>)]),

    io:format("both are ~p~n", [rpc:call(?WORKER, worker, total, [[{<<"apple">>, 50}, {<<"pear">>, 70}]])]).

init(Node) ->
    {ok, {#{strategy => one_for_one, intensity => 3, period => 5},
          [#{id => worker, start => {?MODULE, start_worker, [Node]}}]}}.

%% Called in the supervisor: it starts the process on the other node, and links itself.
start_worker(Node) ->
    case erpc:call(Node, worker, start, []) of
        {ok, Pid} -> link(Pid), {ok, Pid};
        Error -> Error
    end.

worker(Supervisor) ->
    [{worker, Pid, _, _}] = supervisor:which_children(Supervisor),
    Pid.

price(Supervisor, Article) ->
    gen_server:call(worker(Supervisor), {price, Article}).

wait_until(Condition) ->
    case Condition() of
        true -> ok;
        false -> timer:sleep(10), wait_until(Condition)
    end.
