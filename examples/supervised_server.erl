%% The same program as supervised_server.py.
%%
%% erlc supervised_server.erl && erl -noshell -run supervised_server main -s init stop
%%
%% erl -noshell -run supervised_server serve   says which port it listens on, and serves

-module(supervised_server).
-behaviour(gen_server).
-export([main/0, serve/0, start_counter/0, start_supervisor/2, start_connection/1, start_acceptor/1]).
-export([init/1, handle_call/3, handle_cast/2]).

%% gen_server and supervisor: in Erlang two modules, here two clauses

init(counter) ->
    {ok, 0};
init({server, LSock, Acceptors}) ->
    Pool = [#{id => Number, start => {?MODULE, start_acceptor, [LSock]}}
            || Number <- lists:seq(0, Acceptors - 1)],
    {ok, {#{strategy => one_for_one, intensity => 3, period => 5},
          [#{id => counter, start => {?MODULE, start_counter, []}},
           #{id => connections, type => supervisor,
             start => {?MODULE, start_supervisor, [{local, connections}, connections]}},
           #{id => acceptors, type => supervisor,
             start => {?MODULE, start_supervisor, [{local, acceptors}, {acceptors, Pool}]}}]}};
init(connections) ->
    {ok, {#{strategy => simple_one_for_one},
          [#{id => connection, start => {?MODULE, start_connection, []}, restart => temporary}]}};
init({acceptors, Pool}) ->
    {ok, {#{}, Pool}}.

start_counter() -> gen_server:start_link({local, counter}, ?MODULE, counter, []).
start_supervisor(Name, Args) -> supervisor:start_link(Name, ?MODULE, Args).
start_connection(Sock) -> {ok, spawn_link(fun() -> connection(Sock) end)}.
start_acceptor(LSock) -> {ok, spawn_link(fun() -> acceptor(LSock) end)}.

handle_call(Request, _From, Sum) ->
    NewSum = Sum + binary_to_integer(Request),
    {reply, NewSum, NewSum}.

handle_cast(_Request, Sum) ->
    {noreply, Sum}.

connection(Sock) ->
    case socket:recv(Sock) of
        {ok, Number} ->
            Answer = gen_server:call(counter, Number),
            ok = socket:send(Sock, integer_to_binary(Answer)),
            connection(Sock);
        {error, _} ->
            ok
    end.

acceptor(LSock) ->
    {ok, Sock} = socket:accept(LSock),
    {ok, Pid} = supervisor:start_child(connections, [Sock]),
    ok = socket:setopt(Sock, {otp, controlling_process}, Pid),
    acceptor(LSock).

listen() ->
    {ok, LSock} = socket:open(inet, stream, tcp),
    ok = socket:bind(LSock, #{family => inet, addr => loopback, port => 0}),
    ok = socket:listen(LSock),
    {ok, #{port := Port}} = socket:sockname(LSock),
    {LSock, Port}.

serve() ->
    process_flag(trap_exit, true),
    {LSock, Port} = listen(),
    io:format("port ~p~n", [Port]),
    {ok, Server} = supervisor:start_link(?MODULE, {server, LSock, 3}),
    receive {'EXIT', Server, _} -> halt(1) end.

connect(Port) ->
    {ok, Sock} = socket:open(inet, stream, tcp),
    ok = socket:connect(Sock, #{family => inet, addr => loopback, port => Port}),
    Sock.

ask(Sock, Number) ->
    ok = socket:send(Sock, Number),
    socket:recv(Sock).

main() ->
    {LSock, Port} = listen(),
    {ok, Server} = supervisor:start_link(?MODULE, {server, LSock, 3}),

    Ann = connect(Port),
    Bob = connect(Port),
    io:format("ann adds 3: ~p~n", [ask(Ann, <<"3">>)]),
    io:format("bob adds 4: ~p~n", [ask(Bob, <<"4">>)]),
    Ref = monitor(process, counter),
    io:format("bob adds x: ~p~n", [ask(Bob, <<"x">>)]),
    receive
        {'DOWN', Ref, process, _, {Reason, _}} ->
            io:format("the counter has crashed: ~p~n", [Reason])
    end,
    io:format("ann adds 5: ~p~n", [ask(Ann, <<"5">>)]),
    Count = supervisor:count_children(connections),
    io:format("connections: ~p~n", [proplists:get_value(active, Count)]),
    gen_server:stop(Server),
    io:format("ann, when the server has stopped: ~p~n", [socket:recv(Ann)]).
