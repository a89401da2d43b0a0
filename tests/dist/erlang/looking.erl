%% Drives Erlang's observer, and tells what its windows show.
-module(looking).
-compile([export_all, nowarn_export_all]).

%% --- the observer ----------------------------------------------------------------------------------

%% Start the observer, and have it look at Node: as if that were chosen in its menu "Nodes".
open(Node) ->
    true = net_kernel:connect_node(Node),
    Self = self(),
    register(printed, spawn(fun() -> printed([]) end)),
    ok = logger:set_primary_config(level, error),
    _ = logger:remove_handler(default),
    ok = logger:add_handler(looking, looking, #{}),
    spawn(fun() ->
        group_leader(whereis(printed), self()),
        Self ! {self(), observer:start()},
        receive after infinity -> ok end
    end),
    ok = receive {Pid, Started} when is_pid(Pid) -> Started end,
    wait(fun() -> element(1, state_of(observer)) =:= state end),
    choose(the_nodes(), Node, 1001).

choose([Node | _], Node, Id) ->
    observer ! {wx, Id, none, [], {wxCommand, command_menu_selected, "", 0, 0}},
    wait(fun() -> wx_object:call(observer, get_active_node) =:= Node end);
choose([_ | Nodes], Node, Id) -> choose(Nodes, Node, Id + 1).

the_nodes() ->
    [Nodes] = [List || [First | _] = List <- tuple_to_list(state_of(observer)),
                       is_atom(First), lists:member(node(), List)],
    Nodes.

state_of(Name) ->
    [_, State | _] = sys:get_state(Name, 60000),
    State.

close() ->
    observer:stop(),
    wait(fun() -> whereis(observer) =:= undefined end),
    ok = logger:remove_handler(looking),
    exit(whereis(printed), kill),
    ok.

%% A handler of the logger. wxWidgets complains if a row is read just when its list is filled anew.
log(#{meta := #{domain := [wx | _]}}, _) -> ok;
log(Event, _) -> printed ! {log, Event}.

%% What the observer has printed, and what was logged: crashes, and what it did not understand.
printed() ->
    printed ! {tell, self()},
    receive {printed, Text} -> lists:flatten(Text) end.

printed(Text) ->
    receive
        {io_request, From, Ref, Request} ->
            From ! {io_reply, Ref, ok},
            printed([Text, io_lib:format("~tp~n", [Request])]);
        {log, Event} -> printed([Text, io_lib:format("~tp~n", [Event])]);
        {tell, From} ->
            From ! {printed, Text},
            printed(Text)
    end.

wait(Done) -> wait(Done, 1500).
wait(_, 0) -> error(never);
wait(Done, Times) ->
    case catch Done() of
        true -> ok;
        _ -> timer:sleep(20), wait(Done, Times - 1)
    end.

%% Turn to a tab, and return its process.
tab(Title) ->
    {Book, _} = book(),
    [Page] = [N || N <- lists:seq(0, wxBookCtrlBase:getPageCount(Book) - 1),
                   wxBookCtrlBase:getPageText(Book, N) =:= Title],
    wxBookCtrlBase:setSelection(Book, Page),
    Panels = lists:keysort(1, lists:append([List || [{_, {wx_ref, _, _, _}, _} | _] = List
                                                        <- tuple_to_list(state_of(observer))])),
    [Pid] = [wx_object:get_pid(Panel) || {_, Panel, Name} <- Panels, Name =:= Title],
    wait(fun() -> element(2, book()) =:= Pid end),
    state_of(Pid),  % it has done what it does when it is turned to
    Pid.

book() ->
    observer ! {get_debug_info, self()},
    receive {observer_debug, Env, Book, Active} -> wx:set_env(Env), {Book, Active} end.

%% All texts of the tab that is shown, of a window of it, or of a process that has one.
texts() ->
    {Book, _} = book(),
    texts(wxBookCtrlBase:getCurrentPage(Book)).

texts_of_window(Pid) ->
    book(),
    Pid ! {get_debug_info, self()},
    receive {procinfo_debug, Book} ->
        [{wxBookCtrlBase:getPageText(Book, N), texts(wxBookCtrlBase:getPage(Book, N))}
         || N <- lists:seq(0, wxBookCtrlBase:getPageCount(Book) - 1)]
    end.

texts(Window) ->
    case wxWindow:getName(Window) of
        "staticText" -> [wxWindow:getLabel(Window)];
        "listCtrl" -> rows(wx:typeCast(Window, wxListCtrl));
        "listBox" -> items(wx:typeCast(Window, wxListBox));
        "htmlWindow" -> [wxHtmlWindow:toText(wx:typeCast(Window, wxHtmlWindow))];
        _ -> lists:append([texts(Child) || Child <- wxWindow:getChildren(Window)])
    end.

rows(List) ->
    [lists:flatten(lists:join(" | ", [wxListCtrl:getItemText(List, Row, [{col, Col}])
                                      || Col <- lists:seq(0, wxListCtrl:getColumnCount(List) - 1)]))
     || Row <- lists:seq(0, wxListCtrl:getItemCount(List) - 1)].

items(Box) ->
    [wxControlWithItems:getString(Box, N) || N <- lists:seq(0, wxControlWithItems:getCount(Box) - 1)].

%% Wait until all of the texts are shown; return what is shown.
shows(Wanted) ->
    catch wait(fun() -> missing(Wanted, texts()) =:= [] end),
    Found = texts(),
    {missing(Wanted, Found), Found}.

missing(Wanted, Found) ->
    Shown = lists:append([[$\n | Text] || Text <- Found]),
    [Text || Text <- Wanted, string:find(Shown, Text) =:= nomatch].

%% Open the window of one process from the list, and return the process of the window.
window_of(Processes, Pid) ->
    Processes ! {procinfo_open, Pid},
    wait(fun() -> opened(Processes, Pid) =/= false end),
    {_, Window} = opened(Processes, Pid),
    wx_object:get_pid(Window).

opened(Processes, Pid) ->
    [Opened | _] = [List || [{P, {wx_ref, _, _, _}} | _] = List <- tuple_to_list(state_of(Processes)),
                            is_pid(P)],
    lists:keyfind(Pid, 1, Opened).

%% Choose "Kill process" of the menu of a process.
kill(Processes, Pid) ->
    sys:replace_state(Processes, fun([P, State | More]) ->
        [P, setelement(tuple_size(State) - 1, State, Pid) | More]  % right_clicked_pid
    end),
    Processes ! {wx, 201, none, [], {wxCommand, command_menu_selected, "", 0, 0}},
    state_of(Processes),
    ok.

%% --- programs that print ---------------------------------------------------------------------------

%% Run a function whose output goes to this process. Once it has printed all of the texts, or what
%% matches a regular expression, call Stop with the line that it has asked for, if it has. Return its
%% result and all that it has printed.
prints(Fun, Wanted, Stop) ->
    Self = self(),
    {Pid, Ref} = spawn_monitor(fun() ->
        group_leader(Self, self()),
        exit({result, Fun()})
    end),
    prints(Pid, Ref, Wanted, Stop, [], none).

prints(Pid, Ref, Wanted, Stop, Text, Reading) ->
    receive
        {io_request, From, As, {get_line, _, _}} ->
            prints(Pid, Ref, Wanted, Stop, Text, {From, As});
        {io_request, From, As, Request} ->
            {Reply, More} = io(Request),
            From ! {io_reply, As, Reply},
            Printed = Text ++ More,
            case Stop =/= done andalso has(Wanted, Printed) of
                true -> Stop(Reading), prints(Pid, Ref, Wanted, done, Printed, Reading);
                false -> prints(Pid, Ref, Wanted, Stop, Printed, Reading)
            end;
        {'DOWN', Ref, _, _, {result, Result}} -> {Result, Text};
        {'DOWN', Ref, _, _, Reason} -> {crashed, Reason, Text}
    end.

has({match, Expression}, Printed) -> re:run(Printed, Expression, [unicode]) =/= nomatch;
has(Wanted, Printed) -> missing(Wanted, [Printed]) =:= [].

io({put_chars, _, Chars}) -> {ok, unicode:characters_to_list(Chars)};
io({put_chars, _, M, F, A}) -> {ok, unicode:characters_to_list(apply(M, F, A))};
io(_) -> {{error, enotsup}, ""}.

etop(Node, Wanted, Tracing) ->
    Options = [{node, Node}, {output, text}, {interval, 30}, {lines, 50} | Tracing],
    prints(fun() -> etop:start(Options) end, Wanted, fun(_) -> etop:stop() end).

%% With all of its defaults but Options, until it has printed what matches.
etop_by_default(Node, Expression, Options) ->
    Stop = fun(_) -> etop:stop() end,
    prints(fun() -> etop:start([{node, Node} | Options]) end, {match, Expression}, Stop).

%% Start etop, and kill it once it is connected.
killed_etop(Node) ->
    Leader = spawn(fun() -> printed([]) end),
    Pid = spawn(fun() -> group_leader(Leader, self()), etop:start([{node, Node}]) end),
    %% It has started what prints, opened the socket, and started what reads.
    wait(fun() -> length(element(2, process_info(whereis(etop_server), links))) =:= 3 end),
    Ref = monitor(process, Pid),
    exit(Pid, kill),
    receive {'DOWN', Ref, _, _, _} -> ok end.

%% Begin a trace as OTP 27 does; return what the reader of the trace port gets.
traced(Node, Port) ->
    Asked = [name, self(), {port, dbg:trace_port(ip, {Port, 5000})}],
    Relay = spawn_link(Node, dbg, do_relay, Asked),
    Session = receive {started, Relay, Term} -> Term end,
    Ref = monitor(process, Relay), %% there before the answer of the next call
    Traced = rpc:call(Node, dbg, erlang_trace, [Session, all, true, [running, timestamp]]),
    true = is_integer(Traced),
    {ok, Reader} = gen_tcp:connect({127, 0, 0, 1}, Port, [binary, {active, false}]),
    Frames = [frame(Reader) || _ <- [1, 2]],
    unlink(Relay),
    gen_tcp:close(Reader),
    receive {'DOWN', Ref, _, _, Reason} -> {Reason, Frames} end.

%% Ask for a trace port; return the process at Node that listens on it.
relay(Node, Port) ->
    Self = self(),
    spawn(fun() ->
        Asked = [self(), {port, dbg:trace_port(ip, {Port, 5000})}],
        Relay = spawn_link(Node, dbg, do_relay, Asked),
        receive {started, Relay} -> Self ! {started, Relay} end,
        receive stop -> ok end
    end),
    receive {started, Relay} -> Relay end.

frame(Reader) ->
    {ok, <<0, Size:32>>} = gen_tcp:recv(Reader, 5),
    {ok, Term} = gen_tcp:recv(Reader, Size),
    binary_to_term(Term).

observer_cli(Node, Wanted) ->
    Quit = fun({Reader, As}) -> Reader ! {io_reply, As, <<"q\n">>} end,
    prints(fun() -> rpc:call(Node, observer_cli, start, [20]) end, Wanted, Quit).

%% What a process that is started at Node sends, until it ends.
collected(Node, Function) ->
    process_flag(trap_exit, true),
    Pid = spawn_link(Node, observer_backend, Function, [self()]),
    collected(Pid).

collected(Pid) ->
    receive
        {'EXIT', Pid, Reason} -> {Reason, []};
        Message ->
            {Reason, More} = collected(Pid),
            {Reason, [Message | More]}
    after 60000 -> silent
    end.
