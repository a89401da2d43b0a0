%% Reads the texts in a file of terms with each function of inet that parses addresses, and writes
%% tuples with ntoa; prints the results of each in a line.
-module(addresses).
-export([main/1]).

main([Path]) ->
    {ok, Cases} = file:consult(Path),
    [io:format("~s~n", [lists:join(" ", results(Case))]) || Case <- Cases],
    halt().

results({parse, Text}) ->
    [packed(inet:Function(binary_to_list(Text))) ||
        Function <- [parse_address, parse_strict_address, parse_ipv4_address,
                     parse_ipv4strict_address, parse_ipv6_address, parse_ipv6strict_address]];
results({ntoa, Address}) ->
    [inet:ntoa(Address)].

packed({error, einval}) -> "-";
packed({ok, {A, B, C, D}}) -> io_lib:format("~w.~w.~w.~w", [A, B, C, D]);
packed({ok, Address}) ->
    lists:join(":", [integer_to_list(Part, 16) || Part <- tuple_to_list(Address)]).
