%% A node for the benchmarks of distribution: it serves, or measures another node.
-module(cluster).
-export([serve/0, measure/3, echo/0, count/2, flood/3]).
-export([init/1, handle_call/3, handle_cast/2]).

-define(BATCH, 200).

serve() ->
    {ok, _} = gen_server:start({local, server}, ?MODULE, [], []),
    io:format("ready~n").

init(_) -> {ok, none}.
handle_call(Request, _, State) -> {reply, Request, State}.
handle_cast(_, State) -> {noreply, State}.

echo() -> receive {From, Message} -> From ! Message, echo() end.

count(0, From) -> From ! counted;
count(N, From) -> receive _ -> count(N - 1, From) end.

flood(Count, Size, To) ->
    Message = binary:copy(<<"x">>, Size),
    [To ! Message || _ <- lists:seq(1, Count)].

%% Prints thousands of operations in a second.
measure(What, Seconds, Node) ->
    pong = net_adm:ping(Node),
    Batch = batch(What, Node),
    Batch(),
    Begin = erlang:monotonic_time(microsecond),
    io:format("~p~n", [laps(Batch, Begin, Begin + round(Seconds * 1000000), 0)]).

laps(Batch, Begin, End, Done) ->
    Size = Batch(),
    case erlang:monotonic_time(microsecond) of
        Now when Now >= End -> (Done + Size) * 1000 / (Now - Begin);
        _ -> laps(Batch, Begin, End, Done + Size)
    end.

batch({round_trip, Size}, Node) ->
    Pid = spawn(Node, ?MODULE, echo, []),
    Message = binary:copy(<<"x">>, Size),
    fun() -> [begin Pid ! {self(), Message}, receive Message -> ok end end || _ <- lists:seq(1, ?BATCH)],
             ?BATCH end;
batch(call, Node) ->
    fun() -> [gen_server:call({server, Node}, x) || _ <- lists:seq(1, ?BATCH)], ?BATCH end;
batch({one_way, Size}, Node) ->
    Message = binary:copy(<<"x">>, Size),
    fun() -> Pid = spawn(Node, ?MODULE, count, [10 * ?BATCH, self()]),
             [Pid ! Message || _ <- lists:seq(1, 10 * ?BATCH)],
             receive counted -> 10 * ?BATCH end end;
batch({one_way_in, Size}, Node) ->
    fun() -> spawn(Node, ?MODULE, flood, [10 * ?BATCH, Size, self()]),
             [receive _ -> ok end || _ <- lists:seq(1, 10 * ?BATCH)],
             10 * ?BATCH end;
batch({at_once, Number}, Node) ->
    Self = self(),
    fun() -> [spawn(fun() -> Pid = spawn(Node, ?MODULE, echo, []),
                             [begin Pid ! {self(), x}, receive x -> ok end end || _ <- lists:seq(1, 20)],
                             exit(Pid, kill), Self ! done end) || _ <- lists:seq(1, Number)],
             [receive done -> ok end || _ <- lists:seq(1, Number)], Number * 20 end.
