%% The benchmarks of processes, in Erlang. Prints thousands of operations per second of processor
%% time, as the Python side does.
-module(processes).
-export([messages/1, ring/2, drain/2, spawning/1, lives/2]).

-define(BATCH, 500).

%% The round trip between two processes.
messages(Seconds) ->
    Pong = spawn(fun pong/0),
    rate(Seconds, ?BATCH, fun() -> ping(?BATCH, Pong) end).

pong() ->
    receive From -> From ! pong, pong() end.

ping(0, _) -> ok;
ping(N, Pong) ->
    Pong ! self(),
    receive pong -> ping(N - 1, Pong) end.

%% A ring in which a token is passed round.
ring(Seconds, Size) ->
    Following = lists:foldl(
        fun(_, Next) -> spawn(fun() -> member(Next) end) end, self(), lists:seq(2, Size)),
    rate(Seconds, Size, fun() -> Following ! token, receive token -> ok end end).

member(Following) ->
    receive Token -> Following ! Token, member(Following) end.

%% Messages sent to one mailbox, and received.
drain(Seconds, Count) ->
    Producer = spawn(fun() -> produce(Count) end),
    rate(Seconds, Count, fun() -> Producer ! self(), consume(Count) end).

produce(Count) ->
    receive To -> [To ! N || N <- lists:seq(1, Count)], produce(Count) end.

consume(0) -> ok;
consume(N) -> receive _ -> consume(N - 1) end.

%% Processes that return at once.
spawning(Seconds) ->
    rate(Seconds, 1000, fun() -> all_end(1000) end).

all_end(Count) ->
    Self = self(),
    [spawn(fun() -> ok end) || _ <- lists:seq(2, Count)],
    spawn(fun() -> Self ! done end), % with one scheduler they end in order
    receive done -> ok end.

%% Processes that all wait for a message, and end.
lives(Seconds, Count) ->
    rate(Seconds, Count, fun() -> live(Count) end).

live(Count) ->
    Self = self(),
    Pids = [spawn(fun() -> receive go -> ok end end) || _ <- lists:seq(2, Count)],
    Last = spawn(fun() -> receive go -> Self ! done end end),
    [Pid ! go || Pid <- Pids],
    Last ! go, % with one scheduler they end in order
    receive done -> ok end.

rate(Seconds, Batch, Fun) ->
    Fun(),
    statistics(runtime),
    Count = repeat(Fun, Batch, os:system_time(millisecond) + round(Seconds * 1000), 0),
    {_, Milliseconds} = statistics(runtime),
    io:format("~p~n", [Count / max(1, Milliseconds)]),
    halt().

repeat(Fun, Batch, End, Count) ->
    Fun(),
    case os:system_time(millisecond) >= End of
        true -> Count + Batch;
        false -> repeat(Fun, Batch, End, Count + Batch)
    end.
