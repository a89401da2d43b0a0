%% The actors of the comparison that live on the Erlang node: those of the interpreter, directed from
%% the other node.
-module(far).
-export([start/1, look/1]).

start(Director) ->
    put(director, Director),
    interpreter:actor(Director).

%% What the director wants to know: status, and the messages that are no orders.
look(Pids) ->
    [{Pid, Status, [M || M <- Messages, not interpreter:is_order(M)]}
     || Pid <- Pids, [{status, Status}, {messages, Messages}] <- [process_info(Pid, [status, messages])]].
