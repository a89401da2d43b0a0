-module(walker).
-compile([export_all, nowarn_export_all]).

doll() -> process_flag(trap_exit, true), doll([]).
doll(Refs) ->
    receive
        {do, link, Pid} -> link(Pid), doll(Refs);
        {do, unlink, Pid} -> unlink(Pid), doll(Refs);
        {do, monitor, Pid} -> doll([monitor(process, Pid) | Refs]);
        {do, demonitor, _} when Refs =/= [] -> demonitor(hd(Refs)), doll(tl(Refs));
        {do, exit2, Pid} -> exit(Pid, please), doll(Refs);
        {do, kill, Pid} -> exit(Pid, kill), doll(Refs);
        {do, message, Pid} -> Pid ! hello, doll(Refs);
        {do, 'end', _} -> exit(ended);
        _ -> doll(Refs)
    end.

tables(Pids) -> [table(P) || P <- Pids, is_process_alive(P)].
table(P) ->
    case process_info(P, [links, monitors, monitored_by]) of
        undefined -> {P, [], [], []};
        [{links, L}, {monitors, M}, {monitored_by, B}] ->
            {P, [X || X <- L, far(X)], [X || {process, X} <- M, far(X)], [X || X <- B, far(X)]}
    end.
far(X) -> is_pid(X) andalso node(X) =/= node().
