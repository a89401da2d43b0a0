%% Decodes the packets in a file of terms {Type, Data, Options}; prints each result in a line.
-module(packets).
-export([main/1]).

main([Path]) ->
    {ok, Cases} = file:consult(Path),
    [io:format("~w~n", [decoded(Case)]) || Case <- Cases],
    halt().

decoded({Type, Data, Options}) ->
    try erlang:decode_packet(Type, Data, Options)
    catch Class:Reason -> {Class, Reason}
    end.
