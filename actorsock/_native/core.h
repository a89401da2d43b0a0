/* What the files of the native core share: the state of the module, and access to the attributes of
   Python objects without a look-up.

   The objects are those of the Python: their classes have __slots__, and an attribute in a slot
   lies at a fixed offset. `state_prepare` and `sockets_prepare` learn the offsets when a twin is
   first used. A twin reads and writes an object in this way only after it has seen that its type
   is exactly the one that the offset belongs to.

   References. What `SLOT` reads is borrowed from the object, and whoever runs Python code may put
   something else into the slot. Python code runs in every call of a Python function, when a
   reference is dropped, and when an object that takes part in garbage collection is made. So a
   borrowed reference is used up before any of these, or made strong first.  */

#ifndef ACTORSOCK_CORE_H
#define ACTORSOCK_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

/* Objects that the module keeps: X(name).  */
#define STATE_OBJECTS(X)                                                                          \
    X(twin_type)                                                                                  \
    X(account_type)                                                                               \
    X(numbered_type)                                                                              \
    X(counted_numbers_type)                                                                       \
    X(table_type)                                                                                 \
    X(woken_type)                                                                                 \
    X(matcher_type)                                                                               \
    X(receiving_type)                                                                             \
    X(asked_type)                                                                                 \
    X(calling_type)                                                                               \
    X(class_of_results)                                                                           \
    X(match_args)                                                                                 \
    /* the runtime */                                                                             \
    X(next_ref)                                                                                   \
    X(do_nothing)                                                                                 \
    X(monotonic)                                                                                  \
    X(next_pid)                                                                                   \
    X(ref_type)                                                                                   \
    X(deque_type)                                                                                 \
    X(append)                                                                                     \
    X(popleft)                                                                                    \
    X(pid_type)                                                                                   \
    X(process_type)                                                                               \
    X(node_type)                                                                                  \
    X(exit_type)                                                                                  \
    X(down_type)                                                                                  \
    X(mailbox_type)                                                                               \
    X(handler_type)                                                                               \
    X(call_handler)                                                                               \
    X(again)                                                                                      \
    X(run_queue_type)                                                                             \
    X(reschedule)                                                                                 \
    X(task_type)                                                                                  \
    X(body_type)                                                                                  \
    X(light_type)                                                                                 \
    X(passes_type)                                                                                \
    X(alive)                                                                                      \
    X(thread_ident)                                                                               \
    X(anything)                                                                                   \
    X(pause)                                                                                      \
    X(local)                                                                                      \
    X(step)                                                                                       \
    X(step_type)                                                                                  \
    X(process_of_task)                                                                            \
    X(current_task)                                                                               \
    X(by_task)                                                                                    \
    X(last_task)                                                                                  \
    X(last_found)                                                                                 \
    X(found_before)                                                                               \
    X(checkpoint_if_cancelled)                                                                    \
    X(wait_task_rescheduled)                                                                      \
    X(call_function)                                                                              \
    X(take_steps)                                                                                 \
    X(cancel_scope)                                                                               \
    X(run_task)                                                                                   \
    X(only_name)                                                                                  \
    X(only_after)                                                                                 \
    X(receive)                                                                                    \
    X(woken)                                                                                      \
    X(nothing)                                                                                    \
    X(paused)                                                                                     \
    X(search_on)                                                                                  \
    X(test_of)                                                                                    \
    X(union_type)                                                                                 \
    X(class_of_object)                                                                            \
    X(inf)                                                                                        \
    /* otp */                                                                                     \
    X(call_type)                                                                                  \
    X(cast_type)                                                                                  \
    X(caller_type)                                                                                \
    X(pending)                                                                                    \
    X(by_alias)                                                                                   \
    X(travellers)                                                                                 \
    X(deliver_call)                                                                               \
    X(wait_after_delivery)                                                                        \
    X(send_answer)                                                                                \
    X(reply_type)                                                                                 \
    X(engine_type)                                                                                \
    X(waiting_type)                                                                               \
    /* sockets */                                                                                 \
    X(actor_type)                                                                                 \
    X(socket_type)                                                                                \
    X(socket_numbers)                                                                             \
    X(service_type)                                                                               \
    X(registry_type)                                                                              \
    X(start_handler)                                                                              \
    X(what_is_there)                                                                              \
    X(spare_user)                                                                                 \
    X(closed_lanes)                                                                               \
    X(std_socket_type)                                                                            \
    X(kind_type)                                                                                  \
    X(settings_type)                                                                              \
    X(counters_type)                                                                              \
    X(turns_type)                                                                                 \
    X(lane_type)                                                                                  \
    X(user_type)                                                                                  \
    X(what_is_there_type)                                                                         \
    X(recvfrom_type)                                                                              \
    X(ask)                                                                                        \
    X(error_type)                                                                                 \
    X(send_select_type)                                                                           \
    X(address_type)                                                                               \
    X(from_python)                                                                                \
    X(last_source)                                                                                \
    X(ok_type)                                                                                    \
    X(select_type)                                                                                \
    X(select_info_type)                                                                           \
    X(select_message_type)                                                                        \
    X(send_type)                                                                                  \
    X(sent)                                                                                       \
    X(error_of)                                                                                   \
    X(refused)                                                                                    \
    X(end_of_stream)                                                                              \
    X(epoll_type)                                                                                 \
    /* sockets of gen_tcp and gen_udp */                                                            \
    X(stream_type)                                                                                \
    X(rules_type)                                                                                 \
    X(mode_type)                                                                                  \
    X(buffer_type)                                                                                \
    X(limits_type)                                                                                \
    X(receiver_type)                                                                              \
    X(datagrams_type)                                                                             \
    X(make_udp)                                                                                   \
    X(not_sent)                                                                                   \
    X(udp_type)                                                                                   \
    X(udp_socket_type)                                                                            \
    X(last_text)                                                                                  \
    X(statistics_type)                                                                            \
    X(queue_type)                                                                                 \
    X(tcp_type)                                                                                   \
    X(inet_ok)                                                                                    \
    X(rule_raw)                                                                                   \
    X(rule_1)                                                                                     \
    X(rule_2)                                                                                     \
    X(rule_4)                                                                                     \
    X(rule_line)                                                                                  \
    X(tcp_socket_type)                                                                            \
    X(watch_read)                                                                                 \
    X(spare)                                                                                      \
    /* terms */                                                                                   \
    X(atom_type)                                                                                  \
    X(list_key_type)                                                                              \
    X(pairs_map_type)                                                                             \
    X(read_table)                                                                                 \
    X(with_tail)                                                                                  \
    X(write_str)

/* Names of attributes and words: X(word) declares `str_word`.  */
#define STATE_WORDS(X)                                                                            \
    X(_again)                                                                                     \
    X(_input_ended)                                                                               \
    X(_tell_error)                                                                                \
    X(active)                                                                                     \
    X(after)                                                                                      \
    X(binary)                                                                                     \
    X(closed)                                                                                     \
    X(deliver_arrived)                                                                            \
    X(ended)                                                                                      \
    X(feed)                                                                                       \
    X(flush)                                                                                      \
    X(once)                                                                                       \
    X(open)                                                                                       \
    X(output_failed)                                                                              \
    X(pump)                                                                                       \
    X(queue_rest)                                                                                 \
    X(serve_waiter)                                                                               \
    X(tell_passive)                                                                               \
    X(abandon_call)                                                                               \
    X(appendleft)                                                                                 \
    X(begin)                                                                                      \
    X(carry_out)                                                                                  \
    X(check)                                                                                      \
    X(close)                                                                                      \
    X(failed)                                                                                     \
    X(observe)                                                                                    \
    X(progress)                                                                                   \
    X(recvfrom)                                                                                   \
    X(select_for)                                                                                 \
    X(send)                                                                                       \
    X(deliver)                                                                                    \
    X(end)                                                                                        \
    X(end_with)                                                                                   \
    X(ensure_watched)                                                                             \
    X(fileno)                                                                                     \
    X(monitor)                                                                                    \
    X(monitor_user)                                                                               \
    X(normal)                                                                                     \
    X(parked)                                                                                     \
    X(pop)                                                                                        \
    X(read)                                                                                       \
    X(write)                                                                                      \
    X(ready)                                                                                      \
    X(recv)                                                                                       \
    X(resume)                                                                                     \
    X(spurious_wakeup)                                                                            \
    X(step)                                                                                       \
    X(throw_misuse)                                                                               \
    X(cr_await)                                                                                   \
    X(cr_frame)                                                                                   \
    X(cr_running)                                                                                 \
    X(coro)                                                                                       \
    X(throw)                                                                                      \
    X(waiting)                                                                                    \
    X(wake)                                                                                       \
    X(call)                                                                                       \
    X(timeout)                                                                                    \
    X(handle_call)                                                                                \
    X(handle_cast)                                                                                \
    X(_raised)                                                                                    \
    X(_returned)                                                                                  \
    X(step_soon)                                                                                  \
    X(_crashed)                                                                                   \
    X(_handled)                                                                                   \
    X(_run_ready)                                                                                 \
    X(_actors)                                                                                    \
    X(_draining)                                                                                  \
    X(_epoll)                                                                                     \
    X(_new)                                                                                       \
    X(_notify)                                                                                    \
    X(__args__)                                                                                   \
    X(__class__)                                                                                  \
    X(_abort)                                                                                     \
    X(ref)                                                                                        \
    X(start_soon)                                                                                 \
    X(take_arrival)                                                                               \
    X(_poll)                                                                                      \
    X(_atoms)                                                                                     \
    X(atom)                                                                                       \
    X(__struct__)                                                                                 \
    X(make_struct)                                                                                \
    X(by_type)                                                                                    \
    X(cached)                                                                                     \
    X(derived)                                                                                    \
    X(make_pid)

/* Offsets of slots: X(group, type, slot) declares `group_slot`, of the type `type`.  */
#define RUNTIME_SLOTS(X)                                                                          \
    X(process, process_type, name)                                                                \
    X(process, process_type, trapping)                                                            \
    X(process, process_type, reason)                                                              \
    X(process, process_type, ended_by)                                                            \
    X(process, process_type, links)                                                               \
    X(process, process_type, monitors)                                                            \
    X(process, process_type, watchers)                                                            \
    X(process, process_type, timers)                                                              \
    X(process, process_type, aliases)                                                             \
    X(process, process_type, began)                                                               \
    X(process, process_type, calling)                                                             \
    X(process, process_type, label)                                                               \
    X(process, process_type, parent)                                                              \
    X(process, process_type, body)                                                                \
    X(process, process_type, ending)                                                              \
    X(process, process_type, mailbox)                                                             \
    X(process, process_type, node)                                                                \
    X(process, process_type, pid)                                                                 \
    X(node, node_type, passes)                                                                    \
    X(node, node_type, timers)                                                                    \
    X(node, node_type, run_queue)                                                                 \
    X(run_queue, run_queue_type, budget)                                                          \
    X(run_queue, run_queue_type, _interrupt)                                                      \
    X(run_queue, run_queue_type, _ready)                                                          \
    X(run_queue, run_queue_type, _running)                                                        \
    X(handler, handler_type, _node)                                                               \
    X(handler, handler_type, _terminate)                                                          \
    X(handler, handler_type, _context)                                                            \
    X(handler, handler_type, _handler)                                                            \
    X(handler, handler_type, _process)                                                            \
    X(handler, handler_type, _step)                                                               \
    X(node, node_type, thread)                                                                    \
    X(mailbox, mailbox_type, _by_ref)                                                             \
    X(mailbox, mailbox_type, _next)                                                               \
    X(mailbox, mailbox_type, _passed)                                                             \
    X(mailbox, mailbox_type, _up_to)                                                              \
    X(mailbox, mailbox_type, tested)                                                              \
    X(mailbox, mailbox_type, arrivals)                                                            \
    X(mailbox, mailbox_type, saved)                                                               \
    X(mailbox, mailbox_type, wanted)                                                              \
    X(body, body_type, outcome)                                                                   \
    X(body, body_type, parked)                                                                    \
    X(body, body_type, timers)                                                                    \
    X(light, light_type, context)                                                                 \
    X(light, light_type, process)                                                                 \
    X(task, task_type, task)                                                                      \
    X(task, task_type, _function)                                                                 \
    X(task, task_type, _scope)                                                                    \
    X(task, task_type, _stopped)                                                                  \
    X(node, node_type, nursery)                                                                   \
    X(node, node_type, closing)                                                                   \
    X(node, node_type, started)                                                                   \
    X(node, node_type, seen)                                                                      \
    X(light, light_type, _args)                                                                   \
    X(light, light_type, _function)                                                               \
    X(light, light_type, exit_raised)                                                             \
    X(light, light_type, stopped)                                                                 \
    X(light, light_type, instead)                                                                 \
    X(light, light_type, _coroutine)                                                              \
    X(light, light_type, _passes)                                                                 \
    X(passes, passes_type, keeper)                                                                \
    X(passes, passes_type, ready)                                                                 \
    X(step, step_type, process)

#define OTP_SLOTS(X)                                                                              \
    X(call, call_type, caller)                                                                    \
    X(call, call_type, request)                                                                   \
    X(cast, cast_type, request)                                                                   \
    X(caller, caller_type, answer)                                                                \
    X(caller, caller_type, pid)                                                                   \
    X(reply, reply_type, then)                                                                    \
    X(reply, reply_type, timeout)                                                                 \
    X(reply, reply_type, value)                                                                   \
    X(engine, engine_type, behaviour)                                                             \
    X(engine, engine_type, debugging)                                                             \
    X(engine, engine_type, state)                                                                 \
    X(engine, engine_type, suspended)                                                             \
    X(waiting, waiting_type, timed)

#define SOCKET_SLOTS(X)                                                                           \
    X(socket, socket_type, _actor)                                                                \
    X(actor, actor_type, counters)                                                                \
    X(actor, actor_type, fd)                                                                      \
    X(actor, actor_type, has_low_water_mark)                                                      \
    X(actor, actor_type, kind)                                                                    \
    X(actor, actor_type, poller)                                                                  \
    X(actor, actor_type, read_would_block)                                                        \
    X(actor, actor_type, observed)                                                                \
    X(actor, actor_type, saw_end)                                                                 \
    X(actor, actor_type, settings)                                                                \
    X(actor, actor_type, sock)                                                                    \
    X(actor, actor_type, socket_object)                                                           \
    X(actor, actor_type, turns)                                                                   \
    X(actor, actor_type, unread)                                                                  \
    X(actor, actor_type, watched)                                                                 \
    X(actor, actor_type, write_would_block)                                                       \
    X(actor, actor_type, _monitors)                                                               \
    X(actor, actor_type, _probe)                                                                  \
    X(actor, actor_type, bound)                                                                   \
    X(actor, actor_type, connect_error)                                                           \
    X(actor, actor_type, connected)                                                               \
    X(actor, actor_type, ctype)                                                                   \
    X(actor, actor_type, listening)                                                               \
    X(actor, actor_type, logged)                                                                  \
    X(actor, actor_type, may_linger)                                                              \
    X(actor, actor_type, process)                                                                 \
    X(actor, actor_type, service)                                                                 \
    X(service, service_type, node)                                                                \
    X(service, service_type, poller)                                                              \
    X(service, service_type, registry)                                                            \
    X(registry, registry_type, debug)                                                             \
    X(registry, registry_type, kinds)                                                             \
    X(registry, registry_type, sockets)                                                           \
    X(settings, settings_type, debug)                                                             \
    X(settings, settings_type, iow)                                                               \
    X(settings, settings_type, use_registry)                                                      \
    X(kind, kind_type, protocol_number)                                                           \
    X(kind, kind_type, type_number)                                                               \
    X(kind, kind_type, family)                                                                    \
    X(kind, kind_type, is_known)                                                                  \
    X(kind, kind_type, is_stream)                                                                 \
    X(kind, kind_type, is_tcp)                                                                    \
    X(settings, settings_type, read_count)                                                        \
    X(settings, settings_type, select_read)                                                       \
    X(settings, settings_type, read_size)                                                         \
    X(turns, turns_type, owner)                                                                   \
    X(turns, turns_type, closed)                                                                  \
    X(turns, turns_type, read)                                                                    \
    X(turns, turns_type, write)                                                                   \
    X(lane, lane_type, current)                                                                   \
    X(lane, lane_type, ever_waited)                                                               \
    X(lane, lane_type, name)                                                                      \
    X(lane, lane_type, queue)                                                                     \
    X(lane, lane_type, selected)                                                                  \
    X(user, user_type, activity)                                                                  \
    X(user, user_type, handle)                                                                    \
    X(user, user_type, op)                                                                        \
    X(user, user_type, pid)                                                                       \
    X(user, user_type, tag)                                                                       \
    X(send, send_type, _sent)                                                                     \
    X(send, send_type, data)                                                                      \
    X(send, send_type, dest)                                                                      \
    X(send, send_type, flags)                                                                     \
    X(send, send_type, tag)                                                                       \
    X(recvfrom, recvfrom_type, flags)                                                             \
    X(recvfrom, recvfrom_type, size)                                                              \
    X(send_select, send_select_type, user)                                                        \
    X(address, address_type, addr)                                                                \
    X(address, address_type, port)                                                                \
    X(error, error_type, reason)                                                                  \
    X(select, select_type, data)                                                                  \
    X(select, select_type, info)                                                                  \
    X(select_info, select_info_type, continuation)                                                \
    X(select_info, select_info_type, ref)                                                         \
    X(select_info, select_info_type, tag)                                                         \
    X(select_message, select_message_type, ref)                                                   \
    X(select_message, select_message_type, socket)                                                \
    X(select_message, select_message_type, tag)

#define INET_SLOTS(X)                                                                             \
    X(stream, stream_type, buffer)                                                                \
    X(stream, stream_type, connecting)                                                            \
    X(stream, stream_type, delays)                                                                \
    X(stream, stream_type, ends_after_queue)                                                      \
    X(stream, stream_type, head_size)                                                             \
    X(stream, stream_type, make)                                                                  \
    X(stream, stream_type, paused)                                                                \
    X(stream, stream_type, queue)                                                                 \
    X(stream, stream_type, read_size)                                                             \
    X(stream, stream_type, rules)                                                                 \
    X(stream, stream_type, unseen)                                                                \
    X(receiver, receiver_type, owner_process)                                                     \
    X(receiver, receiver_type, pumping)                                                           \
    X(receiver, receiver_type, statistics)                                                        \
    X(receiver, receiver_type, waiter)                                                            \
    X(receiver, receiver_type, woken)                                                             \
    X(datagrams, datagrams_type, ancillary)                                                       \
    X(datagrams, datagrams_type, make)                                                            \
    X(datagrams, datagrams_type, mode)                                                            \
    X(datagrams, datagrams_type, shape)                                                           \
    X(datagrams, datagrams_type, size)                                                            \
    X(datagrams, datagrams_type, unseen)                                                          \
    X(udp, udp_type, address)                                                                     \
    X(udp, udp_type, ancillary)                                                                   \
    X(udp, udp_type, data)                                                                        \
    X(udp, udp_type, port)                                                                        \
    X(udp, udp_type, socket)                                                                      \
    X(rules, rules_type, mode)                                                                    \
    X(rules, rules_type, stage)                                                                   \
    X(mode, mode_type, value)                                                                     \
    X(buffer, buffer_type, _always_headers)                                                       \
    X(buffer, buffer_type, _data)                                                                 \
    X(buffer, buffer_type, _limits)                                                               \
    X(buffer, buffer_type, _rule)                                                                 \
    X(buffer, buffer_type, _search)                                                               \
    X(buffer, buffer_type, _start)                                                                \
    X(buffer, buffer_type, needed)                                                                \
    X(buffer, buffer_type, taken)                                                                 \
    X(limits, limits_type, cuts_early)                                                            \
    X(limits, limits_type, delimiter)                                                             \
    X(limits, limits_type, line_length)                                                           \
    X(limits, limits_type, packet_size)                                                           \
    X(statistics, statistics_type, deviations)                                                    \
    X(statistics, statistics_type, recv_cnt)                                                      \
    X(statistics, statistics_type, recv_max)                                                      \
    X(statistics, statistics_type, recv_oct)                                                      \
    X(statistics, statistics_type, send_cnt)                                                      \
    X(statistics, statistics_type, send_max)                                                      \
    X(statistics, statistics_type, send_oct)                                                      \
    X(queue, queue_type, busy)                                                                    \
    X(queue, queue_type, size)                                                                    \
    X(tcp, tcp_type, data)                                                                        \
    X(tcp, tcp_type, socket)

typedef struct Pass Pass;

typedef struct {
    /* the objects and offsets of that group are there */
    int runtime_ready, otp_ready, sockets_ready, inet_ready, terms_ready;
#define DECLARE(name) PyObject *name;
    STATE_OBJECTS(DECLARE)
#undef DECLARE
#define DECLARE(name) PyObject *str_##name;
    STATE_WORDS(DECLARE)
#undef DECLARE
#define DECLARE(group, type, slot) Py_ssize_t group##_##slot;
    RUNTIME_SLOTS(DECLARE)
    OTP_SLOTS(DECLARE)
    SOCKET_SLOTS(DECLARE)
    INET_SLOTS(DECLARE)
#undef DECLARE
    PyCFunction deque_append, deque_popleft; /* NULL if they are called in another way */
    long lowest_count, highest_count;
    long start_cost, handler_full, light_full, task_full, last_host, last_port, last_text_host;
    long system_call, drain_batch;
    PyObject *spare_asked, *spare_receiving, *spare_calling; /* memory for the next one, or NULL */
    Pass *pass; /* the calls of `step_all`, the latest first */
    PyObject *spare_result; /* memory for some of them */
    int number_of_spare_results;
    uint64_t step_thread; /* whose `step` is: the look-up in a thread-local costs 40 ns */
    uint64_t task_thread; /* in which `last_task` was the current one */
} State;

typedef struct {
    PyObject_HEAD
    vectorcallfunc vectorcall; /* `twin_call` */
    vectorcallfunc plain;      /* the function of this twin */
    PyObject *fallback;
    PyObject *module;
    State *state; /* of `module` */
} Twin;

typedef struct {
    const char *name;
    vectorcallfunc plain;
} TwinEntry;

extern const TwinEntry LIGHT_TWINS[];
extern const TwinEntry MESSAGE_TWINS[];
extern const TwinEntry MATCHING_TWINS[];
extern const TwinEntry RECEIVE_TWINS[];
extern const TwinEntry SOCKET_TWINS[];
extern const TwinEntry POLLER_TWINS[];
extern const TwinEntry ASKING_TWINS[];
extern const TwinEntry NOWAIT_TWINS[];
extern const TwinEntry CALL_TWINS[];
extern const TwinEntry CALLING_TWINS[];
extern const TwinEntry SPAWNING_TWINS[];
extern const TwinEntry OPENING_TWINS[];
extern const TwinEntry PACKET_TWINS[];
extern const TwinEntry ACTIVE_TWINS[];
extern const TwinEntry STREAM_SEND_TWINS[];
extern const TwinEntry DATAGRAM_SEND_TWINS[];
extern const TwinEntry TERM_TWINS[];
extern PyMethodDef TAKE_STEPS;
extern const TwinEntry RESULT_TWINS[];
extern PyType_Spec woken_spec;
extern PyType_Spec matcher_spec;
extern PyType_Spec receiving_spec;
extern PyType_Spec asked_spec;
extern PyType_Spec calling_spec;
extern PyType_Spec counted_numbers_spec;
extern PyType_Spec table_spec;
extern PyType_Spec class_of_results_spec;

/* --- objects ----------------------------------------------------------------------------------- */

/* The attribute in the slot at `offset`; borrowed, NULL if it is unset.  */
#define SLOT(object, offset) (*(PyObject **)((char *)(object) + (offset)))

/* Whether `object`, which may be NULL, is of exactly this type.  */
static inline int
is_exactly(PyObject *object, PyObject *type)
{
    return object != NULL && Py_IS_TYPE(object, (PyTypeObject *)type);
}

/* Whether `object` is a process, also a traced or a limited one: for what these do as others do. They
   differ in what is done to them, `deliver`, `end` and links.  */
static inline int
is_process(State *state, PyObject *object)
{
    return object != NULL && PyObject_TypeCheck(object, (PyTypeObject *)state->process_type);
}

/* Put `value`, of which the reference is taken over, into a slot.  */
static inline void
slot_set(PyObject *object, Py_ssize_t offset, PyObject *value)
{
    PyObject *former = SLOT(object, offset);
    SLOT(object, offset) = value;
    Py_XDECREF(former);
}

/* What a body has spent: an instance of `Account`, from which the classes of bodies are derived.  */
typedef struct {
    PyObject_HEAD
    long long budget, floor;
} Account;

#define BUDGET(body) (((Account *)(body))->budget)
#define FLOOR(body) (((Account *)(body))->floor)

/* Read the int in a slot: 1, or 0 without an exception if it is none or a large one.  */
static inline int
slot_long(PyObject *object, Py_ssize_t offset, long *value)
{
    PyObject *number = SLOT(object, offset);
    int overflow;
    if (number == NULL || !PyLong_CheckExact(number)) {
        return 0;
    }
    /* An int of one digit is read in place, which saves a call.  */
#if PY_VERSION_HEX >= 0x030C0000
    if (PyUnstable_Long_IsCompact((PyLongObject *)number)) {
        *value = (long)PyUnstable_Long_CompactValue((PyLongObject *)number);
        return 1;
    }
#else
    Py_ssize_t digits = Py_SIZE(number);
    if (digits >= -1 && digits <= 1) {
        *value = (long)digits * (long)((PyLongObject *)number)->ob_digit[0];
        return 1;
    }
#endif
    *value = PyLong_AsLongAndOverflow(number, &overflow);
    return !overflow;
}

/* A new instance with empty slots, of a class of which `__init__` only fills them.  */
static inline PyObject *
new_instance(PyObject *type)
{
    return ((PyTypeObject *)type)->tp_alloc((PyTypeObject *)type, 0);
}

/* `__init_subclass__` of a class of C without the part that the garbage collector needs. Python gives that
   part, 16 bytes of each instance, to every class that it makes: this takes it away from a class whose
   instances are no larger than those of its base.  */
extern PyMethodDef SUBCLASS_METHODS[];

/* Put the number into a `Numbered`: 0 or -1.  */
int set_identity(PyObject *identity, PyObject *number);

/* --- calls ------------------------------------------------------------------------------------- */

/* Return `op`: the slots `am_await` and `tp_iter` of what is its own iterator.  */
PyObject *return_itself(PyObject *op);

/* Call the Python function that `self` stands for.  */
PyObject *twin_fall_back(Twin *self, PyObject *const *args, size_t nargsf, PyObject *kwnames);

/* Call a function for its effect, and drop `result`: 0, or -1 if it is NULL.  */
static inline int
done_with(PyObject *result)
{
    Py_XDECREF(result);
    return result == NULL ? -1 : 0;
}

/* Whether there is room on the stack for what the Python way needs: else that way is taken, which
   raises where it has to.  */
static inline int
has_stack(void)
{
    PyThreadState *thread = PyThreadState_Get();
#if PY_VERSION_HEX >= 0x030C0000
    return thread->py_recursion_remaining > 16;
#else
    return thread->recursion_remaining > 16;
#endif
}

/* Take the exception that is set, with its traceback; a new reference. It becomes the one that is
   handled, as in an `except` block, until `end_except`, which gets `handled` back.  */
static inline PyObject *
begin_except(PyObject **handled)
{
    PyObject *type, *exc, *traceback;
    PyErr_Fetch(&type, &exc, &traceback);
    PyErr_NormalizeException(&type, &exc, &traceback);
    if (traceback != NULL) {
        PyException_SetTraceback(exc, traceback);
    }
    Py_XDECREF(type);
    Py_XDECREF(traceback);
    *handled = PyErr_GetHandledException();
    PyErr_SetHandledException(exc);
    return exc;
}

static inline void
end_except(PyObject *exc, PyObject *handled)
{
    PyErr_SetHandledException(handled);
    Py_XDECREF(handled);
    Py_DECREF(exc);
}

/* --- state ------------------------------------------------------------------------------------- */

/* Import what the twins know of the Python.  0 or -1.  */
int import_runtime(State *state);
int import_otp(State *state);
int import_sockets(State *state);
int import_inet(State *state);
int import_terms(State *state);

/* The same, once.  */
static inline int
state_prepare(State *state)
{
    return state->runtime_ready ? 0 : import_runtime(state);
}

static inline int
otp_prepare(State *state)
{
    return state->otp_ready ? 0 : import_otp(state);
}

static inline int
sockets_prepare(State *state)
{
    return state->sockets_ready ? 0 : import_sockets(state);
}

static inline int
inet_prepare(State *state)
{
    return state->inet_ready ? 0 : import_inet(state);
}

static inline int
terms_prepare(State *state)
{
    return state->terms_ready ? 0 : import_terms(state);
}

/* The `Step` of this thread; a new reference.  */
PyObject *find_step(State *state);

static inline PyObject *
thread_step(State *state)
{
    if (state->step != NULL && state->step_thread == PyThreadState_Get()->id) {
        return Py_NewRef(state->step);
    }
    return find_step(state);
}

/* Whether `node` is of the runtime of this thread.  */
int compare_thread(State *state, PyObject *node);

static inline int
is_in_its_thread(State *state, PyObject *node)
{
    return (state->thread_ident != NULL && SLOT(node, state->node_thread) == state->thread_ident
            && state->step_thread == PyThreadState_Get()->id)
           || compare_thread(state, node);
}

/* The process that the runtime steps in this thread, of whatever class; a new reference. NULL without
   an exception if it steps none.  */
static inline PyObject *
stepped_process(State *state)
{
    PyObject *step = thread_step(state);
    if (step == NULL) {
        return NULL;
    }
    PyObject *process = SLOT(step, state->step_process);
    process = process == Py_None ? NULL : Py_XNewRef(process);
    Py_DECREF(step);
    return process;
}

/* --- deques ------------------------------------------------------------------------------------ */

/* Append to a deque of the exact type: 0 or -1.  */
static inline int
append_to(State *state, PyObject *deque, PyObject *object)
{
    if (state->deque_append != NULL) {
        return done_with(state->deque_append(deque, object));
    }
    PyObject *args[2] = {deque, object};
    return done_with(PyObject_Vectorcall(state->append, args, 2, NULL));
}

/* Take the oldest of a deque of the exact type, which is not empty; a new reference.  */
static inline PyObject *
pop_from_left(State *state, PyObject *deque)
{
    if (state->deque_popleft != NULL) {
        return state->deque_popleft(deque, NULL);
    }
    return PyObject_Vectorcall(state->popleft, &deque, 1, NULL);
}

/* The process of `pid`, of whatever class, if it is alive; a new reference. NULL with or without an
   exception otherwise.  */
PyObject *living_process(State *state, PyObject *pid);

/* The same, for a message of a process. It runs Python code if it drops what was found before.  */
PyObject *receiver_of(State *state, PyObject *pid);

/* Raise the StopIteration by which a coroutine returns `*result`, whose reference is given up.  */
static inline void
stop_with(PyObject **result)
{
    /* Not `PyErr_SetObject(StopIteration, result)`, which takes a tuple for arguments.  */
    PyObject *stop = PyObject_CallOneArg(PyExc_StopIteration, *result);
    if (stop != NULL) {
        PyErr_SetObject(PyExc_StopIteration, stop);
        Py_DECREF(stop);
    }
    Py_CLEAR(*result);
}

/* What the poller reports of a descriptor.  */
typedef struct {
    int read, write, ended;
} Report;

/* The arguments of `on_ready` behind the actor: 0 or -1.  */
static inline int
read_report(PyObject *const *args, Report *report)
{
    report->read = PyObject_IsTrue(args[0]);
    report->write = report->read < 0 ? -1 : PyObject_IsTrue(args[1]);
    report->ended = report->write < 0 ? -1 : PyObject_IsTrue(args[2]);
    return report->ended < 0 ? -1 : 0;
}

/* --- tables ------------------------------------------------------------------------------------ */

/* Table(); a new reference.  */
PyObject *new_table(State *state);

/* These are given an instance of exactly the type of C, which the caller holds.  */

Py_ssize_t table_size(PyObject *table);

/* The value; borrowed, NULL with or without an exception.  */
PyObject *table_find(PyObject *table, PyObject *key);

/* Put a value into the table: 0 or -1.  */
int table_set(PyObject *table, PyObject *key, PyObject *value);

/* Remove an entry and return its value, a new reference; NULL with or without an exception.  */
PyObject *table_take(PyObject *table, PyObject *key);

/* --- results ----------------------------------------------------------------------------------- */

void result_dealloc(PyObject *op);

/* Whether `type` is `Ok`, or another class of that form.  */
static inline int
is_class_of_results(PyTypeObject *type)
{
    return type->tp_dealloc == result_dealloc;
}

/* Ok(value); a new reference. That to `value` is taken over, unless there is no memory.  */
PyObject *new_ok(State *state, PyObject *value);

/* Free the memory that was kept.  */
void free_spare_results(State *state);

/* --- across files ------------------------------------------------------------------------------ */

/* In these: 1 done, 0 not plain and nothing has changed, -1 an exception is set.  */

/* LightBody.wake(outcome), of a body of that type.  */
int wake_light(State *state, PyObject *body, PyObject *outcome);

/* TaskBody.wake(outcome), of a body of that type that is parked.  */
int wake_task(State *state, PyObject *body, PyObject *outcome);

/* The process that runs at this moment; a new reference, NULL without an exception if that is none, or
   not one that lives.  */
PyObject *running_process(State *state);

/* Whether `message` is delivered to `process`, which is one, as ever: nobody traces it or the sender.  */
int is_plain_receiver(State *state, PyObject *process, PyObject *message);

/* Process.deliver(message), of a process that the caller holds.  */
int deliver_plainly(State *state, PyObject *process, PyObject *message);

/* Ref(); a new reference.  */
PyObject *new_ref(State *state);

/* The wait of `process` is over, and its code runs: `calling_process` finds it sooner if it is a task. The
   caller holds both.  */
void has_resumed(State *state, PyObject *process, PyObject *body);

/* `process` ends: drop what is kept to find it sooner. The caller holds it.  */
void forget_process(State *state, PyObject *process);

/* The calling process; a task that is none yet is adopted. A new reference, NULL with an exception.  */
PyObject *calling_process(State *state);

/* test_of(pattern), if that is plain; a new reference. NULL with or without an exception otherwise.  */
PyObject *new_matcher(State *state, PyObject *pattern);

/* Whether `matcher`, the result of `new_matcher`, wants `message`: 1, 0, or -1 without an exception if
   only the Python can tell. Runs no Python code.  */
int matches_plainly(State *state, PyObject *matcher, PyObject *message);

/* deliver_call(target, pid, request); a new reference.  */
PyObject *deliver_request(State *state, PyObject *target, PyObject *pid, PyObject *request);

/* HandlerBody.wake() and the step that follows: `message`, for an idle handler, is handled now.  */
int handle_plainly(State *state, PyObject *process, PyObject *message);

/* Process.end(reason), of a light process that nobody watches; the caller holds it.  */
int end_plainly(State *state, PyObject *process, PyObject *reason);

/* Enter and leave contexts as `context.run` does; an exception that is set stays when leaving.  */
int leave_context(PyObject *context);

/* The attempts of operations: `*result`, a new reference, may be None.  */
int attempt_plainly(State *state, PyObject *actor, PyObject **result);
int send_plainly(State *state, PyObject *op, PyObject *actor, PyObject **result);
int recvfrom_plainly(State *state, PyObject *op, PyObject *actor, PyObject **result);

/* Send(data, 0); a new reference.  */
PyObject *new_send(State *state, PyObject *data);

/* The first attempt of such a send, whose operation is made only if something is left: then `*op` is a
   new reference, else NULL.  */
int send_first(State *state, PyObject *actor, PyObject *data, PyObject **op, PyObject **result);

/* ReceiveBuffer.next(): `*packet` is a new reference, or NULL if the packet is incomplete.  */
int next_packet(State *state, PyObject *buffer, PyObject **packet);

/* ReceiveBuffer.pass_through(piece), of an empty buffer, for the types 1, 2 and 4.  */
int whole_packet(State *state, PyObject *buffer, PyObject *piece, PyObject **packet);

/* on_ready(read, write, ended), of an actor of gen_tcp or gen_udp that the caller holds.  */
int report_to_inet(State *state, PyObject *actor, const Report *report);

/* The same, of any of these.  */
int attempt_of(State *state, PyObject *op, PyObject *actor, PyObject **result);

/* Readiness.nothing_to_read(): 1, 0, or -1 without an exception if the case is not plain.  */
int finds_nothing(State *state, PyObject *actor);

/* SocketActor.select_for, of an operation that receives; a new reference.  */
PyObject *select_plainly(State *state, PyObject *actor, PyObject *pid, PyObject *lane,
                         PyObject *handle, PyObject *tag);

/* The counters of a socket: those of bytes, others that every connection uses, and the rest.  */
#define BYTE_COUNTERS(X)                                                                          \
    X(read_byte)                                                                                  \
    X(write_byte)
#define COMMON_COUNTERS(X)                                                                        \
    X(read_tries)                                                                                 \
    X(read_pkg)                                                                                   \
    X(read_pkg_max)                                                                               \
    X(read_fails)                                                                                 \
    X(read_waits)                                                                                 \
    X(write_tries)                                                                                \
    X(write_pkg)                                                                                  \
    X(write_pkg_max)                                                                              \
    X(write_fails)                                                                                \
    X(write_waits)
#define RARE_COUNTERS(X)                                                                          \
    X(acc_tries)                                                                                  \
    X(acc_success)                                                                                \
    X(acc_waits)                                                                                  \
    X(acc_fails)                                                                                  \
    X(sendfile)                                                                                   \
    X(sendfile_tries)                                                                             \
    X(sendfile_byte)                                                                              \
    X(sendfile_pkg)                                                                               \
    X(sendfile_pkg_max)                                                                           \
    X(sendfile_fails)                                                                             \
    X(sendfile_waits)                                                                             \
    X(sendfile_max)

#define DECLARE(name) counted_##name,
typedef enum {
    BYTE_COUNTERS(DECLARE) COMMON_COUNTERS(DECLARE) RARE_COUNTERS(DECLARE)
} Counter;
#undef DECLARE
#define FIRST_COMMON_COUNTER counted_read_tries
#define FIRST_RARE_COUNTER counted_acc_tries

/* An instance of `CountedNumbers`, from which `Counters` is derived.  */
typedef struct {
    PyObject_HEAD
    long long bytes[FIRST_COMMON_COUNTER]; /* -1: in the table */
    PyObject *table;                       /* the rare ones, by name, and large numbers; or NULL */
    unsigned int common[FIRST_RARE_COUNTER - FIRST_COMMON_COUNTER]; /* UINT_MAX: in the table */
} CountedNumbers;

/* Add to a counter. One that can't be written for want of memory stays as it is: the bytes that it
   counts have been moved, and must not be lost with it.  */
void count_slowly(PyObject *counters, Counter which, Py_ssize_t amount);

static inline void
count(PyObject *counters, Counter which, Py_ssize_t amount)
{
    CountedNumbers *self = (CountedNumbers *)counters;
    if (which < FIRST_COMMON_COUNTER) {
        long long *bytes = &self->bytes[which];
        if (*bytes >= 0 && *bytes <= LLONG_MAX - amount) {
            *bytes += amount;
            return;
        }
    }
    else {
        unsigned int *number = &self->common[which - FIRST_COMMON_COUNTER];
        if (amount < (Py_ssize_t)(UINT_MAX - *number)) {
            *number += (unsigned int)amount;
            return;
        }
    }
    count_slowly(counters, which, amount);
}

/* Raise a counter to `amount`, if it is lower.  */
void count_largest(PyObject *counters, Counter which, Py_ssize_t amount);

/* The same of a counter that is an int in the slot at `offset`.  */
void count_in_slot(PyObject *counters, Py_ssize_t offset, Py_ssize_t amount);
void count_largest_in_slot(PyObject *counters, Py_ssize_t offset, Py_ssize_t amount);

/* What the twins of the attempts share.  */
typedef struct {
    PyObject *counters, *kind; /* borrowed */
    int fd;
} Plain;

/* Look at `actor`: 1 if it is open, with a descriptor of the usual kind.  */
int is_plain_socket(State *state, PyObject *actor, Plain *plain);

/* Receive or send in the way of the socket module of Python, without giving up the global lock.  */
int would_block(int error);
PyObject *os_error(int number);
PyObject *receive_bytes(State *state, int fd, Py_ssize_t size, int *error, void *source,
                        unsigned int *length);

#endif
